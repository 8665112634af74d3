"""Schemathesis over the whole OpenAPI document: whatever is sent, the answer is as documented.

A shop of its own: staff's calls change the catalogue at random. Signed out, as a shopper and as
staff; every other id is one that is there. Rate limits are off, or most answers would be 429.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from pearshop.http.app import openapi
from tests.e2e.conftest import PASSWORD, STAFF_PASSWORD, running_shop
from tests.http.media.pictures import picture, saved

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "10"))
NOT_CHECKED: Any = [positive_data_acceptance, negative_data_rejection]
"""Whether an answer is a 2xx just when the schema is kept: rules know more than schemas can say."""
PEAR = {"name": "Pear", "price": 5, "category": "Fruit"}
# A stream goes on for half a minute, whatever is asked: `test_whole_cart` has its tests.
schema = schemathesis.openapi.from_dict(openapi()).exclude(path="/api/cart/events/")


class Visitors:
    """Those who call, each by its headers, and what they find."""

    def __init__(self, http: httpx.Client, staff_username: str) -> None:
        self.url = str(http.base_url)
        self._http = http
        self._staff = staff_username
        self._tokens: dict[str, str] = {}
        self._cases = 0
        who = {"username": "shopper", "password": PASSWORD}
        assert http.post("/api/register/", json=who).status_code == 201
        self.product_id()

    def nobody(self) -> dict[str, str]:
        return {}

    def shopper(self) -> dict[str, str]:
        return self._signed_in("shopper", PASSWORD)

    def staff(self) -> dict[str, str]:
        return self._signed_in(self._staff, STAFF_PASSWORD)

    def lead(self, case: "schemathesis.Case[Any]") -> None:
        """Let every other case ask for something that is there."""
        self._cases += 1
        if self._cases % 2:
            case.path_parameters.update(
                {name: getattr(self, name)() for name in case.path_parameters}
            )

    def product_id(self) -> int:
        return self._made("/api/product/", self.staff(), PEAR)

    def line(self) -> int:
        wish = {"product_id": self.product_id(), "quantity": 1}
        return self._made("/api/order-item/", self.shopper(), wish)

    def order_id(self) -> int:
        wish = {"delivery_address": "Here", "order_item_ids": [self.line()]}
        return self._made("/api/order/", self.shopper(), wish)

    def user_id(self) -> int:
        """Return somebody's who is new, so that no call takes the callers' rights away."""
        name = f"somebody {os.urandom(6).hex()}"
        who = {"username": name, "password": PASSWORD}
        assert self._http.post("/api/register/", json=who).status_code == 201
        found = self._http.get("/api/user/", params={"search": name}, headers=self.staff()).json()
        return int(found[0]["id"])

    def session_id(self) -> int:
        who = {"username": "shopper", "password": PASSWORD}
        token = self._http.post("/api/login/", json=who).json()["access"]
        own = self._http.get("/api/session/", headers={"Authorization": f"Bearer {token}"}).json()
        return int(own[0]["id"])

    def webhook_id(self) -> int:
        """Return a webhook's, which leads to where nobody listens."""
        for each in self._http.get("/api/webhook/", headers=self.staff()).json():
            if each["active"]:
                return int(each["id"])
        url = f"http://127.0.0.1:9/{os.urandom(4).hex()}"
        return self._made("/api/webhook/", self.staff(), {"url": url})

    def delivery_id(self) -> int:
        return self._made(f"/api/webhook/{self.webhook_id()}/test/", self.staff(), {})

    def image_name(self) -> str:
        files = {"image": ("pear.png", saved(picture(), "PNG"))}
        made = self._http.post("/api/image/", headers=self.staff(), files=files)
        assert made.status_code == 201, made.text
        return str(made.json()["image"]).rpartition("/")[2]

    def _made(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> int:
        made = self._http.post(path, headers=headers, json=body)
        assert made.is_success, made.text
        return int(made.json()["id"])

    def _signed_in(self, username: str, password: str) -> dict[str, str]:
        """Sign in, again where a call has signed the caller out."""
        headers = {"Authorization": f"Bearer {self._tokens.get(username)}"}
        if self._http.get("/api/check/", headers=headers).status_code == 200:
            return headers
        who = {"username": username, "password": password}
        self._tokens[username] = self._http.post("/api/login/", json=who).json()["access"]
        return {"Authorization": f"Bearer {self._tokens[username]}"}


@pytest.fixture(scope="module")
def visitors(own_folder: Path) -> Iterator[Visitors]:
    """A shop with one product and a shopper."""
    settings = {"PEARSHOP_WEBHOOK_PRIVATE_ADDRESSES": "on"}
    with running_shop(own_folder / "fuzzed", **settings) as running:
        yield Visitors(running.http, running.run["staff_username"])


@pytest.mark.parametrize("who", [Visitors.nobody, Visitors.shopper, Visitors.staff])
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_documented(
    visitors: Visitors, who: Callable[[Visitors], dict[str, str]], case: "schemathesis.Case[Any]"
) -> None:
    assume(len(str(case.query)) < 2_000)  # a longer head is refused by HAProxy in its own words
    visitors.lead(case)
    headers = who(visitors)
    case.call_and_validate(visitors.url, headers=headers, excluded_checks=NOT_CHECKED, timeout=30)
