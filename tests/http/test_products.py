"""A replica's memory of the catalogue: shared loads, a time to live, notices."""

import asyncio
from datetime import timedelta

import pytest

from pearshop.domain.stock import Left
from pearshop.errors import NotFound, Unavailable
from pearshop.http.caching.scope import Edit, Scope
from pearshop.http.pages import Page
from pearshop.http.products import Products
from pearshop.settings import Settings
from tests.http.catalogue import (
    COUNTED,
    LATER,
    NOW,
    PEAR,
    Pages,
    Rows,
    content_of,
    costs,
    make_products,
    price_of,
)


async def test_many_who_miss_at_once_ask_once(rows: Rows) -> None:
    products = make_products(rows)
    found = await asyncio.gather(*(products.on_sale(1) for _ in range(50)))
    assert {each.product for each in found} == {PEAR}
    assert rows.asked == [[1]]


async def test_the_products_of_a_page_of_orders_are_asked_for_together(rows: Rows) -> None:
    products = make_products(rows)
    rows.products = {each: PEAR._replace(id=each) for each in range(1, 41)}
    pages = [range(1, 31), range(11, 41)]
    found = await asyncio.gather(*(products.by_ids(each) for each in pages))
    assert [list(each) for each in found] == [list(each) for each in pages]
    assert len(rows.asked) == 1


@pytest.mark.parametrize("product", [2, 3])
async def test_hidden_and_unknown_ones_are_not_on_sale(rows: Rows, product: int) -> None:
    with pytest.raises(NotFound):
        await make_products(rows).on_sale(product)


async def test_a_change_is_seen_at_once_where_it_was_made(rows: Rows) -> None:
    products = make_products(rows)
    await products.on_sale(1)
    await products.changed(costs(1))
    assert await price_of(products) == 1
    assert rows.asked == [[1]]  # what was written is known, and need not be read


@pytest.mark.parametrize(
    ("edit", "made"),
    [
        (Edit(["price"], NOW), 1),
        (Edit(["price"], LATER), 2),
        (Edit(["price", "name"], NOW), 2),
        (None, 2),
    ],
)
async def test_a_page_that_a_change_does_not_concern_is_kept(
    rows: Rows, edit: Edit | None, made: int
) -> None:
    products, pages = make_products(rows), Pages(Scope((7,), steady=True))
    await content_of(products, pages)
    await products.changed(costs(1), edit)
    assert await content_of(products, pages) == made


async def test_a_page_is_kept_after_a_change_soon_after_one_that_was_heard_of(rows: Rows) -> None:
    products, pages = make_products(rows), Pages(Scope((7,), steady=True))
    await products.pulse({1: NOW}, more=False)
    await content_of(products, pages)
    soon = NOW + timedelta(seconds=1)
    await products.changed(PEAR._replace(price=1, updated_at=soon), Edit(["price"], NOW))
    assert await content_of(products, pages) == 1
    # One change is not heard of.
    late = PEAR._replace(price=2, updated_at=soon + timedelta(seconds=2))
    await products.changed(late, Edit(["price"], soon + timedelta(seconds=1)))
    assert await content_of(products, pages) == 2


async def test_a_page_under_way_is_not_kept_after_any_change(rows: Rows) -> None:
    products, pages = make_products(rows), Pages(Scope((7,), steady=True))
    pages.gate.clear()
    making = asyncio.create_task(content_of(products, pages))
    while not pages.made:
        await asyncio.sleep(0)
    await products.changed(costs(1), Edit(["price"], NOW))
    pages.gate.set()
    assert await making == 1
    assert await content_of(products, pages) == 2


async def test_what_an_order_left_is_shown_without_a_look_at_the_database(rows: Rows) -> None:
    rows.products[1] = COUNTED
    products = make_products(rows)
    await products.on_sale(1)
    await products.sold({1: Left(3, NOW)})
    shown = await products.on_sale(1)
    assert shown.product.stock == 3
    assert b'"stock":3' in shown.page.content
    assert rows.asked == [[1]]


async def test_a_product_that_sells_is_trusted_anew(rows: Rows) -> None:
    rows.products[1] = COUNTED
    now = [0.0]
    settings = Settings(redis_url="", catalogue_memory_seconds=10, catalogue_stale_seconds=0)
    products = Products(rows, settings, clock=lambda: now[0])
    await products.on_sale(1)
    for left in range(8, 2, -1):
        now[0] += 7
        await products.sold({1: Left(left, NOW)})
    assert (await products.on_sale(1)).product.stock == 3
    assert rows.asked == [[1]]
    now[0] += 11
    await products.on_sale(1)
    assert rows.asked == [[1], [1]]


async def test_stock_that_was_sold_is_looked_up_where_staff_changed_more(rows: Rows) -> None:
    rows.products[1] = COUNTED
    products = make_products(rows, stale=60)
    await products.on_sale(1)
    rows.products[1] = COUNTED._replace(stock=3, price=7, updated_at=LATER)
    await products.pulse({1: LATER}, more=False)
    await products.sold({1: Left(3, NOW)})
    shown = await products.on_sale(1)
    assert (shown.product.stock, shown.product.price) == (3, 7)


async def test_a_sale_from_before_a_restock_does_not_undo_it(rows: Rows) -> None:
    rows.products[1] = COUNTED._replace(stock=50, updated_at=LATER)
    products = make_products(rows)
    await products.on_sale(1)
    await products.sold({1: Left(0, NOW)})
    assert (await products.on_sale(1)).product.stock == 50
    await products.sold({1: Left(49, LATER)})
    await products.sold({1: Left(48, LATER)})
    await products.sold({1: Left(49, LATER)})  # heard of later than the one after it
    assert (await products.on_sale(1)).product.stock == 48


