"""Pages that replicas leave each other in a real Redis, while staff change products."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import orjson
import pytest

from pearshop.domain.product import Product
from pearshop.domain.stock import Left
from pearshop.http.caching import shared
from pearshop.http.caching.scope import Edit, Scope
from pearshop.http.pages import Page
from pearshop.http.products import Make, Products
from tests.http.catalogue import (
    COUNTED,
    LATER,
    NOW,
    PEAR,
    Pages,
    Rows,
    costs,
    listening,
    make_products,
    price_of,
)
from tests.waiting import until


async def _heard_of(products: Sequence[Products], change: Product) -> None:
    async def is_heard() -> bool:
        heard = [each._heard.get(change.id) for each in products]
        return all(each is not None and each.at == change.updated_at for each in heard)

    await until(is_heard)


@pytest.mark.parametrize(
    ("edit", "scope", "made"),
    [
        (Edit(["price"], NOW), Scope((7,), "B"), 1),
        (Edit(["price"], NOW), Scope((7,), "A"), 2),
        (Edit(["price"], NOW), Scope((1, 7), "B"), 2),
        (Edit(["price"], NOW), None, 2),
        (Edit(["price"], LATER - timedelta(seconds=1)), Scope((7,), "B"), 2),
        (Edit(["price", "name"], NOW), Scope((7,), "B"), 2),
        (None, Scope((7,), "B"), 2),
    ],
)
async def test_one_from_before_a_change_is_shown_by_who_heard_that_it_does_not_concern_it(
    rows: Rows, redis_url: str, edit: Edit | None, scope: Scope | None, made: int
) -> None:
    here, there, deaf = (make_products(rows, redis_url) for _ in range(3))
    pages, change = Pages(scope), costs(1)._replace(category="A")
    async with listening(there):
        await here.page("it", pages)
        await here.changed(change, edit)
        await _heard_of([there], change)
        assert (await there.page("it", pages)).content == b"%d" % made
    assert there.counts["redis", "hit"] == (made == 1)
    await deaf.page("it", pages)
    assert deaf.counts["redis", "hit"] == (made == 2)  # `there` has made a new one


async def test_what_another_release_changed_is_shown_once_the_pulse_tells(
    rows: Rows, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (make_products(rows, redis_url) for _ in range(2))
    pages = Pages(Scope((1,)))
    rows.products[3] = COUNTED._replace(id=3)

    async def has_heard() -> bool:
        return (await here.on_sale(3)).product.stock == 5

    async with listening(here):
        await here.page("it", pages)
        await here.on_sale(3)
        rows.products[1] = costs(1)
        names = {n: v for n, v in vars(shared).items() if str(v).startswith(shared.PREFIX)}
        for name, value in names.items():
            monkeypatch.setattr(shared, name, "pearshop:0:" + value.removeprefix(names["PREFIX"]))
        older = make_products(rows, redis_url)
        await older.page("it", pages)
        await older.changed(costs(1), Edit(["price"], NOW))
        monkeypatch.undo()
        await there.sold({3: Left(5, NOW)})
        await until(has_heard)  # of that, and so of whatever was told before
        await here.pulse({1: LATER}, more=False)
        assert (await here.page("it", pages)).content == b"3"
        assert await price_of(here) == 1


class Shelves:
    """A database of products in categories, and the pages that show them."""

    CATEGORIES = ("A", "B", "C")
    NAMES = ("pear", "nut")
    """Of products; pages of that name list what has it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._time = NOW
        self.made = 0
        self.products = {
            each: PEAR._replace(id=each, category=chance.choice(self.CATEGORIES))
            for each in range(1, 10)
        }

    def change(self) -> tuple[Product, Edit]:
        """Do what staff may do to a product, and return it and what was done."""
        before = self._chance.choice(list(self.products.values()))
        members = self._chance.choice(
            [{"price": self._chance.randrange(99)}] * 4
            + [{"name": self._chance.choice(self.NAMES)}]
            + [{"category": self._chance.choice(self.CATEGORIES)}]
        )
        self._time += timedelta(seconds=1)
        after = before._replace(**members, updated_at=self._time)
        self.products[after.id] = after
        return after, Edit(list(members), before.updated_at)

    def names(self) -> list[str]:
        """Return what the pages are called."""
        return [*self.CATEGORIES, *self.NAMES, "first", "newest"]

    def shown(self, name: str) -> tuple[bytes, Scope]:
        """Return a page as it is now."""
        by_price = sorted(self.products.values(), key=lambda each: (each.price, each.id))
        if name in self.NAMES:
            found = [each for each in self.products.values() if each.name == name][:3]
        elif name == "newest":
            found = list(self.products.values())[-5:]
        else:
            found = [each for each in by_price if name in (each.category, "first")][:3]
        scope = Scope(
            tuple(each.id for each in found),
            name if name in self.CATEGORIES else None,
            name in (*self.NAMES, "newest"),
        )
        return orjson.dumps(self.render(found)), scope

    @staticmethod
    def render(products: list[Product]) -> list[Any]:
        """Return products as pages show them."""
        return [[each.id, each.name, each.price] for each in products]

    def make(self, name: str) -> Make:
        """Return what makes a page, in its time."""

        async def make(_: bool) -> Page:
            content, scope = self.shown(name)
            self.made += 1
            await asyncio.sleep(self._chance.random() * 0.004)
            return Page(content, {}, scope)

        return make

    async def page(self, products: Products, name: str) -> Page:
        """Return a page as a replica shows it."""
        return await products.page(name, self.make(name), self.render)


