"""What nobody should send: always a clear 4xx, never a 5xx, never a stack trace."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Caller, Shop
from tests.e2e.test_cart import CART, add, cart_of

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
PATHS = {
    "/api/register/": {"POST"},
    "/api/login/": {"POST"},
    "/api/token/refresh/": {"POST"},
    "/api/check/": {"GET"},
    "/api/logout/": {"POST"},
    "/api/password/": {"POST"},
    "/api/product/": {"GET", "POST"},
    "/api/product/1/": {"GET", "PUT", "PATCH", "DELETE"},
    "/api/order-item/": {"GET", "POST"},
    "/api/order-item/1/": {"GET", "PUT", "PATCH", "DELETE"},
    "/api/order/": {"GET", "POST"},
    "/api/order/1/": {"GET", "PATCH"},
    "/api/category/": {"GET"},
    "/api/image/": {"POST"},
    "/api/healthz/": {"GET"},
    "/api/readyz/": {"GET"},
    "/api/batch/": {"POST"},
}
WITH_BODY = [
    pytest.param(method, path, id=f"{method} {path}")
    for path, methods in PATHS.items()
    for method in sorted(methods & {"POST", "PUT", "PATCH"})
    if path not in {"/api/logout/", "/api/image/"}  # which take none, and a file
]
TOO_LARGE = 1_048_577
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


@pytest.fixture(scope="module")
def staff(shop: Shop) -> Caller:
    """Staff come past every check of who calls, so that the body is what is refused."""
    return shop.staff


def assert_refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text[:500]
    assert answer.headers["Content-Type"] == JSON
    body = answer.json()
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert body["status"] == answer.status_code
    assert "Traceback" not in answer.text
    assert "pearshop/" not in answer.text


MALFORMED = {
    "empty": b"",
    "blanks": b"  \n ",
    "not JSON": b"pear",
    "cut off": b'{"username": "x"',
    "array": b"[]",
    "array of objects": b'[{"username": "x"}]',
    "string": b'"pear"',
    "null": b"null",
    "number": b"5",
    "true": b"true",
    "empty object": b"{}",
    "NaN": b'{"quantity": NaN, "price": NaN}',
    "Infinity": b'{"quantity": Infinity, "price": -Infinity}',
    "not UTF-8": b'{"username": "\xff\xfe"}',
    "UTF-16": '{"username": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"username": "x"}',
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep arrays, open": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep in a member": b'{"order_item_ids":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NUL bytes": b"\x00" * 100,
    "NUL name": b'{"\\u0000": 1}',
    "NUL after JSON": b"{}\x00",
}


class TestJson:
    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
    @pytest.mark.parametrize(("method", "path"), WITH_BODY)
    def test_bodies_that_mean_nothing(
        self, staff: Caller, method: str, path: str, body: bytes
    ) -> None:
        answer = staff.call(method, path, content=body, headers={"Content-Type": JSON})
        assert_refused(answer, 400)

    def test_a_body_without_a_content_type_is_taken_for_json(self, staff: Caller) -> None:
        assert_refused(staff.call("POST", "/api/login/", content=b"pear"), 400)


MEMBERS = [
    *("username", "password", "refresh", "old_password", "new_password"),
    *("name", "price", "image", "description", "sku", "stock", "category"),
    *("product_id", "quantity", "delivery_address", "order_item_ids", "expected_total_price"),
]
VALUES = {
    "NUL": r'"a\u0000b"',
    "lone surrogate": r'"\ud800"',
    "surrogates in the wrong order": r'"\udc00\ud800"',
    "empty": '""',
    "blank": '"   "',
    "over-long": '"' + "x" * 50_000 + '"',
    "true": "true",
    "false": "false",
    "null": "null",
    "fraction": "1.5",
    "tiny fraction": "1e-400",
    "beyond a float": "1e400",
    "2**31": str(2**31),
    "2**63": str(2**63),
    "2**64": str(2**64),
    "-2**63-1": str(-(2**63) - 1),
    "5000 digits": "9" * 5_000,
    "5000 digits as text": '"' + "9" * 5_000 + '"',
    "negative as text": '"-1"',
    "other digits": '"\u0663\uff11\u00b2"',
    "object": '{"$gt": 0}',
    "array of arrays": "[[1], [2]]",
    "array of nulls": "[null]",
}


class TestMembers:
    @pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
    @pytest.mark.parametrize(("method", "path"), WITH_BODY)
    def test_wrong_values(self, staff: Caller, method: str, path: str, value: str) -> None:
        """Every member at once has the value; a name or token that fits is just a wrong one."""
        body = "{" + ", ".join(f'"{member}": {value}' for member in MEMBERS) + "}"
        answer = staff.call(method, path, content=body, headers={"Content-Type": JSON})
        assert_refused(answer, 400, 401)
        if answer.status_code == 401:
            assert path in {"/api/login/", "/api/token/refresh/"}


def part(header: str, body: str = "v", end: str = "\r\n--x--\r\n") -> bytes:
    return f"--x\r\n{header}\r\n\r\n{body}{end}".encode("latin-1")


NAMED = 'Content-Disposition: form-data; name="username"'
FORMS = {
    "empty": (FORM, b""),
    "only signs": (FORM, b"&&==&=&%%%&+"),
    "NUL": (FORM, b"username=%00&password=%00&name=%00&price=%00&refresh=%00"),
    "NUL as quantity": (FORM, b"quantity=%00&product_id=%00&delivery_address=%00"),
    "not UTF-8": (FORM, b"quantity=%ff&price=%ff&\xff\xfe=\xff"),
    "a surrogate": (FORM, b"quantity=%ed%a0%80&price=%ed%a0%80"),
    "other digits": (FORM, "quantity=\u0663&product_id=\uff11&price=\u00b2".encode()),
    "too many fields": (FORM, "&".join(f"f{n}=" for n in range(2_001)).encode()),
    "multipart without boundary": ("multipart/form-data", part(NAMED)),
    "multipart with an empty boundary": ("multipart/form-data; boundary=", part(NAMED)),
    "multipart with a long boundary": ("multipart/form-data; boundary=" + "x" * 300, part(NAMED)),
    "multipart, empty": (MULTIPART, b""),
    "multipart, garbage": (MULTIPART, b"\x00\xff" * 50),
    "multipart, another boundary": (MULTIPART, part(NAMED).replace(b"--x", b"--y")),
    "multipart, cut off": (MULTIPART, part(NAMED, end="")),
    "multipart, a part without a name": (MULTIPART, part("Content-Disposition: form-data")),
    "multipart, a part without a header": (MULTIPART, part("")),
    "multipart, a header without end": (MULTIPART, b"--x\r\n" + b"A" * 10_000),
    "multipart, a NUL": (MULTIPART, part(NAMED, "\x00")),
    "multipart, a file": (MULTIPART, part(NAMED + '; filename="a"')),
    "multipart, a file named detail": (
        MULTIPART,
        part('Content-Disposition: form-data; name="detail"; filename="a"'),
    ),
    "multipart, too many fields": (MULTIPART, b"--x\r\n%b\r\n\r\n\r\n" % NAMED.encode() * 2_001),
    **{
        f"multipart in {charset!r}": (f"{MULTIPART}; charset={charset}", part(NAMED, "\\ud800"))
        for charset in ("undefined", "idna", "unicode_escape", "base64", "utf-7", "no-such")
    },
}


class TestForms:
    @pytest.mark.parametrize(("kind", "body"), FORMS.values(), ids=FORMS.keys())
    @pytest.mark.parametrize(("method", "path"), WITH_BODY)
    def test_forms_that_mean_nothing(
        self, staff: Caller, method: str, path: str, kind: str, body: bytes
    ) -> None:
        answer = staff.call(method, path, content=body, headers={"Content-Type": kind})
        assert_refused(answer, 400)

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/xml", "application/octet-stream", "pear", "text/json"]
    )
    @pytest.mark.parametrize(("method", "path"), WITH_BODY)
    def test_other_formats(self, staff: Caller, method: str, path: str, kind: str) -> None:
        answer = staff.call(method, path, content=b"{}", headers={"Content-Type": kind})
        assert_refused(answer, 415)


def in_chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


LARGE = {
    JSON: b'{"username": "' + b"x" * TOO_LARGE + b'"}',
    FORM: b"username=" + b"x" * TOO_LARGE,
    MULTIPART: part(NAMED, "x" * TOO_LARGE),
}


class TestLarge:
    @pytest.mark.parametrize("kind", LARGE)
    @pytest.mark.parametrize("chunked", [False, True], ids=["with length", "in chunks"])
    @pytest.mark.parametrize(("method", "path"), WITH_BODY)
    def test_a_body_beyond_the_limit(
        self, staff: Caller, method: str, path: str, kind: str, chunked: bool
    ) -> None:
        body = LARGE[kind]
        content = in_chunks(body) if chunked else body
        answer = staff.call(method, path, content=content, headers={"Content-Type": kind})
        assert_refused(answer, 413)
        assert answer.json()["code"] == "too_large"

    def test_a_body_at_the_limit(self, staff: Caller) -> None:
        body = b'{"quantity": 0}'.ljust(TOO_LARGE - 1)
        for content in (body, in_chunks(body)):
            headers = {"Content-Type": JSON}
            answer = staff.call("PUT", f"{CART}1/", content=content, headers=headers)
            assert_refused(answer, 400)


UNKNOWN_PATHS = [
    *("/api", "/api/", "/api/nothing/", "/API/product/", "//api/product/", "/api//product/"),
    *("/api/product//", "/api/product/1/more/", "/api/product/../../etc/passwd"),
    *("/api/%00/", "/%00", "/api/%ff%fe/", "/api/\U0001f350/", "/api/product/1%2F2/", "/.env"),
    *("/api/" + "x" * 4_000, "/api/" + "x/" * 1_000, "/api/product;x=1/", "/api/%2e%2e/"),
]


class TestPaths:
    @pytest.mark.parametrize("path", UNKNOWN_PATHS, ids=lambda path: path[:32])
    def test_unknown_ones(self, staff: Caller, path: str) -> None:
        assert_refused(staff.get(path), 404)

    @pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            pytest.param(method, path, id=f"{method} {path}")
            for path, methods in PATHS.items()
            for method in sorted(METHODS - methods)
        ],
    )
    def test_wrong_methods_tell_the_right_ones(
        self, staff: Caller, method: str, path: str, slash: str
    ) -> None:
        answer = staff.call(method, path.removesuffix("/") + slash)
        assert_refused(answer, 405)
        allowed = {each.strip() for each in answer.headers["Allow"].split(",")}
        assert allowed - {"HEAD", "OPTIONS"} == PATHS[path]

    @pytest.mark.parametrize(
        "identity",
        [
            *("0", "-1", "+1", "1.0", "1e3", "0x1", "1_0", "%201", "1%20", "null", "abc", "*"),
            *("%00", "1%00", "%ff", "\u00b2", "\uff11", "\u0663", "1'--", "1;2", "%0a1"),
            *(str(2**53), str(2**63 - 1), str(2**63), str(2**64), "9" * 4_000),
        ],
        ids=lambda text: text[:20],
    )
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            pytest.param(method, path.removesuffix("1/"), id=f"{method} {path}")
            for path, methods in PATHS.items()
            if path.endswith("1/")
            for method in sorted(methods)
        ],
    )
    def test_ids_that_are_none(self, staff: Caller, method: str, path: str, identity: str) -> None:
        body = {"name": "Pear", "price": 5, "quantity": 1, "status": "packed"}
        answer = staff.call(method, f"{path}{identity}/", json=body)
        assert_refused(answer, 404)


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


QUERIES = [
    *(("limit", x) for x in ("", "0", "-1", "501", "x", "1.5", "\u0663", "\x00", "1e1", " ")),
    *(("limit", str(x)) for x in (2**31, 2**63, 2**64, 10**4_000)),
    *(("cursor", x) for x in ("", "x", "\u00e9", "\x00", "AAAA", "====", "a b", "\U0001f350")),
    *(("cursor", cursor(x)) for x in ("", ".", "x", "-1", "-1.-1", "1.2.3", "\u00b2", "1" * 400)),
    *(("cursor", cursor(x)) for x in (str(2**64), f"{2**64}.{2**64}", "\x00", "1e3", "NaN")),
]


class TestQueries:
    @pytest.mark.parametrize(("name", "value"), QUERIES, ids=lambda text: repr(text)[:24])
    @pytest.mark.parametrize("path", ["/api/product/", CART, "/api/order/"])
    def test_bad_pages(self, staff: Caller, path: str, name: str, value: str) -> None:
        answer = staff.get(path, params={name: value})
        assert_refused(answer, 400)
        assert answer.json()[name]

    def test_a_cursor_beyond_the_calendar(self, staff: Caller) -> None:
        answer = staff.get("/api/product/", params={"cursor": cursor("999999999999999999.1")})
        assert_refused(answer, 400)

    @pytest.mark.parametrize("query", ["?x=1", "?limit[]=1", "?%00=%00", "?" + "a&" * 2_000, "?=1"])
    def test_unknown_ones(self, staff: Caller, query: str) -> None:
        answer = staff.get(f"/api/product/{query}")
        assert_refused(answer, 400)
        assert answer.json()["code"] == "unknown_parameter"


class TestHeaders:
    @pytest.mark.parametrize("key", [b"", b"x" * 256, b"x" * 5_000], ids=len)
    def test_bad_idempotency_keys(self, shop: Shop, key: bytes) -> None:
        product, shopper = shop.product(), shop.shopper()
        line = add(shopper, product)
        path = f"{CART}{line['id']}/"
        calls: list[tuple[str, str, Any]] = [
            ("POST", CART, {"product_id": product["id"], "quantity": 1}),
            ("PUT", path, {"quantity": 2}),
            ("PATCH", path, {"quantity": 2}),
            ("DELETE", path, None),
            ("POST", "/api/order/", {"delivery_address": "x", "order_item_ids": [line["id"]]}),
        ]
        for method, to, body in calls:
            answer = shopper.call(method, to, json=body, headers={"Idempotency-Key": key})
            assert_refused(answer, 400)
        assert cart_of(shopper) == [line]

    @pytest.mark.parametrize(
        "key",
        [b"x", b"x" * 255, b"a b", b"\xff\xfe", "Birne \U0001f350".encode(), b"'; --"],
        ids=repr,
    )
    def test_odd_idempotency_keys_that_are_fine(self, shop: Shop, key: bytes) -> None:
        shopper = shop.shopper()
        body = {"product_id": shop.product()["id"], "quantity": 1}
        headers = {"Idempotency-Key": key}
        answers = [shopper.post(CART, body, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert cart_of(shopper) == [answers[0].json()]

    def test_huge_headers(self, staff: Caller) -> None:
        """The proxy may refuse them in its own words; the shop stays up."""
        answer = staff.get("/api/product/", headers={"X-Junk": "x" * 40_000})
        assert answer.status_code == 200 or 400 <= answer.status_code < 500
        assert "Traceback" not in answer.text
        assert staff.get("/api/check/").status_code == 200

    def test_many_headers(self, staff: Caller) -> None:
        headers = {f"X-{number}": "x" for number in range(90)}
        assert staff.get("/api/check/", headers=headers).status_code == 200
