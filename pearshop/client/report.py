"""How the shop does."""

from datetime import date, datetime

from pearshop.client.base import Model, Noun
from pearshop.domain.fulfilment import Status


class Figures(Model):
    """What was sold, without cancelled orders."""

    revenue: int
    orders: int


class Period(Figures):
    """What was sold in a period until now, and in as long a one `before` it."""

    before: Figures


class Day(Figures):
    """What was sold on a day."""

    date: date


class BestSeller(Model):
    """How many pieces of a product were sold, and for how much."""

    id: int
    name: str
    pieces: int
    revenue: int


class Scarce(Model):
    """A product of which little is left."""

    id: int
    name: str
    stock: int


class Report(Model):
    """How the shop does. `days`: the latest last."""

    today: Period
    last_7_days: Period
    last_30_days: Period
    days: list[Day]
    statuses: dict[Status, int]
    best_sellers: list[BestSeller]
    best_sellers_since: datetime
    low_stock: list[Scarce]


class Reports(Noun):
    """Sums over orders, for staff."""

    async def get(self, *, zone: str, days: int, low: int) -> Report:
        """Return how the shop does, by the days of a zone.

        `low`: up to how many pieces left a product is told of.
        """
        params = {"zone": zone, "days": days, "low": low}
        answer = await self._caller.call("GET", "/api/report/", params=params)
        return Report.model_validate_json(answer.content)
