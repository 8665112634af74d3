"""Times in the zone of whoever looks."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

MAX_NAME = 64
DEFAULT = "UTC"


@dataclass(frozen=True)
class Zone:
    """A time zone by its IANA name."""

    info: ZoneInfo

    @classmethod
    def named(cls, name: str | None) -> "Zone":
        """Return the zone of that name, UTC where there is none: browsers tell theirs."""
        try:
            return cls(ZoneInfo((name or DEFAULT)[:MAX_NAME]))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return cls(ZoneInfo(DEFAULT))

    @property
    def name(self) -> str:
        """The zone's IANA name."""
        return self.info.key

    def show(self, when: datetime) -> Markup:
        """Return a time as an element that a script can put into another zone."""
        local = when.astimezone(self.info)
        text = f"{local.day} {local:%b %Y}, {local:%H:%M}"
        stamp = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Markup('<time datetime="{}">{}</time>').format(stamp, escape(text))

    def start(self, day: str) -> datetime:
        """Return when a day, written like 2026-11-28, begins. Raises `ValueError`."""
        return datetime.combine(_date(day), time(), self.info)

    def end(self, day: str) -> datetime:
        """Return when the day after begins. Raises `ValueError`."""
        try:
            after = _date(day) + timedelta(days=1)
        except OverflowError:
            raise ValueError(_ADVICE) from None
        return datetime.combine(after, time(), self.info)


_ADVICE = "Write the day like 2026-11-28."


def _date(day: str) -> date:
    try:
        found = date.fromisoformat(day)
    except ValueError:
        raise ValueError(_ADVICE) from None
    if not 1970 <= found.year <= 9000:
        raise ValueError(_ADVICE)
    return found
