"""Whether an answer is what was asked for: the same for every subject. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from loadtests.bench.routes import (
    ADD,
    ADDRESS,
    CART_LINES,
    ORDER,
    ORDER_LINES,
    PAGE,
    READ_CART,
    SEARCH,
    Request,
    Route,
)
from loadtests.peers.database import Good


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request."""

    status: int
    content: bytes


def problem_of(
    route: Route, request: Request, answer: Answer, sold: Mapping[int, Good]
) -> str | None:
    """Return what is wrong with an answer, `None` if it is right. `sold`: products by id."""
    if answer.status != route.status:
        return f"{route.name}: status {answer.status}"
    try:
        content = orjson.loads(answer.content)
        return None if CHECKS[route.name](request, content, sold) else f"{route.name}: not as asked"
    except (KeyError, TypeError, ValueError) as error:
        return f"{route.name}: {error!r}"


def _is_product(content: Mapping[str, Any], sold: Mapping[int, Good]) -> bool:
    good = sold[content["id"]]
    wanted = good._asdict()
    del wanted["stock"]  # orders take of it
    return {key: content[key] for key in wanted} == wanted and 0 < content["stock"] <= good.stock


def _product(request: Request, content: Any, sold: Mapping[int, Good]) -> bool:
    return _is_product(content, sold) and request.path.endswith(f"/{content['id']}/")


def _page(request: Request, content: Any, sold: Mapping[int, Good]) -> bool:
    return len({each["id"] for each in content}) == PAGE and all(
        _is_product(each, sold) for each in content
    )


def _search(request: Request, content: Any, sold: Mapping[int, Good]) -> bool:
    word = request.path.partition("search=")[2].partition("&")[0]
    return _page(request, content, sold) and all(
        word in f"{each['name']} {each['description']}" for each in content
    )


def _is_line(content: Mapping[str, Any], sold: Mapping[int, Good]) -> bool:
    return (
        _is_product(content["product"], sold)
        and content["quantity"] >= 1
        and content["total_price"] == content["quantity"] * content["product"]["price"]
        and content["user"]["username"].startswith("load-")
    )


def _cart(request: Request, content: Any, sold: Mapping[int, Good]) -> bool:
    return len({each["id"] for each in content}) == CART_LINES and all(
        _is_line(each, sold) for each in content
    )


def _add(request: Request, content: Any, sold: Mapping[int, Good]) -> bool:
    return _is_line(content, sold) and bool(
        content["product"]["id"] == orjson.loads(request.body)["product_id"]
    )


def _order(request: Request, content: Any, sold: Mapping[int, Good]) -> bool:
    lines = content["order_items"]
    return (
        len(lines) == ORDER_LINES
        and [each["id"] for each in lines] == orjson.loads(request.body)["order_item_ids"]
        and all(_is_line(each, sold) for each in lines)
        and content["total_price"] == sum(each["total_price"] for each in lines)
        and content["delivery_address"] == ADDRESS
    )


CHECKS: dict[str, Callable[[Request, Any, Mapping[int, Good]], bool]] = {
    "product": _product,
    "page": _page,
    SEARCH.name: _search,
    READ_CART.name: _cart,
    ADD.name: _add,
    ORDER.name: _order,
}
