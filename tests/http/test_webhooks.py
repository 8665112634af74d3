"""`/api/webhook/` without a shop around it: who may what, and what is refused in which words."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest
from pydantic import TypeAdapter

from pearshop.actors.carts import Carts
from pearshop.db import audit, webhook
from pearshop.domain.user import Role
from pearshop.domain.webhook import MAX_URL, TOPICS, State
from pearshop.http.app import make_app
from pearshop.http.media.images import Images
from pearshop.http.passwords import Passwords
from pearshop.http.products import Products
from pearshop.http.services import Services
from pearshop.http.tokens import Tokens
from pearshop.schemas.webhook import DeliveryOut, WebhookOut, WebhookTold
from pearshop.settings import Settings
from tests.db.conftest import Rows, rows
from tests.db.test_delivery import DELIVERED, Told, told
from tests.standby import LocalDatabase

__all__ = ["rows", "told"]
HOOKS = "/api/webhook/"
URL = "http://127.0.0.1:9/events"


class Api:
    """The application, and users of each role."""

    def __init__(self, settings: Settings, database: LocalDatabase, rows: Rows) -> None:
        self._tokens = Tokens("k" * 32)
        self._users = {role: replace(rows.user(), role=role) for role in Role}
        services = Services(
            settings,
            database,
            cast("Carts", None),
            Products(database, settings),
            self._tokens,
            Passwords(1),
            images=cast("Images", None),
        )
        self.http = httpx.AsyncClient(
            base_url="http://localhost", transport=httpx.ASGITransport(make_app(services))
        )

    async def ask(
        self, method: str, path: str, role: Role = Role.OWNER, **how: Any
    ) -> httpx.Response:
        token = self._tokens.access(self._users[role], 1)
        headers = {"Authorization": f"Bearer {token}"} | how.pop("headers", {})
        return await self.http.request(method, path, headers=headers, **how)

    async def made(self, **members: Any) -> dict[str, Any]:
        """Add a webhook."""
        answer = await self.ask("POST", HOOKS, json={"url": URL} | members)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[LocalDatabase]:
    database = LocalDatabase(Settings(database_url=database_url))
    yield database
    database.close()


@pytest.fixture
def settings() -> Settings:
    return Settings(webhook_private_addresses=True)


@pytest.fixture
def api(settings: Settings, database: LocalDatabase, rows: Rows) -> Api:
    return Api(settings, database, rows)


def fits(model: Any, answer: httpx.Response) -> Any:
    found = answer.json()
    TypeAdapter(model).validate_python(found)
    return found


class TestRoles:
    WRITES = (
        ("POST", HOOKS),
        ("PATCH", f"{HOOKS}1/"),
        ("DELETE", f"{HOOKS}1/"),
        ("POST", f"{HOOKS}1/test/"),
        ("POST", f"{HOOKS}1/delivery/1/redeliver/"),
    )
    READS = (HOOKS, f"{HOOKS}1/", f"{HOOKS}1/delivery/")

    @pytest.mark.parametrize(("method", "path"), WRITES)
    async def test_owners_alone_may_change(self, api: Api, method: str, path: str) -> None:
        await api.made()
        for role in (Role.SHOPPER, Role.VIEWER, Role.EDITOR):
            answer = await api.ask(method, path, role, json={"url": URL, "active": False})
            assert answer.status_code == 403, answer.text
        assert (await api.http.request(method, path)).status_code == 401
        assert (await api.ask("GET", HOOKS)).json()[0]["active"] is True

    @pytest.mark.parametrize("path", READS)
    async def test_viewers_may_look(self, api: Api, path: str) -> None:
        await api.made()
        assert (await api.ask("GET", path, Role.VIEWER)).status_code == 200
        assert (await api.ask("GET", path, Role.SHOPPER)).status_code == 403
        assert (await api.http.get(path)).status_code == 401


class TestSecret:
    async def test_is_told_when_it_is_made_and_never_again(self, api: Api, told: Told) -> None:
        made = await api.ask("POST", HOOKS, json={"url": URL})
        secret = fits(WebhookTold, made)["secret"]
        path = f"{HOOKS}{made.json()['id']}/"
        assert secret.startswith("whsec_")
        assert len(secret) > 40
        rotated = await api.ask("PATCH", path, json={"rotate_secret": True})
        other = fits(WebhookTold, rotated)["secret"]
        assert other not in (secret, None)
        changed = await api.ask("PATCH", path, json={"active": True})
        assert changed.json()["secret"] is None
        written = told.run(audit.page, audit.Filter(), 100, None)
        for shown in (
            (await api.ask("GET", HOOKS)).text,
            (await api.ask("GET", path)).text,
            changed.text,
            str(written),
        ):
            assert secret not in shown
            assert other not in shown


class TestSubscribers:
    async def test_are_told_of_everything_unless_they_choose(self, api: Api) -> None:
        made = await api.made()
        assert (made["topics"], made["active"], made["waiting"]) == (list(TOPICS), True, 0)
        path = f"{HOOKS}{made['id']}/"
        wish = {"topics": ["order.shipped", "order.placed", "order.placed"], "active": False}
        changed = fits(WebhookTold, await api.ask("PATCH", path, json=wish))
        assert (changed["topics"], changed["active"]) == (["order.placed", "order.shipped"], False)
        got = await api.ask("GET", path)
        assert fits(WebhookOut, got) == {k: v for k, v in changed.items() if k != "secret"}
        assert fits(list[WebhookOut], await api.ask("GET", HOOKS)) == [got.json()]
        again = await api.ask("GET", path, headers={"If-None-Match": got.headers["ETag"]})
        assert again.status_code == 304
        assert (await api.ask("GET", f"{HOOKS}?fields=url")).json() == [{"url": URL}]

    async def test_can_be_added_by_a_form(self, api: Api) -> None:
        form = {"url": URL, "topics": ["order.placed", "order.packed"]}
        answer = await api.ask("POST", HOOKS, data=form)
        assert answer.json()["topics"] == form["topics"]

    async def test_go(self, api: Api) -> None:
        path = f"{HOOKS}{(await api.made())['id']}/"
        assert (await api.ask("DELETE", path)).status_code == 204
        for method in ("GET", "PATCH", "DELETE"):
            gone = await api.ask(method, path, json={"active": True})
            assert (gone.status_code, gone.json()["code"]) == (404, "webhook_unknown")
        assert (await api.ask("GET", HOOKS)).json() == []

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "url"),
            ({"url": ""}, "url"),
            ({"url": "ftp://a.example/"}, "url"),
            ({"url": "https://ada:secret@a.example/"}, "url"),
            ({"url": f"https://a.example/{'x' * MAX_URL}"}, "url"),
            ({"url": "https://nobody.invalid/"}, "url"),
            ({"url": URL, "topics": []}, "topics"),
            ({"url": URL, "topics": ["order.eaten"]}, "topics"),
            ({"url": URL, "topics": ["ping"]}, "topics"),
        ],
    )
    async def test_that_break_a_rule_are_refused_in_words(
        self, api: Api, body: dict[str, Any], field: str
    ) -> None:
        answer = await api.ask("POST", HOOKS, json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()[field]
        if body:
            path = f"{HOOKS}{(await api.made())['id']}/"
            patched = await api.ask("PATCH", path, json=body)
            assert (patched.status_code, field in patched.json()) == (400, True)

    async def test_a_change_of_nothing(self, api: Api) -> None:
        path = f"{HOOKS}{(await api.made())['id']}/"
        answer = await api.ask("PATCH", path, json={})
        assert (answer.status_code, answer.json()["code"]) == (400, "empty")

    async def test_a_url_that_is_there(self, api: Api) -> None:
        made = await api.made()
        answer = await api.ask("POST", HOOKS, json={"url": URL})
        assert (answer.status_code, answer.json()["code"]) == (409, "webhook_url_taken")
        assert answer.json()["webhook_id"] == made["id"]


class TestPrivateAddresses:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings()

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0x7f.1"]
    )
    async def test_are_refused_unless_allowed(self, api: Api, told: Told, host: str) -> None:
        answer = await api.ask("POST", HOOKS, json={"url": f"http://{host}/latest/meta-data"})
        assert (answer.status_code, answer.json()["code"]) == (400, "private_address")
        assert "PEARSHOP_WEBHOOK_PRIVATE_ADDRESSES" in answer.json()["detail"]
        assert told.run(webhook.every) == []
        path = f"{HOOKS}{told.subscriber().id}/"
        patched = await api.ask("PATCH", path, json={"url": f"http://{host}/"})
        assert patched.json()["code"] == "private_address"


class TestDeliveries:
    async def test_are_paged_and_filtered(self, api: Api, told: Told) -> None:
        made = await api.made()
        events = [told.event(subject) for subject in range(1, 6)]
        told.hand_on()
        told.note(told.take()[made["id"]], DELIVERED)
        path = f"{HOOKS}{made['id']}/delivery/"
        first = await api.ask("GET", f"{path}?limit=2")
        assert [each["id"] for each in fits(list[DeliveryOut], first)] == events[:2:-1]
        rest = await api.ask("GET", f"{first.links['next']['url']}&fields=id,state")
        assert rest.json() == [{"id": each, "state": "pending"} for each in events[2:0:-1]]
        [done] = (await api.ask("GET", f"{path}?state=delivered")).json()
        assert (done["id"], done["order_id"], done["attempts"]) == (events[0], 1, 1)
        assert (done["last_status"], done["last_duration_ms"]) == (204, 7)
        wrong = await api.ask("GET", f"{path}?state=lost")
        assert (wrong.status_code, "state" in wrong.json()) == (400, True)

    async def test_are_made_again(self, api: Api, told: Told) -> None:
        made = await api.made()
        event = told.event(1)
        told.hand_on()
        told.note(told.take()[made["id"]], DELIVERED)
        path = f"{HOOKS}{made['id']}/delivery"
        again = await api.ask("POST", f"{path}/{event}/redeliver/")
        assert again.status_code == 202
        assert fits(DeliveryOut, again)["state"] == State.PENDING
        assert told.take()[made["id"]].event_id == event
        missing = await api.ask("POST", f"{path}/{event + 1}/redeliver/")
        assert (missing.status_code, missing.json()["code"]) == (404, "delivery_unknown")

    async def test_a_test_is_queued(self, api: Api, told: Told) -> None:
        made = await api.made()
        answer = await api.ask("POST", f"{HOOKS}{made['id']}/test/")
        assert answer.status_code == 202
        queued = fits(DeliveryOut, answer)
        assert (queued["topic"], queued["order_id"]) == ("ping", None)
        assert told.take()[made["id"]].event_id == queued["id"]
        assert (await api.ask("POST", f"{HOOKS}77/test/")).status_code == 404
        await api.ask("PATCH", f"{HOOKS}{made['id']}/", json={"active": False})
        off = await api.ask("POST", f"{HOOKS}{made['id']}/test/")
        assert (off.status_code, off.json()["code"]) == (409, "webhook_off")
