"""The shop as such."""

from pydantic import TypeAdapter

from pearshop.client.base import Model, Noun, Page, page_of


class ShopFacts(Model):
    """What prices are in: 1250 in GBP with exponent 2 is 12.50 pounds."""

    currency: str
    currency_exponent: int


class Category(Model):
    """A kind of products, and how many of them are on sale."""

    name: str
    products: int


CATEGORIES = TypeAdapter(list[Category])


class Shop(Noun):
    """What a client has to know before it shows a product."""

    async def facts(self) -> ShopFacts:
        """Return what prices are in."""
        answer = await self._caller.call("GET", "/api/shop/")
        return ShopFacts.model_validate_json(answer.content)

    async def categories(self, cursor: str | None = None) -> Page[Category]:
        """Return the categories by name."""
        params = {"limit": 500, "cursor": cursor}
        answer = await self._caller.call("GET", "/api/category/", params=params)
        return page_of(answer, CATEGORIES)
