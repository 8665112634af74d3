"""Which endpoint a path leads to."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from pearshop.http.dispatch import Dispatch

router = APIRouter(prefix="/api/order")


@router.get("/")
async def listed(request: Request) -> Response:
    return Response()


@router.get("/new/")
async def new(request: Request) -> Response:
    return Response()


@router.get("/{order}/")
async def one(request: Request, order: str) -> Response:
    return Response()


@router.get("/{order}/line/")
async def lines(request: Request, order: str) -> Response:
    return Response()


@router.get("/{order}/line/{line}/cancel/")
async def cancel(request: Request, order: str, line: str) -> Response:
    return Response()


DISPATCH = Dispatch(FastAPI(), [router], {}, 5.0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/order/", (listed, ())),
        ("/api/order/new/", (new, ())),
        ("/api/order/7/", (one, ("7",))),
        ("/api/order/7/line/", (lines, ("7",))),
        ("/api/order/7/line/8/cancel/", (cancel, ("7", "8"))),
        ("/api/order/7", None),
        ("/api/order//", None),
        ("/api/order//line/", None),
        ("/api/order/7/cancel/", None),
        ("/api/order/7/line/8/", None),
        ("/api/order/7/line/8/cancel/9/", None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_path_leads_to_its_endpoint_alone(path: str, expected: Any, method: str) -> None:
    found = DISPATCH.find({"type": "http", "method": method, "path": path})
    assert (found and (found[0], found[2])) == expected


def test_another_method_leads_nowhere() -> None:
    scope = {"type": "http", "method": "POST", "path": "/api/order/7/line/"}
    assert DISPATCH.find(scope) is None
