"""Plots of a run."""

from pathlib import Path
from typing import Any

from loadtests.bench.numbers import cpu_by_role, spread_of
from loadtests.bench.result import BARE, DJANGO, FASTAPI, FLOOR, SHOP, Result

COLORS = {FLOOR: "#b0b0b0", BARE: "#7f8f7f", SHOP: "#2e7d32", DJANGO: "#c9762b", FASTAPI: "#3b6ea8"}
LEAST_MS = 0.005
"""Roles that spend less on any request are not drawn."""
LABELS = {
    "product": "product\nby id",
    "page": "first page\nof 20",
    "search": "search",
    "cart": "read cart\nof 20 lines",
    "add": "add\nto cart",
    "order": "order\nof 3 lines",
}


def plot_all(result: Result, folder: Path) -> None:
    """Write `rates.svg` and `cpu.svg`."""
    _save(_rates(result), folder / "rates.svg")
    _save(_cpu(result), folder / "cpu.svg")


def _rates(result: Result) -> Any:
    """Return bars of answers a second by route and subject, from the least to the most."""
    from matplotlib.figure import Figure

    numbers, routes, subjects = result.connections(), result.routes(), result.subjects()
    figure = Figure(figsize=(12, 2.9 * len(numbers) + 0.6), layout="constrained")
    panels = figure.subplots(len(numbers), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    width = 0.88 / len(subjects)
    for axes, connections in zip(panels, numbers, strict=True):
        for place, subject in enumerate(subjects):
            found = [spread_of(result, route, subject, connections) for route in routes]
            at = [
                number + (place - (len(subjects) - 1) / 2) * width
                for number, each in enumerate(found)
                if each
            ]
            spreads = [each for each in found if each]
            middles = [each.median for each in spreads]
            errors = [
                [each.median - each.least for each in spreads],
                [each.most - each.median for each in spreads],
            ]
            bars = axes.bar(
                at, middles, width, yerr=errors, label=subject, color=COLORS[subject], capsize=2
            )
            axes.bar_label(bars, [f"{each:,.0f}" for each in middles], fontsize=7, padding=2)
        axes.set_yscale("log")
        axes.margins(y=0.12)
        axes.set_ylabel("answers/s (log)")
        axes.set_title(f"{connections} connection{'s' if connections > 1 else ''}", fontsize=10)
        axes.set_xticks(range(len(routes)), [LABELS.get(each, each) for each in routes])
        axes.tick_params(labelbottom=True)
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(subjects))
    return figure


def _cpu(result: Result) -> Any:
    """Return stacked bars of processor time for each request of the shop, by role."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    numbers, routes = result.connections(), result.routes()
    spent = {
        (route, each): cpu_by_role(result, route, SHOP, each)
        for route in routes
        for each in numbers
    }
    most = {
        role: max(each.get(role, 0.0) for each in spent.values())
        for role in sorted({role for each in spent.values() for role in each})
    }
    roles = sorted((role for role in most if most[role] >= LEAST_MS), key=lambda role: -most[role])
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    panels = figure.subplots(1, len(numbers), squeeze=False)[0]
    for axes, connections in zip(panels, numbers, strict=True):
        below = [0.0] * len(routes)
        for number, role in enumerate(roles):
            sizes = [spent[route, connections].get(role, 0.0) for route in routes]
            color = colormaps["tab20"](number)
            axes.bar(range(len(routes)), sizes, 0.7, bottom=below, label=role, color=color)
            below = [low + size for low, size in zip(below, sizes, strict=True)]
        for number, height in enumerate(below):
            axes.annotate(f"{height:.2f}", (number, height), ha="center", va="bottom", fontsize=7)
        axes.set_title(f"{connections} connection{'s' if connections > 1 else ''}", fontsize=10)
        axes.set_xticks(range(len(routes)), routes, fontsize=9)
        axes.set_ylim(0, 1.08 * max(below))
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
    panels[0].set_ylabel(f"processor time for each request to {SHOP}, ms")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside right center", fontsize=8)
    return figure


def _save(figure: Any, file: Path) -> None:
    from matplotlib import rc_context

    # The same picture is the same file: no date, and ids that do not change.
    with rc_context({"svg.hashsalt": "pearshop"}):
        figure.savefig(file, metadata={"Date": None})
