"""What an import did, row by row."""

import csv
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pearshop.errors import ConfigurationError

OutcomeName = Literal["taken", "updated", "unchanged", "refused"]
MANY = 0.1
"""From this share of rows refused for their decimals, the shop's currency is the likely cause."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the row that starts on `line`; `code` and `reason` only when refused."""

    line: int
    sku: str
    outcome: OutcomeName
    code: str = ""
    reason: str = ""


@dataclass
class Report:
    """The outcome of every row of a file, in the file's order."""

    rows: list[Outcome] = field(default_factory=list)

    def counts(self) -> dict[OutcomeName, int]:
        """Return how many rows had each outcome."""
        found = Counter(row.outcome for row in self.rows)
        names: tuple[OutcomeName, ...] = ("taken", "updated", "unchanged", "refused")
        return {name: found[name] for name in names}

    def refusals(self) -> dict[str, int]:
        """Return how many rows were refused for each code, the commonest first."""
        return dict(
            Counter(row.code for row in self.rows if row.outcome == "refused").most_common()
        )

    def advice(self) -> str:
        """Return one line that says what to do about the whole file; empty when nothing."""
        if self.refusals().get("price_decimals", 0) < max(1, MANY * len(self.rows)):
            return ""
        return (
            "Many prices have more decimals than this shop's: start a new shop with "
            "PEARSHOP_CURRENCY=GBP PEARSHOP_CURRENCY_EXPONENT=2, or import with "
            "--price-exponent 2 to store 2.55 as 255."
        )

    def write(self, path: Path) -> None:
        """Write it all as JSON when the name ends in `.json`, otherwise as CSV.

        Raises `ConfigurationError` when the file cannot be written.
        """
        try:
            with path.open("w", encoding="utf-8", newline="") as out:
                if path.suffix.lower() == ".json":
                    json.dump(self._whole(), out, ensure_ascii=False, indent=1)
                else:
                    writer = csv.DictWriter(out, list(Outcome.__dataclass_fields__))
                    writer.writeheader()
                    writer.writerows(asdict(row) for row in self.rows)
        except OSError as error:
            raise ConfigurationError(
                f"The report {path} cannot be written: {error.strerror}."
            ) from None

    def _whole(self) -> dict[str, Any]:
        rows = [asdict(row) for row in self.rows]
        return dict(self.counts()) | {"refused_by_code": self.refusals(), "rows": rows}