async def test_a_load_that_a_sale_overtook_is_not_trusted(rows: Rows) -> None:
    rows.products[1] = COUNTED
    products = make_products(rows)
    rows.gate.clear()
    loading = asyncio.create_task(products.on_sale(1))
    while not rows.asked:
        await asyncio.sleep(0)
    rows.products[1] = COUNTED._replace(stock=3)
    await products.sold({1: Left(3, NOW)})
    rows.gate.set()
    await loading
    assert (await products.on_sale(1)).product.stock == 3


async def test_nothing_is_trusted_beyond_its_time(rows: Rows) -> None:
    products = make_products(rows, seconds=0)
    await products.on_sale(1)
    await products.on_sale(1)
    assert rows.asked == [[1], [1]]


async def test_what_is_stale_serves_while_a_new_one_is_fetched(rows: Rows) -> None:
    products, pages = make_products(rows, seconds=0, stale=60), Pages()
    await products.on_sale(1)
    assert await content_of(products, pages) == 1
    rows.gate.clear()
    pages.gate.clear()
    rows.products[1] = costs(1)
    assert await price_of(products) == 100
    assert await content_of(products, pages) == 1
    rows.gate.set()
    pages.gate.set()
    async with asyncio.timeout(20):
        while await price_of(products) != 1 or await content_of(products, pages) == 1:
            await asyncio.sleep(0)


async def test_a_failed_load_reaches_all_who_wait_and_is_tried_anew(rows: Rows) -> None:
    products = make_products(rows)
    rows.fails = True
    results = await asyncio.gather(*(products.on_sale(1) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    rows.fails = False
    assert await price_of(products) == 100


async def test_pages_are_made_once_and_anew_after_a_change(rows: Rows) -> None:
    products, pages = make_products(rows), Pages()
    assert await asyncio.gather(*(content_of(products, pages) for _ in range(5))) == [1] * 5
    await products.changed(costs(1))
    assert await content_of(products, pages) == 2


async def test_whoever_comes_after_a_change_does_not_join_an_older_load(rows: Rows) -> None:
    products, pages = make_products(rows), Pages()
    pages.gate.clear()
    rows.gate.clear()
    before = [
        asyncio.create_task(price_of(products)),
        asyncio.create_task(content_of(products, pages)),
    ]
    async with asyncio.timeout(20):
        while not (rows.asked and pages.made):
            await asyncio.sleep(0)
    rows.products[1] = costs(1)
    await products.pulse({1: LATER}, more=False)
    after = [
        asyncio.create_task(price_of(products)),
        asyncio.create_task(content_of(products, pages)),
    ]
    await asyncio.sleep(0)
    pages.gate.set()
    rows.gate.set()
    assert (await before[1], *[await each for each in after]) == (1, 1, 2)
    assert await content_of(products, pages) == 2
    assert await price_of(products) == 1


async def test_what_the_pulse_tells_counts_once(rows: Rows) -> None:
    products, pages = make_products(rows), Pages()
    await content_of(products, pages)
    for expected in (2, 2):
        await products.pulse({1: LATER}, more=False)
        assert await content_of(products, pages) == expected


async def test_more_changes_than_can_be_told_put_everything_in_doubt(rows: Rows) -> None:
    products = make_products(rows)
    await products.on_sale(1)
    rows.products[1] = costs(1)
    await products.pulse({2: LATER}, more=True)
    assert await price_of(products) == 1


async def test_while_the_database_is_away_the_last_answer_serves(rows: Rows) -> None:
    products, pages = make_products(rows, seconds=0), Pages()
    await products.on_sale(1)
    assert await content_of(products, pages) == 1
    rows.fails = pages.fails = True
    assert await price_of(products) == 100
    assert await content_of(products, pages) == 1
    rows.fails = False
    rows.products[1] = costs(1)
    assert await price_of(products) == 1


async def test_a_database_that_hangs_does_not_hide_what_is_known(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pearshop.http.products.PATIENCE_S", 0.01)
    products, pages = make_products(rows, seconds=0), Pages()
    assert await price_of(products) == 100
    assert await content_of(products, pages) == 1
    rows.gate.clear()
    pages.gate.clear()
    assert await price_of(products) == 100
    assert await content_of(products, pages) == 1
    rows.gate.set()
    pages.gate.set()


async def test_layers_count_what_they_had(rows: Rows) -> None:
    products = make_products(rows)
    await products.on_sale(1)
    await products.on_sale(1)
    assert +products.counts == {("memory", "miss"): 1, ("memory", "hit"): 1}


async def test_a_product_that_was_not_there_is_looked_for_again(rows: Rows) -> None:
    products = make_products(rows, seconds=60, stale=60)
    with pytest.raises(NotFound):
        await products.on_sale(3)
    rows.products[3] = PEAR._replace(id=3)
    assert list(await products.by_ids([1, 3])) == [1, 3]
    assert (await products.on_sale(3)).product.id == 3


async def test_nothing_found_has_its_size_too(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pearshop.http.products.MAX_PAGE_BYTES", 100_000)
    products = make_products(rows)

    async def nothing(_: bool) -> Page:
        return Page(b"[]", {"ETag": "x"})

    for number in range(100):
        await products.page(f"product?search={number}", nothing)
    assert len(products._pages) < 25
