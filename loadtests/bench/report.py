"""A run as Markdown tables. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadtests.bench.numbers import Spread, cpu_by_role, ratio, spread, spread_of
from loadtests.bench.result import BARE, DJANGO, FASTAPI, FLOOR, SHOP, Count, Result
from loadtests.bench.routes import ROUTES
from loadtests.bench.targets import Outcome, outcomes
from loadtests.tables import Sheet

MET = {True: "met", False: "**not met**", None: "-"}
NOTHING = "-"
SHARES, TIMES = (FLOOR, BARE), (DJANGO, FASTAPI)
"""Of whose rates the shop's is told as a share, and of whose as so many times."""


def markdown(result: Result, scenarios: Mapping[str, Any] | None = None) -> str:
    """Return all tables with a line before each that says what it shows."""
    return "\n".join(_parts(result, scenarios))


def _parts(result: Result, scenarios: Mapping[str, Any] | None) -> Iterator[str]:
    plan = result.plan
    yield f"**The machine.** {machine(result)}.\n"
    yield (
        f"**How.** {plan['rounds']} rounds of {plan['seconds']} s for each cell, all subjects in "
        f"turn, on {plan['products']:,} products and {plan['shoppers']:,} shoppers. Figures are "
        "medians of the rounds with the least and the most; ratios are medians of those of each "
        "round. wrk, PostgreSQL (fsync on) and the shop share the cores. The floor answers with a "
        "constant; bare writes do, once the cart actor has done the work and it is stored.\n"
    )
    if others := spread([each.others for each in result.samples]):
        yield (
            f"Meanwhile other processes kept {others.median:.2f} cores busy (median; at most "
            f"{others.most:.2f}); where that is much, the figures say little.\n"
        )
    yield "**Targets**\n"
    yield targets_sheet(outcomes(result, scenarios)).markdown() + "\n"
    for connections in result.connections():
        yield f"**Answers a second, {_connections(connections)}**\n"
        yield rates_sheet(result, connections).markdown() + "\n"
    yield "**Latency in ms: p50, p99**\n"
    yield latency_sheet(result).markdown() + "\n"
    for route in result.routes():
        yield f"**Processor time for each request in ms, {ROUTES[route].title}**\n"
        yield cpu_sheet(result, route).markdown() + "\n"
    if result.counts:
        yield (
            "**Counted for each request.** Statements are messages with SQL that PostgreSQL "
            "received, without BEGIN, COMMIT and what the subject also sends when idle; commits "
            "are those of transactions that wrote; calls are those that cart hosts received.\n"
        )
        yield counts_sheet(result.counts).markdown() + "\n"
    if result.memory:
        yield "**Memory at the end in MiB (PSS), and what a subject does when nobody asks it**\n"
        yield memory_sheet(result).markdown() + "\n"
    if result.problems:
        yield "**What was wrong**\n"
        yield "\n".join(f"- {each}" for each in result.problems) + "\n"


def machine(result: Result) -> str:
    """Return the machine and the versions in one line."""
    return ", ".join(f"{what} {which}" for what, which in result.machine.items())


def targets_sheet(found: Sequence[Outcome]) -> Sheet:
    """Return each target with what was reached."""
    rows = [(each.name, each.target, each.reached, MET[each.met]) for each in found]
    return Sheet(("work", "target", "reached", ""), rows)


def rates_sheet(result: Result, connections: int) -> Sheet:
    """Return the rate of each subject on each route, and how many times the others' the shop's is.

    Of the floor it is a share.
    """
    subjects = result.subjects()
    others = [each for each in (*SHARES, *TIMES) if each in subjects and SHOP in subjects]
    columns = ("", *subjects, *(f"of the {e}" if e in SHARES else f"x {e}" for e in others))
    rows = []
    for route in result.routes():
        rates = [_spread(spread_of(result, route, each, connections)) for each in subjects]
        ratios = [
            _ratio(ratio(result, route, connections, SHOP, each), is_share=each in SHARES)
            for each in others
        ]
        rows.append((ROUTES[route].title, *rates, *ratios))
    return Sheet(columns, rows)


def latency_sheet(result: Result) -> Sheet:
    """Return the latencies of each subject on each route."""
    subjects = result.subjects()
    rows = []
    for route in result.routes():
        for connections in result.connections():
            cells = []
            for subject in subjects:
                p50 = spread_of(result, route, subject, connections, lambda each: each.p50)
                p99 = spread_of(result, route, subject, connections, lambda each: each.p99)
                cells.append(f"{p50.median:.1f}, {p99.median:.1f}" if p50 and p99 else NOTHING)
            rows.append((ROUTES[route].title, str(connections), *cells))
    return Sheet(("", "connections", *subjects), rows)


def cpu_sheet(result: Result, route: str) -> Sheet:
    """Return what each role of each subject spends on a request, by numbers of connections."""
    numbers = result.connections()
    rows: list[tuple[str, ...]] = []
    for subject in result.subjects():
        spent = [cpu_by_role(result, route, subject, each) for each in numbers]
        roles = dict.fromkeys(role for each in reversed(spent) for role in each)
        shown = [role for role in roles if any(each.get(role, 0) >= 0.005 for each in spent)]
        rows += [(subject, role, *(f"{e.get(role, 0):.2f}" for e in spent)) for role in shown]
        rows.append((subject, "all", *(f"{sum(each.values()):.2f}" for each in spent)))
    return Sheet(("", "", *map(_connections, numbers)), rows)


def counts_sheet(counts: Sequence[Count]) -> Sheet:
    """Return statements, commits and calls for each request."""
    columns = ("", "", "connections", "statements", "commits", "calls")
    return Sheet(
        columns,
        [
            (
                each.subject,
                ROUTES[each.route].title,
                str(each.connections),
                f"{each.statements:.2f}",
                f"{each.commits:.2f}",
                NOTHING if each.calls is None else f"{each.calls:.2f}",
            )
            for each in counts
        ],
    )


def memory_sheet(result: Result) -> Sheet:
    """Return the memory of each subject by role; below, its cores and statements when idle."""
    rows: list[tuple[str, ...]] = []
    for subject, taken in result.memory.items():
        rows += [(subject, role, f"{size:,.0f}") for role, size in taken.items()]
        rows.append((subject, "all", f"{sum(taken.values()):,.0f}"))
        if idle := result.idle.get(subject):
            rows.append((subject, "idle: share of one core", f"{idle.cores:.1%}"))
            rows.append((subject, "idle: statements/s", f"{idle.statements:.1f}"))
    return Sheet(("", "", "MiB"), rows)


def _connections(number: int) -> str:
    return f"{number} connection{'s' if number > 1 else ''}"


def _spread(found: Spread | None) -> str:
    if found is None:
        return NOTHING
    if found.least == found.most:
        return f"{found.median:,.0f}"
    return f"{found.median:,.0f} ({found.least:,.0f} to {found.most:,.0f})"


def _ratio(found: Spread | None, *, is_share: bool) -> str:
    if found is None:
        return NOTHING
    return f"{found.median:.0%}" if is_share else f"{found.median:.1f}"
