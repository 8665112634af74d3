"""What is measured: the routes, and the requests that are sent to each. Pure."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

from loadtests.many_products import names
from loadtests.peers.database import Good

SEED = 20261127
PAGE = 20
CART_LINES = 20
"""Lines in the cart of each shopper who adds and reads: full from the start, so that a cart is the
same size for a subject that does much as for one that does little."""
ORDER_LINES = 3
WORDS = 20
STOCK = 1_000_000
"""Of every product: counted, as selling what is counted is the harder work; never used up."""
ADDRESS = "1 Orchard Lane"
CATALOGUE = "/api/product/"
CART = "/api/order-item/"
ORDERS = "/api/order/"


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request. `floor`: the path of the constant answer beside it."""

    name: str
    title: str
    method: str
    floor: str

    @property
    def status(self) -> int:
        """What a good answer has."""
        return 200 if self.method == "GET" else 201


PRODUCT_BY_ID = Route("product", "product by id", "GET", "/floor/product/")
FIRST_PAGE = Route("page", "first page of 20", "GET", "/floor/page/")
SEARCH = Route("search", "search for a word", "GET", "/floor/page/")
READ_CART = Route("cart", "read a cart of 20 lines", "GET", "/floor/cart/")
ADD = Route("add", "add to cart", "POST", "/floor/order-item/")
ORDER = Route("order", "order of 3 lines", "POST", "/floor/order/")
ROUTES = {each.name: each for each in (PRODUCT_BY_ID, FIRST_PAGE, SEARCH, READ_CART, ADD, ORDER)}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the scripts of wrk read it."""

    method: str
    path: str
    token: str = ""
    body: str = ""

    def line(self) -> str:
        """Return it as a line of a file."""
        return f"{self.method}\t{self.path}\t{self.token}\t{self.body}\n"


@dataclass(frozen=True, slots=True)
class FullCart:
    """A cart to order: whose, and its lines."""

    token: str
    lines: Sequence[int]


@dataclass(frozen=True, slots=True)
class Wares:
    """What a subject sells and to whom: ids of products in the order of the goods, tokens."""

    products: Sequence[int]
    tokens: Sequence[str]
    words: Sequence[str]
    users: Sequence[int] = ()
    """Whose the tokens are, where that matters."""


def goods(count: int) -> list[Good]:
    """Return the first `count` products, the same every time."""
    chance = random.Random(SEED)
    made = []
    for number, name in enumerate(names(count), 1):
        one, other, *_ = name.split()
        about = f"A {one} from our {other} series."
        category = f"category {number % 60}"
        made.append(Good(name, about, chance.randint(50, 5_000), f"S{number:07d}", category, STOCK))
    return made


def search_words(sold: Sequence[Good]) -> list[str]:
    """Return words of names that fill a page, some common, some just frequent enough."""
    found = Counter(word for good in sold for word in set(good.name.split()))
    enough = sorted(word for word, count in found.items() if count >= PAGE)
    return enough[:: max(1, len(enough) // WORDS)][:WORDS]


def held_by(shopper: int, products: Sequence[int], lines: int) -> list[int]:
    """Return the products in the cart of the shopper of that number, another set for each."""
    first = shopper * lines
    return [products[(first + each) % len(products)] for each in range(lines)]


def requests_of(route: Route, wares: Wares) -> list[Request]:
    """Return what may be sent to a route; orders are made of carts instead."""
    if route is PRODUCT_BY_ID:
        return [Request("GET", f"{CATALOGUE}{each}/") for each in wares.products]
    if route is FIRST_PAGE:
        return [Request("GET", f"{CATALOGUE}?limit={PAGE}")]
    if route is SEARCH:
        return [Request("GET", f"{CATALOGUE}?search={e}&limit={PAGE}") for e in wares.words]
    if route is READ_CART:
        return [Request("GET", CART, token) for token in wares.tokens]
    assert route is ADD
    return [
        Request("POST", CART, token, f'{{"product_id":{product},"quantity":1}}')
        for number, token in enumerate(wares.tokens)
        for product in held_by(number, wares.products, CART_LINES)
    ]


def order_request(cart: FullCart) -> Request:
    """Return the order of a whole cart."""
    wish = {"delivery_address": ADDRESS, "order_item_ids": list(cart.lines)}
    return Request("POST", ORDERS, cart.token, orjson.dumps(wish).decode())


def bare_adds(wares: Wares) -> list[Request]:
    """Return the adds of `requests_of`, for the bare writes."""
    return [
        Request("POST", f"/bare/add/{user}/{product}/")
        for number, user in enumerate(wares.users)
        for product in held_by(number, wares.products, CART_LINES)
    ]


def bare_order(cart: FullCart) -> Request:
    """Return the order of a whole cart, for the bare writes."""
    return Request("POST", f"/bare/order/{','.join(map(str, cart.lines))}/")


def to_floor(route: Route, requests: Sequence[Request]) -> list[Request]:
    """Return the same requests for the constant answer."""
    return [replace(each, path=route.floor) for each in requests]