async def test_whatever_staff_do_what_all_have_heard_of_is_shown_by_all(
    rows: Rows, redis_url: str
) -> None:
    chance = random.Random(3)
    shelves = Shelves(chance)
    rows.products = shelves.products
    replicas = [make_products(rows, redis_url) for _ in range(3)]
    async with AsyncExitStack() as stack:
        for each in replicas:
            await stack.enter_async_context(listening(each))
        for _ in range(60):
            looks, last = [], {}
            for _ in range(chance.randrange(1, 4)):
                for name in chance.sample(shelves.names(), 2):
                    look = shelves.page(chance.choice(replicas), name)
                    looks.append(asyncio.create_task(look))
                await asyncio.sleep(chance.random() * 0.004)
                product, edit = shelves.change()
                await chance.choice(replicas).changed(product, edit)
                last[product.id] = product
            await asyncio.gather(*looks)
            for product in last.values():
                await _heard_of(replicas, product)
            for each in replicas:
                for name in chance.sample(shelves.names(), 3):
                    page = await shelves.page(each, name)
                    assert page.content == shelves.shown(name)[0], name
    assert sum(each.counts["redis", "hit"] for each in replicas) > 100


async def test_one_whose_product_costs_something_else_lists_it_so_and_is_not_made_anew(
    rows: Rows, redis_url: str
) -> None:
    here, there = (make_products(rows, redis_url) for _ in range(2))
    shelves = Shelves(random.Random(1))
    rows.products = shelves.products
    async with listening(here), listening(there):
        first = await shelves.page(here, "newest")
        for number in range(3):
            before = shelves.products[8]
            product = before._replace(price=number, updated_at=LATER + timedelta(hours=number))
            shelves.products[8] = product
            await here.changed(product, Edit(["price"], before.updated_at))
            await _heard_of([here, there], product)
            for each in (there, here):
                page = await shelves.page(each, "newest")
                assert page.content == shelves.shown("newest")[0]
                assert page.headers != first.headers
        assert shelves.made == 1
        hours = [LATER + timedelta(hours=each) for each in (2, 3)]
        gone = shelves.products[8]._replace(hidden=True, updated_at=hours[1])  # nobody said so yet
        shelves.products[8] = gone
        await here.changed(gone, Edit(["price"], hours[0]))
        await _heard_of([here, there], gone)
        await shelves.page(there, "newest")
        assert shelves.made == 2
