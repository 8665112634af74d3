"""The files of a run: `bench.json`, `tables.md` and plots."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests.bench.plots import plot_all
from loadtests.bench.report import markdown
from loadtests.bench.result import Result
from pearshop.errors import ConfigurationError

JSON, TABLES, SCENARIOS = "bench.json", "tables.md", "scenarios.json"


def write(result: Result, folder: Path) -> None:
    """Write all files of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_text(json.dumps(rounded(result.as_json()), indent=1) + "\n")
    (folder / TABLES).write_text(markdown(result, read_scenarios(folder)))
    plot_all(result, folder)


def read(folder: Path) -> Result:
    """Return what was measured before. Raises `ConfigurationError` when it is not there."""
    try:
        return Result.of_json(json.loads((folder / JSON).read_text()))
    except FileNotFoundError:
        raise ConfigurationError(f"There is no {JSON} in {folder}: measure first.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{folder / JSON} has another form: {error!r}") from None


def read_scenarios(folder: Path) -> Mapping[str, Any] | None:
    """Return what `loadtests.scenarios` found, `None` when it is not there.

    Raises `ConfigurationError` when the file is damaged.
    """
    try:
        found: Mapping[str, Any] = json.loads((folder / SCENARIOS).read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigurationError(f"{folder / SCENARIOS} is damaged: {error}") from None
    return found


def rounded(content: Any) -> Any:
    """Return JSON with four digits behind the point of every fraction. Pure."""
    if isinstance(content, float):
        return round(content, 4)
    if isinstance(content, Mapping):
        return {key: rounded(each) for key, each in content.items()}
    if isinstance(content, list | tuple):
        return [rounded(each) for each in content]
    return content
