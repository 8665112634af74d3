"""Reports on the wire."""

from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, Field

from pearshop.db.report import Found, Scarce
from pearshop.domain.fulfilment import Status
from pearshop.domain.report import MAX_DAYS, Figures, Period, Sales
from pearshop.schemas.base import NO_BOOL, Text, instant
from pearshop.schemas.query import Sparse


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone that is known: send one like Europe/London") from None
    return name


class ReportQuery(Sparse):
    """What a report is to tell."""

    zone: Annotated[
        Text,
        Field(max_length=64, description="Whose days they are, as IANA names it."),
        AfterValidator(_known_zone),
    ] = "UTC"
    days: Annotated[
        int, Field(ge=1, le=MAX_DAYS, description="How many, today with them."), NO_BOOL
    ] = 30
    low: Annotated[
        int,
        Field(ge=0, le=1_000_000, description="Up to how many pieces left a product is told."),
        NO_BOOL,
    ] = 5


class FiguresOut(BaseModel):
    """What was sold, without cancelled orders; `revenue` in the shop's price unit."""

    revenue: int
    orders: int


class PeriodOut(FiguresOut):
    """What was sold in a period until now.

    `before`: in as many days before it, until the same time of day.
    """

    before: FiguresOut


class DayOut(FiguresOut):
    """What was sold on a day, from midnight to midnight."""

    date: date


class StatusesOut(BaseModel):
    """How many orders there are in each status, of all times."""

    placed: int
    packed: int
    shipped: int
    delivered: int
    cancelled: int


class BestSellerOut(BaseModel):
    """How many pieces of a product were sold, without cancelled orders, and for how much."""

    id: int
    name: str
    pieces: int
    revenue: int


class ScarceOut(BaseModel):
    """A product of which little is left."""

    id: int
    name: str
    stock: int


class ReportOut(BaseModel):
    """How the shop does.

    `days` has the days asked for, the latest last, those without orders too. `best_sellers`: the
    ten products on sale or not of which the most pieces were sold since `best_sellers_since`, that
    is in 30 times 24 hours and a few minutes. `low_stock`: up to 20 products on sale, lowest first.
    """

    zone: str
    today: PeriodOut
    last_7_days: PeriodOut
    last_30_days: PeriodOut
    days: list[DayOut]
    statuses: StatusesOut
    best_sellers: list[BestSellerOut]
    best_sellers_since: datetime
    low_stock: list[ScarceOut]


def render_report(zone: str, sales: Sales, found: Found, scarce: list[Scarce]) -> dict[str, Any]:
    """Return the members of a report, see `ReportOut`."""
    return {
        "zone": zone,
        "today": _period(sales.periods[1]),
        "last_7_days": _period(sales.periods[7]),
        "last_30_days": _period(sales.periods[30]),
        "days": [{"date": day, **_figures(each)} for day, each in sales.days.items()],
        "statuses": {each.value: found.statuses[each] for each in Status},
        "best_sellers": [each._asdict() for each in found.best_sellers],
        "best_sellers_since": instant(found.best_sellers_since),
        "low_stock": [each._asdict() for each in scarce],
    }


def _figures(figures: Figures) -> dict[str, int]:
    return figures._asdict()


def _period(period: Period) -> dict[str, Any]:
    return {**_figures(period.figures), "before": _figures(period.before)}
