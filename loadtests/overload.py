"""Three times the load that a shop can carry: what is served, and how soon the rest is refused.

    uv run python -m loadtests.overload --state-dir .pearshop

Finds the peak of durable adds first, with connections that wait for their answers. Then offers a
multiple of it, at a rate that does not depend on the answers, and the peak itself again. wrk takes
its share of the same cores. It makes accounts and products, so it is not for a shop with customers;
start it with `PEARSHOP_RATE_LIMITS=off`. Exit status 1 when an answer was neither 2xx nor 503 nor
429, or a 503 has no `Retry-After`.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import OperationalError

from loadtests.accounts import Wallet, make_products, make_shoppers
from loadtests.offered import Offered, goodput, parse_offered, sheet
from loadtests.shop import engine_of, running_shop
from loadtests.tables import output
from loadtests.wrk import ADDS, Goods, Sample, cpu_seconds, load, require, run
from pearshop.errors import PearShopError

WARM_UP_S = 5
PROBES = 64
"""Connections whose answers are timed. They need a thread each, which is costly."""
CROWD_THREADS = 2


@dataclass(frozen=True)
class Target:
    """The shop, who adds what there, and how many seconds each load lasts."""

    url: str
    goods: Goods
    seconds: int

    def peak(self, at_once: int, rounds: int) -> Sample:
        """Return the best of some rounds in which each connection waits for its answer."""
        load(self.url, ADDS, self.goods, at_once, WARM_UP_S)
        found = [load(self.url, ADDS, self.goods, at_once, self.seconds) for _ in range(rounds)]
        return max(found, key=goodput)

    def offer(self, rate: float, connections: int) -> Offered:
        """Offer adds at a rate. It is missed when so many connections wait for slow answers.

        Two wrk share the load: a crowd of cheap connections, and probes that time their answers.
        """
        shares = [(connections - PROBES, CROWD_THREADS), (PROBES, PROBES)]
        before = cpu_seconds()
        with ThreadPoolExecutor(len(shares)) as pool:
            parts = pool.map(lambda s: self._offer(rate * s[0] / connections, *s), shares)
            crowd, probes = map(parse_offered, parts)
        return replace(crowd + probes, cores=(cpu_seconds() - before) / self.seconds)

    def _offer(self, rate: float, connections: int, threads: int) -> str:
        variables = self.goods.variables() | {
            "PEARSHOP_PATH": ADDS,
            "PEARSHOP_GAP_MS": str(threads / rate * 1000),
            "PEARSHOP_SHARE": str(connections // threads),
            "PEARSHOP_TIMED": str(int(threads == connections)),
        }
        options = [f"-t{threads}", f"-c{connections}", "--timeout", "30s"]
        return run("open_loop.lua", self.url, variables, options, self.seconds)


def overload(
    *,
    state_dir: Annotated[Path, typer.Option(help="Of the running shop.")] = Path(".pearshop"),
    times: Annotated[float, typer.Option(min=0.1, help="Load, in peaks.")] = 3.0,
    seconds: Annotated[int, typer.Option(min=1, help="Of each load.")] = 10,
    rounds: Annotated[int, typer.Option(min=1, help="Of which the best is the peak.")] = 3,
    at_once: Annotated[int, typer.Option(min=1, help="Connections that find the peak.")] = 64,
    connections: Annotated[int, typer.Option(min=2 * PROBES, help="That offer the load.")] = 1_024,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print for a README.")] = False,
) -> None:
    """Offer a running shop more than it can carry."""
    screen = Console(stderr=True)
    try:
        require()
        shop = running_shop(state_dir)
        engine = engine_of(shop)
        with tempfile.TemporaryDirectory() as folder:
            goods = Goods(Path(folder) / "tokens", make_products(engine))
            Wallet(state_dir).write(make_shoppers(engine, connections), goods.tokens)
            engine.dispose()
            target = Target(shop.api_url, goods, seconds)
            with screen.status("finding the peak"):
                peak = target.peak(at_once, rounds)
            loads = []
            for name, share in ((f"{times:g} x the peak", times), ("the peak again", 1.0)):
                with screen.status(name):
                    loads.append((name, target.offer(share * goodput(peak), connections)))
    except (PearShopError, OperationalError, OSError) as error:
        screen.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    output([sheet(peak, loads)], as_markdown=as_markdown)
    raise typer.Exit(0 if all(offered.ok for _, offered in loads) else 1)


if __name__ == "__main__":
    typer.run(overload)
