"""Serve's HAProxy configuration as PearShop mends it, and the real HAProxy's word on it."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from pearshop.http import addresses, app, services
from pearshop.launcher import haproxy
from tests.launcher.ingress import serves_configuration


def _check(text: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    file = folder / "checked.cfg"
    file.write_text(text)
    command = [haproxy._program(), "-c", "-f", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def written(tmp_path: Path) -> str:
    """The configuration as the pinned Ray writes it."""
    return serves_configuration(tmp_path, 8000, [30000])


def test_what_serve_writes_is_mended_once(written: str, tmp_path: Path) -> None:
    mended = haproxy.mended(written)
    assert "errorfile" not in mended
    assert mended.count("127.0.0.1:30000 maxconn 128") == 2
    assert "bind *:" not in mended
    assert "bind :" not in mended
    assert haproxy.mended(mended) == mended
    checked = _check(mended, tmp_path)
    assert checked.returncode == 0, checked.stderr


def _preferred(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^    use-server (\S+) if \{ be_conn\((\S+)\) le 16 \}$", text, re.MULTILINE)


def test_each_node_prefers_a_replica_of_its_own_where_there_are_several(
    written: str, tmp_path: Path
) -> None:
    assert not _preferred(haproxy.mended(written))
    several = serves_configuration(tmp_path, 8000, [30000, 30001, 30002])
    found: Counter[str] = Counter()
    for node in range(300):
        mended = haproxy.mended(several, node=f"{node:x}")
        (server, backend), (_, of_pages) = _preferred(mended)
        assert {backend, of_pages} == {"http-pearshop", "http-admin"}
        found[server] += 1
    assert sorted(found) == [f"SERVE_REPLICA_{port}" for port in (30000, 30001, 30002)]
    assert min(found.values()) > 50
    checked = _check(mended, tmp_path)
    assert checked.returncode == 0, checked.stderr


def test_a_stopgap_keeps_the_routes_and_hides_from_serve(written: str, tmp_path: Path) -> None:
    stopgap = haproxy.stopgap_of(haproxy.mended(written))
    assert "127.0.0.1:30000" in stopgap
    assert "stats socket" not in stopgap
    assert _check(stopgap, tmp_path).returncode == 0


def test_another_version_of_the_configuration_is_told(written: str) -> None:
    with pytest.raises(ValueError, match="nothing like"):
        haproxy.mended(written.replace("errorfile", "error-file"))


def test_whoever_comes_before_there_are_routes_is_told_so(written: str) -> None:
    _, _, rest = haproxy.mended(written).partition("\nbackend default_backend\n")
    page, data = rest.splitlines()[:2]
    assert "text/html" in page
    assert page.endswith("if { path_beg /admin/ }")
    assert "application/json" in data


def test_the_words_that_the_shop_shares_with_its_ingress() -> None:
    assert haproxy.KEYED_PATHS == app.KEYED
    assert haproxy.REQUEST_ID == services.REQUEST_ID_HEADER
    assert haproxy.CLIENT == addresses.INGRESS_CLIENT


def test_a_new_manager_starts_with_the_last_routes(written: str, tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    haproxy._mend(file)
    with_routes = file.read_text()
    without = "\n".join(line for line in written.split("\n") if haproxy.SERVER not in line)
    file.write_text(without)
    haproxy._mend(file)
    assert file.read_text() == with_routes


@pytest.mark.parametrize(
    ("given", "taken_over"),
    [
        (["-f", "c"], ["-f", "c", "-sf", "7"]),
        (["-f", "c", "-sf", "5", "-x", "s"], ["-f", "c", "-sf", "7", "5", "-x", "s"]),
    ],
)
def test_what_is_left_behind_is_taken_over(given: list[str], taken_over: list[str]) -> None:
    assert haproxy.taking_over(given, ["7"]) == taken_over
    assert haproxy.taking_over(given, []) == given
