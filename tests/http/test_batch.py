"""Calls within a batch, by an application of the test's own."""

import asyncio
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from pearshop.http.batch import MAX_ANSWERS, TO_ANSWER_S, carry_out
from pearshop.http.members import REQUEST_ID, UNTIL
from pearshop.schemas.batch import BatchCall


class App:
    """Answers with what it was asked; `slow` paths never, `large` ones at length."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        request = Request(scope, receive)
        if "broken" in scope["path"]:
            raise RuntimeError("secret")
        if "slow" in scope["path"]:
            while asyncio.get_running_loop().time() < scope[UNTIL]:
                await asyncio.sleep(0)
        content = orjson.dumps(
            {
                "method": request.method,
                "path": scope["path"],
                "query": request.url.query,
                "body": (await request.body()).decode(),
                "large": "x" * MAX_ANSWERS if "large" in scope["path"] else "",
            }
        )
        headers = [(b"etag", b'"e"'), (b"x-frame-options", b"DENY"), (b"retry-after", b"1")]
        await send({"type": "http.response.start", "status": 207, "headers": headers})
        await send({"type": "http.response.body", "body": content[:9], "more_body": True})
        await send({"type": "http.response.body", "body": content[9:]})


async def _run(
    app: App, *calls: BatchCall, seconds: float = 60, **headers: str
) -> list[dict[str, Any]]:
    sent = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {
        "type": "http",
        "app": app,
        "asgi": {"version": "3.0"},
        "scheme": "http",
        "method": "POST",
        "headers": sent,
        REQUEST_ID: "outer",
    }
    answers = await carry_out(Request(scope), calls, seconds)
    done: list[dict[str, Any]] = orjson.loads(orjson.dumps([each.render() for each in answers]))
    return done


async def test_each_call_is_asked_as_it_stands_and_in_order() -> None:
    calls = [
        BatchCall(path="/api/a/?x=1&y=%20"),
        BatchCall(method="POST", path="/api/b%20c/", body={"q": [1]}),
    ]
    first, second = await _run(App(), *calls)
    assert first["status"] == 207
    assert first["headers"] == {"etag": '"e"', "retry-after": "1"}
    assert first["body"] | {"large": ""} == {
        "method": "GET",
        "path": "/api/a/",
        "query": "x=1&y=%20",
        "body": "",
        "large": "",
    }
    assert (second["body"]["path"], second["body"]["body"]) == ("/api/b c/", '{"q":[1]}')


async def test_each_call_has_the_batchs_caller_and_a_request_id_of_its_own() -> None:
    app = App()
    await _run(
        app,
        BatchCall(path="/api/a/", headers={"Idempotency-Key": "k"}),
        BatchCall(path="/api/b/", body={}),
        authorization="Bearer t",
        cookie="c",
        idempotency_key="of the batch",
        content_length="99",
        x_ingress_request_id="id",
        x_ingress_client="192.0.2.1",
    )
    told = {"authorization": "Bearer t", "x-ingress-client": "192.0.2.1"}
    first, second = ({k.decode(): v.decode() for k, v in scope["headers"]} for scope in app.scopes)
    assert first == told | {"idempotency-key": "k", "x-ingress-request-id": "id.0"}
    assert second == told | {
        "content-type": "application/json",
        "x-ingress-request-id": "id.1",
    }
    assert [scope[REQUEST_ID] for scope in app.scopes] == ["outer.0", "outer.1"]


async def test_a_broken_call_does_not_stop_the_next() -> None:
    answers = await _run(App(), BatchCall(path="/api/broken/"), BatchCall(path="/api/a/"))
    assert [each["status"] for each in answers] == [500, 207]
    assert "secret" not in str(answers)


async def test_no_call_is_begun_when_the_time_is_up() -> None:
    app = App()
    calls = [BatchCall(path="/api/slow/"), BatchCall(method="POST", path="/api/order/", body={})]
    answers = await _run(app, *calls, seconds=TO_ANSWER_S + 0.05)
    assert [each["status"] for each in answers] == [207, 503]
    assert answers[1]["body"]["safe_to_repeat"] is True
    assert len(app.scopes) == 1


async def test_no_call_is_begun_when_the_answers_are_large() -> None:
    answers = await _run(App(), BatchCall(path="/api/large/"), BatchCall(path="/api/a/"))
    assert [each["status"] for each in answers] == [207, 503]


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "http://elsewhere/api/"},
        {"path": "//elsewhere/api/"},
        {"path": "/docs"},
        {"path": "/api/a b"},
        {"path": "/api/\n"},
        {"path": "/api/" + "x" * 4_000},
        {"path": "/api/a/", "method": "TRACE"},
        {"path": "/api/a/", "method": "get"},
        {"path": "/api/a/", "headers": {"Authorization": "Bearer other"}},
        {"path": "/api/a/", "headers": {"If-Match": "a\r\nx: y"}},
        {"path": "/api/a/", "body": [1]},
        {"path": "/api/a/", "url": "x"},
        {},
    ],
)
def test_what_is_no_call_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        BatchCall.model_validate(wrong)
