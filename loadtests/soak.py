"""Does memory stay level? `uv run python -m loadtests.soak --minutes 15 --csv soak.csv`.

Starts an empty shop whose carts leave memory soon, and walks over many shoppers again and again,
so that every cart is activated, idles out, and is activated again. Samples the memory of each part
of the shop meanwhile. Exit status 1 when an answer was not the expected one.
"""

import asyncio
import contextlib
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from sqlalchemy.exc import OperationalError

from loadtests.accounts import Wallet, make_products, make_shoppers
from loadtests.client import Api
from loadtests.hosts import Hosts
from loadtests.memory import usage_by_role
from loadtests.result import percentiles
from loadtests.shop import engine_of, own_shop, running_shop
from loadtests.tables import Sheet, output
from loadtests.trend import Sample, memory_sheet, plot, write_csv
from loadtests.walk import Walk
from pearshop.errors import PearShopError
from pearshop.launcher.state import StateFolder


@dataclass(frozen=True)
class Plan:
    """How long, how many shoppers, and how hard."""

    seconds: float
    users: int
    at_once: int
    rate: float
    every: float


@dataclass(frozen=True)
class Soaked:
    """What a soak did and saw."""

    walk: Walk
    api: Api
    samples: list[Sample]

    def sheet(self) -> Sheet:
        """Return what was done."""
        last = self.samples[-1]
        times = self.api.stats.seconds
        shown = {
            "requests": f"{last.requests:,} in {last.seconds:,.0f} s",
            "visits": f"{self.walk.visits:,}",
            "activations": f"{last.hosts['activations']:,}",
            "passivations": f"{last.hosts['passivations']:,}",
            "hot carts, at most": f"{max(each.hosts['hot'] for each in self.samples):,}",
            "orders": f"{len(times.get('order', [])):,}",
            "retries": f"{self.api.stats.counts['retries']:,}",
        }
        for kind in ("add", "read"):
            p50, _, p99 = percentiles(times.get(kind, []))
            shown[f"{kind}: p50, p99"] = f"{p50 * 1000:.0f}, {p99 * 1000:.0f} ms"
        problems = self.walk.problems.most_common()
        shown |= {f"unexpected: {what}": f"{count:,}" for what, count in problems}
        return Sheet(("soaked", ""), list(shown.items()))


def soak_shop(state: Path, plan: Plan, samples: list[Sample], screen: Console) -> Soaked:
    """Make accounts, load the shop that runs, and sample it."""
    run = running_shop(state)
    engine = engine_of(run)
    shoppers, products = make_shoppers(engine, plan.users), make_products(engine)
    engine.dispose()

    async def soaked(hosts: Hosts) -> Soaked:
        connector = aiohttp.TCPConnector(limit=plan.at_once)
        async with aiohttp.ClientSession(connector=connector) as session:
            api = Api(session, run.api_url)
            walk = Walk(api, Wallet(state), shoppers, products, plan.rate)
            async with asyncio.TaskGroup() as group:
                load = group.create_task(walk.run(plan.at_once))
                with screen.status("soaking") as status:
                    async for sample in _samples(state, hosts, api, plan):
                        samples.append(sample)
                        status.update(_progress(sample, plan))
                load.cancel()
            return Soaked(walk, api, samples)

    with Hosts(StateFolder(state)) as hosts:
        hosts.counts()  # To join the cluster takes seconds; no sample shall wait for it.
        try:
            return asyncio.run(soaked(hosts))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None


async def _samples(state: Path, hosts: Hosts, api: Api, plan: Plan) -> AsyncIterator[Sample]:
    """Yield a sample at once, then one whenever it is time, the last at the end."""
    start = time.monotonic()
    for number in range(int(plan.seconds / plan.every) + 1):
        await asyncio.sleep(start + number * plan.every - time.monotonic())
        counts = await asyncio.to_thread(hosts.counts)
        # Anew each time: a part that died and was started again has another process id.
        usage = await asyncio.to_thread(lambda: usage_by_role(running_shop(state)))
        yield Sample(time.monotonic() - start, api.stats.requests, counts, usage)


def _progress(sample: Sample, plan: Plan) -> str:
    return (
        f"{sample.seconds:,.0f} of {plan.seconds:,.0f} s: {sample.requests:,} requests, "
        f"{sample.hosts['activations']:,} activations, {sample.hosts['hot']:,} hot carts"
    )


def soak(
    *,
    minutes: Annotated[float, typer.Option(min=0.1)] = 15,
    users: Annotated[int, typer.Option(min=1, help="Shoppers, each with a cart.")] = 20_000,
    at_once: Annotated[int, typer.Option(min=1, help="Shoppers who act at once.")] = 32,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second, at most.")] = 250,
    idle: Annotated[float, typer.Option(min=1, help="Seconds until a cart leaves memory.")] = 20,
    every: Annotated[float, typer.Option(min=1, help="Seconds from sample to sample.")] = 10,
    state_dir: Annotated[Path | None, typer.Option(help="Of the shop; else a new one.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the samples there.")] = None,
    picture: Annotated[Path | None, typer.Option("--plot", help="Draw them there.")] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print for a README.")] = False,
) -> None:
    """Load a shop of its own for a while and show what memory it takes."""
    screen = Console(stderr=True)
    plan = Plan(minutes * 60, users, at_once, rate, every)
    samples: list[Sample] = []
    try:
        with contextlib.ExitStack() as stack:
            state = state_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stack.enter_context(own_shop(state, {"PEARSHOP_CART_IDLE_SECONDS": str(idle)}))
            soaked = soak_shop(state, plan, samples, screen)
    except (PearShopError, OperationalError, OSError, subprocess.CalledProcessError) as error:
        screen.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    finally:
        if csv and samples:
            write_csv(samples, csv)
    output([memory_sheet(samples), soaked.sheet()], as_markdown=as_markdown)
    if picture:
        plot(samples, picture)
    raise typer.Exit(1 if soaked.walk.problems else 0)


if __name__ == "__main__":
    typer.run(soak)
