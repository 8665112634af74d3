"""What is logged of requests: what is odd, not too much of it, and all where it is wanted."""

import json
import logging
import sys
from typing import Any

import pytest

from pearshop.errors import Unavailable
from pearshop.telemetry.logs import LINES, SLOW_S, JsonLines, Lines
from pearshop.telemetry.origins import ORIGINS, request_id_of
from pearshop.telemetry.work import Work, name_of


@pytest.fixture
def lines() -> Lines:
    return Lines(clock=lambda: 7.0)


def _told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records]


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("pearshop"), "parent", logging.getLogger())
    monkeypatch.setattr(logging.getLogger("pearshop"), "propagate", True)
    caplog.set_level(logging.INFO, "pearshop")


def test_what_failed_and_what_is_slow_is_told(
    lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    lines.replica = "Api#a"
    lines.request("fine", "/api/x/", "GET", 404, 0.1)
    lines.request("failed", "/api/x/", "GET", 503, 0.1)
    lines.request("slow", "/api/x/", "GET", 200, SLOW_S)
    first, second = _told(caplog)
    assert (first["request_id"], first["status"], first["replica"]) == ("failed", 503, "Api#a")
    assert (second["request_id"], second["duration_ms"]) == ("slow", 1000.0)


def test_an_overload_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    lines = Lines(clock=lambda: now[0])
    for _ in range(LINES + 5):
        lines.request("id", "/api/x/", "GET", 503, 0.1)
    assert len(caplog.records) == LINES
    now[0] += 1
    lines.request("id", "/api/x/", "GET", 503, 0.1)
    assert _told(caplog)[-1]["left_out"] == 5


def test_all_tells_of_all_but_of_work_for_nobody(
    lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    lines.all = True
    for number in range(LINES + 5):
        lines.request(str(number), "/api/x/", "GET", 200, 0.1)
    lines.work("cart.load", [], 0.1, None)
    lines.work("cart.load", [("a", ""), ("b", "")], 0.1, None)
    assert len(caplog.records) == LINES + 6
    assert _told(caplog)[-1]["request_ids"] == ["a", "b"]


def test_work_that_fails_names_its_requests_and_leaves_the_context_as_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        with Work("host.save", [("a", "")]):
            assert ORIGINS.get() == (("a", ""),)
            raise Unavailable("Away.")

    with pytest.raises(Unavailable):
        fail()
    assert ORIGINS.get() == ()
    [told] = _told(caplog)
    assert (told["work"], told["request_ids"], told["failure"]) == ("host.save", ["a"], "Away.")


def test_a_cart_hosts_line_is_json_with_its_trace() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.LogRecord("x", 40, "f.py", 1, "It %s.", ("failed",), sys.exc_info())
    record.request_ids = ["a"]
    told = json.loads(JsonLines("cart-host-0").format(record))
    assert (told["message"], told["replica"], told["request_ids"]) == (
        "It failed.",
        "cart-host-0",
        ["a"],
    )
    assert "ValueError: no" in told["exc_text"]


def test_operations_go_by_their_room_and_name() -> None:
    from pearshop.db import cart

    assert name_of(cart.save) == "cart.save"


@pytest.mark.parametrize("sent", [b"a", b"8f1c-.7_A", b"x" * 64])
def test_a_clients_id_is_kept(sent: bytes) -> None:
    assert request_id_of(sent) == sent.decode()


@pytest.mark.parametrize("sent", [None, b"", b"a b", b"x" * 65, b"a\n", b"\xff", b'"', b"a,b"])
def test_another_one_is_made(sent: bytes | None) -> None:
    made = {request_id_of(sent), request_id_of(sent)}
    assert len(made) == 2
    assert all(request_id_of(each.encode()) == each for each in made)
