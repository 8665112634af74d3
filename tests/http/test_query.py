"""Query parameters: each is known, given once, and as it must be."""

from typing import Any
from urllib.parse import quote

import pytest
from starlette.requests import Request

from pearshop.errors import Invalid
from pearshop.http.query import fields, parameters, read, text
from pearshop.schemas.order import OrderOut
from pearshop.schemas.product import ProductQuery
from pearshop.schemas.query import Paged, Sparse


def _read(query: str, model: type[Sparse] = ProductQuery) -> Any:
    return read(Request({"type": "http", "query_string": query.encode(), "headers": []}), model)


def test_what_is_not_given_is_not_wished() -> None:
    assert _read("") == ProductQuery()


@pytest.mark.parametrize(
    ("query", "member", "value"),
    [
        ("ids=3,1,2", "ids", (3, 1, 2)),
        ("in_stock=true", "in_stock", True),
        ("in_stock=0", "in_stock", False),
        ("min_price=0&max_price=5", "max_price", 5),
        ("min_price=", "min_price", None),
        ("category=", "category", ""),
        (f"category={quote('Tea & more')}", "category", "Tea & more"),
        ("ordering=-price", "ordering", "-price"),
        ("ordering=", "ordering", None),
        ("search=pear&ordering=best", "ordering", "best"),
        ("search=two+words", "search", "two words"),
        ("limit=500", "limit", 500),
    ],
)
def test_a_parameter_is_read(query: str, member: str, value: object) -> None:
    assert getattr(_read(query), member) == value


@pytest.mark.parametrize(
    "query",
    [
        *("ids=", "ids=a", "ids=1,,2", "ids=0", "ids=-1", f"ids={2**63}", "ids=1.5"),
        f"ids={','.join(['1'] * 501)}",
        *("in_stock=maybe", "min_price=-1", "min_price=1.5", "max_price=1e3", "limit=0"),
        *("ordering=cheap", "ordering=Price", "search=%00", f"search={'x' * 201}"),
        *(f"category={'x' * 101}", "category=%00", "fields=", "offset=x", "colour=red", "Limit=1"),
        *("page=2", "limit[]=1", "limit=1&limit=1"),
    ],
)
def test_a_bad_one_is_named(query: str) -> None:
    with pytest.raises(Invalid) as refusal:
        _read(query)
    assert query.partition("=")[0] in (refusal.value.extra or {})


def test_best_is_for_a_search() -> None:
    with pytest.raises(Invalid, match="send search as well"):
        _read("ordering=best")


def test_wrong_fields_are_named() -> None:
    with pytest.raises(Invalid, match=r"'order_items\.colour'"):
        fields(_read("fields=id,order_items.colour", Paged), OrderOut)
    assert fields(_read("", Paged), OrderOut) is None


def test_parameters_are_described() -> None:
    described = {each["name"]: each for each in parameters(ProductQuery)}
    assert described.keys() == ProductQuery.model_fields.keys()
    assert described["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 500}
    assert described["ids"]["explode"] is False
    assert described["ids"]["schema"]["maxItems"] == 500
    assert "best" in described["ordering"]["schema"]["enum"]


def test_a_query_is_all_that_came() -> None:
    request = Request({"type": "http", "query_string": b"search=a#&category=\xff", "headers": []})
    assert text(request) == "search=a#&category=\xff"
