"""The peers answer as the contract says and sell nothing twice."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from loadtests.peers.database import Good
from loadtests.peers.running import PEERS, Peer
from loadtests.peers.server import DjangoServer, FastApiServer, PeerServer
from pearshop.errors import ConfigurationError
from pearshop.launcher.processes import session_members
from pearshop.schemas.cart import LineOut
from pearshop.schemas.order import OrderOut
from pearshop.schemas.product import ProductOut
from pearshop.schemas.user import UserOut

TOTE, PEARS, LAST = range(3)
GOODS = [
    Good("Canvas tote", "Carries pears, and more.", 250, "TOTE-1", "bags", None),
    Good("Pears", "A basket of them.", 100, None, "", 1_000),
    Good("Golden apple", "For the fairest.", 9_000, "APPLE", "", 5),
    *(Good(f"Plum {n}", "", n, f"PLUM-{n}", "plums", None) for n in range(30)),
]
SHOPPERS = 12
ADDRESS = "1 Orchard Lane"


class Shopper:
    """Calls a peer as one of its shoppers."""

    def __init__(self, peer: Peer, number: int) -> None:
        self.peer = peer
        self.name = f"load-{number + 1}"
        self._client = httpx.Client(
            base_url=f"{peer.url}/api",
            headers={"Authorization": f"Bearer {peer.tokens[number]}"},
            trust_env=False,
        )

    def get(self, path: str) -> Any:
        answer = self._client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def add(self, good: int, quantity: int) -> httpx.Response:
        wish = {"product_id": self.peer.products[good], "quantity": quantity}
        return self._client.post("/order-item/", json=wish)

    def order(self, *lines: int) -> httpx.Response:
        wish = {"delivery_address": ADDRESS, "order_item_ids": lines}
        return self._client.post("/order/", json=wish)


@pytest.fixture(scope="module", params=PEERS)
def peer(
    request: pytest.FixtureRequest, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Peer]:
    with request.param(postgres, tmp_path_factory.mktemp("peer"), SHOPPERS, GOODS) as running:
        yield running
    assert session_members([running.pid]) == []
    with psycopg.connect(postgres) as connection:
        query = "SELECT FROM pg_database WHERE datname LIKE 'peer_%'"
        assert connection.execute(query).fetchall() == []


@pytest.fixture(scope="module")
def anyone() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def same_shape(shown: dict[str, Any], model: Any) -> None:
    assert shown.keys() == model.model_fields.keys()
    model.model_validate(shown, strict=False)
    if "user" in shown:
        assert shown["user"].keys() == UserOut.model_fields.keys()
    if "created_at" in shown:
        assert shown["created_at"].endswith("Z")


def test_the_catalogue(peer: Peer, anyone: httpx.Client) -> None:
    answer = anyone.get(f"{peer.url}/api/product/?limit=20")
    products = answer.json()
    assert [each["id"] for each in products] == peer.products[: -len(products) - 1 : -1]
    assert len(products) == 20
    for product in products:
        same_shape(product, ProductOut)
    rest = anyone.get(answer.links["next"]["url"])
    assert [each["id"] for each in rest.json()] == peer.products[len(GOODS) - 21 :: -1]
    assert "next" not in rest.links


def test_a_product(peer: Peer, anyone: httpx.Client) -> None:
    url = f"{peer.url}/api/product"
    answer = anyone.get(f"{url}/{peer.products[TOTE]}/")
    assert answer.status_code == 200
    same_shape(answer.json(), ProductOut)
    assert answer.json().items() >= GOODS[TOTE]._asdict().items()
    assert anyone.get(f"{url}/{peer.products[-1] + 1}/").status_code == 404


@pytest.mark.parametrize(
    ("words", "found"),
    [("pear", [PEARS, TOTE]), ("canvas pears", [TOTE]), ("apple", [LAST]), ("fig", [])],
)
def test_search(peer: Peer, anyone: httpx.Client, words: str, found: list[int]) -> None:
    answer = anyone.get(f"{peer.url}/api/product/", params={"search": words, "limit": 20})
    assert [each["id"] for each in answer.json()] == [peer.products[each] for each in found]


def test_a_search_uses_the_index(peer: Peer, postgres: str) -> None:
    with psycopg.connect(postgres, dbname=f"peer_{peer.name.lower()}") as connection:
        connection.execute("SET enable_seqscan = off; SET enable_indexscan = off")
        rows = connection.execute(
            "EXPLAIN SELECT id FROM products"
            " WHERE search @@ websearch_to_tsquery('english', 'pear')"
        )
        assert "products_search" in " ".join(row[0] for row in rows)


def test_a_cart_and_an_order(peer: Peer) -> None:
    shopper, other = Shopper(peer, 0), Shopper(peer, 1)
    first, again, pears = shopper.add(TOTE, 2), shopper.add(TOTE, 3), shopper.add(PEARS, 1)
    assert [each.status_code for each in (first, again, pears)] == [201] * 3
    line = again.json()
    same_shape(line, LineOut)
    same_shape(line["product"], ProductOut)
    assert line["id"] == first.json()["id"]
    assert (line["quantity"], line["total_price"]) == (5, 1_250)
    assert line["user"]["username"] == shopper.name
    assert line["updated_at"] > line["created_at"] == first.json()["created_at"]
    assert shopper.get("/order-item/") == [line, pears.json()]
    assert other.get("/order-item/") == []

    ids = line["id"], pears.json()["id"]
    assert other.order(*ids).status_code == 400
    placed = shopper.order(*ids)
    assert placed.status_code == 201
    order = placed.json()
    same_shape(order, OrderOut)
    for each in order["order_items"]:
        same_shape(each, LineOut)
    assert [each["id"] for each in order["order_items"]] == list(ids)
    assert (order["total_price"], order["delivery_address"]) == (1_350, ADDRESS)
    assert order["order_items"][1]["product"]["stock"] == 999
    assert shopper.get("/order-item/") == []
    assert shopper.get("/order/") == [order]
    assert other.get("/order/") == []
    assert shopper.order(*ids).status_code == 400
    assert shopper.add(TOTE, 1).json()["id"] not in ids


def test_the_newest_order_comes_first_and_pages_are_linked(peer: Peer) -> None:
    shopper = Shopper(peer, 2)
    orders = [shopper.order(shopper.add(TOTE, 1).json()["id"]).json() for _ in range(3)]
    assert shopper.get("/order/?limit=2") == orders[:0:-1]
    assert shopper.get("/order/?limit=2&offset=2") == orders[:1]


def test_prices_charged_stay(peer: Peer, postgres: str) -> None:
    shopper, plum = Shopper(peer, 3), 20
    order = shopper.order(shopper.add(plum, 2).json()["id"]).json()
    with psycopg.connect(postgres, dbname=f"peer_{peer.name.lower()}") as connection:
        change = "UPDATE products SET price = 99 WHERE id = %s"
        connection.execute(change, (peer.products[plum],))
    assert shopper.add(plum, 1).json()["total_price"] == 99
    (shown,) = shopper.get("/order/")
    assert shown["total_price"] == order["total_price"] == 2 * GOODS[plum].price
    assert shown["order_items"][0]["total_price"] == order["total_price"]


def test_stock_is_sold_once(peer: Peer) -> None:
    shoppers = [Shopper(peer, number) for number in range(4, SHOPPERS)]
    lines = [(each.add(LAST, 1).json()["id"], each.add(TOTE, 1).json()["id"]) for each in shoppers]
    with ThreadPoolExecutor(len(shoppers)) as pool:
        answers = list(pool.map(lambda each, ids: each.order(*ids), shoppers, lines))
    assert Counter(answer.status_code for answer in answers) == {201: 5, 409: 3}
    assert shoppers[0].get(f"/product/{peer.products[LAST]}/")["stock"] == 0
    for shopper, answer in zip(shoppers, answers, strict=True):
        assert len(shopper.get("/order-item/")) == (0 if answer.status_code == 201 else 2)
        assert len(shopper.get("/order/")) == (1 if answer.status_code == 201 else 0)


def test_an_add_is_never_lost(peer: Peer) -> None:
    shopper = Shopper(peer, 1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shopper.add(PEARS, 1), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["quantity"] for answer in answers) == list(range(1, 17))


@pytest.mark.parametrize("wish", [(TOTE, 0), (TOTE, -1), (TOTE, 10_001)])
def test_quantities_have_limits(peer: Peer, wish: tuple[int, int]) -> None:
    answer = Shopper(peer, 3).add(*wish)
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "quantity"}


def test_a_sum_of_quantities_has_them_too(peer: Peer) -> None:
    shopper = Shopper(peer, 3)
    assert shopper.add(TOTE, 10_000).status_code == 201
    answer = shopper.add(TOTE, 1)
    assert answer.status_code == 400
    assert "detail" in answer.json()
    assert 10_000 in {line["quantity"] for line in shopper.get("/order-item/")}


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Bearer {token}x"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "order-item"), ("POST", "order-item"), ("GET", "order")]
)
def test_a_wrong_token_is_refused(
    peer: Peer, anyone: httpx.Client, authorization: str, method: str, path: str
) -> None:
    headers = {"Authorization": authorization.format(token=peer.tokens[0])} if authorization else {}
    answer = anyone.request(method, f"{peer.url}/api/{path}/", headers=headers)
    assert answer.status_code == 401
    assert "detail" in answer.json()


@pytest.mark.parametrize("kind", [DjangoServer, FastApiServer])
def test_a_peer_that_does_not_start_says_why(kind: type[PeerServer], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{kind.name} did not start: .*Error: "):
        kind(tmp_path, "nonsense", "key").start()
