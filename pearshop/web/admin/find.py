"""From what somebody types into a filter to the thing that is meant."""

from typing import NamedTuple

from pearshop.errors import NotFound
from pearshop.web.admin.desk import Desk
from pearshop.web.admin.forms import is_id

CHOICE = 5


class Choice(NamedTuple):
    """The thing that is most likely meant, and others that may be; `id` is `None` if none is."""

    id: int | None
    name: str
    others: tuple[tuple[int, str], ...] = ()
    problem: str = ""


async def shopper(desk: Desk, text: str) -> Choice:
    """Return the account that a username, or its beginning, or `#` and an id stands for."""
    number = text.removeprefix("#")
    if text.startswith("#") and is_id(number):
        try:
            account = await desk.client.users.get(int(number))
        except NotFound:
            return Choice(None, text, problem=f"There is no account number {number}.")
        return Choice(account.id, account.username)
    found = (await desk.client.users.list(search=text[:200], limit=CHOICE)).items
    if not found:
        return Choice(None, text, problem="No username begins like that.")
    found.sort(key=lambda each: each.username.casefold() != text.casefold())
    first, *others = ((each.id, each.username) for each in found)
    return Choice(*first, tuple(others))


async def product(desk: Desk, text: str) -> Choice:
    """Return the product that words of its name, or its sku, or `#` and an id stand for."""
    number = text.removeprefix("#")
    if text.startswith("#") and is_id(number):
        try:
            seen = await desk.client.products.get(int(number))
        except NotFound:
            return Choice(None, text, problem=f"There is no product number {number}.")
        return Choice(seen.product.id, seen.product.name)
    found = (await desk.client.products.list(search=text[:200], limit=CHOICE)).items
    if not found:
        hidden = await desk.client.products.list(search=text[:200], limit=CHOICE, hidden=True)
        found = hidden.items
    if not found:
        return Choice(None, text, problem="No product has these words.")
    first, *others = ((each.id, each.name) for each in found)
    return Choice(*first, tuple(others))
