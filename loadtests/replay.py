"""Replay real invoices against a running shop over HTTP, then reconcile from its database.

    uv run python -m loadtests.replay --state-dir .pearshop

Each customer of the trace is a user, each line a cart add, each invoice an order; shoppers act at
once, and as fast as the shop answers. It imports the real catalogue and sets the stock of every
product, so it is not for a shop with customers; start it with `PEARSHOP_RATE_LIMITS=off`. Exit
status 1 when a check fails.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from loadtests.book import Book
from loadtests.client import Account, Api, GaveUpError
from loadtests.goods import load_goods, set_stock
from loadtests.reconcile import audit, take_baseline
from loadtests.result import Driven, Result, sheets
from loadtests.shopper import Shopper
from loadtests.tables import output
from loadtests.trace import Invoice, Plan, make_plan, read_lines
from pearshop.errors import ConfigurationError, PearShopError
from pearshop.settings import sqlalchemy_url

DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Size:
    """Against which shop, how many invoices, and how many shoppers at once."""

    url: str
    invoices: int
    at_once: int


async def drive(plan: Plan, size: Size, book: Book, progress: Progress) -> Driven:
    """Register all customers, then replay their invoices.

    Raises `GaveUpError` when a customer cannot register.
    """
    name = f"replay-{secrets.token_hex(4)}"
    customers = plan.by_customer()
    connector = aiohttp.TCPConnector(limit=size.at_once)
    async with aiohttp.ClientSession(connector=connector) as session:
        api = Api(session, size.url)
        accounts = [
            Account(api, f"{name}-{invoices[0].customer}", secrets.token_urlsafe(12))
            for invoices in customers
        ]
        await _register(accounts, size.at_once, progress)
        before, start = api.stats.requests, time.perf_counter()
        task = progress.add_task("replay", total=sum(len(each.adds) for each in plan.invoices))

        async def shop(account: Account, invoices: list[Invoice]) -> None:
            await Shopper(account, book).replay(invoices, lambda: progress.advance(task))

        await _at_once(size.at_once, map(shop, accounts, customers))
        seconds = time.perf_counter() - start
        return Driven(api.stats, len(accounts), api.stats.requests - before, seconds)


async def _register(accounts: list[Account], at_once: int, progress: Progress) -> None:
    task = progress.add_task("register", total=len(accounts))

    async def register(account: Account) -> None:
        await account.open()
        progress.advance(task)

    await _at_once(at_once, map(register, accounts))


async def _at_once(limit: int, jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run lazily made jobs, `limit` at a time, started in their order. Raises the first error."""
    waiting = iter(jobs)

    async def work() -> None:
        for job in waiting:
            await job

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(limit):
                group.create_task(work())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def replay(
    *,
    state_dir: Annotated[Path, typer.Option(help="Of the running shop.")] = Path(".pearshop"),
    url: Annotated[str, typer.Option(help="Of the API, instead of the state folder's.")] = "",
    database_url: Annotated[str, typer.Option(help="Likewise, for the audit.")] = "",
    data: Annotated[Path, typer.Option(help="Folder of the real shop data.")] = DATA,
    invoices: Annotated[int, typer.Option(min=1)] = 2_000,
    shoppers: Annotated[int, typer.Option(min=1, help="How many act at once.")] = 32,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print for a README.")] = False,
) -> None:
    """Replay real invoices against a running shop and audit its books."""
    screen = Console(stderr=True)
    try:
        url, database_url = _addresses(state_dir, url, database_url)
        engine = create_engine(sqlalchemy_url(database_url))
        with _progress(screen) as progress:
            result = _replay(engine, data, Size(url, invoices, shoppers), progress)
    except (PearShopError, GaveUpError, OperationalError, OSError) as error:
        screen.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    output(sheets(result), as_markdown=as_markdown)
    raise typer.Exit(0 if result.ok else 1)


def _replay(engine: Engine, data: Path, size: Size, progress: Progress) -> Result:
    importing = progress.add_task("import the catalogue", total=None)
    catalogue = load_goods(
        engine,
        data / "products.csv.gz",
        lambda done, size: progress.update(importing, completed=done, total=size),
    )
    plan = make_plan(read_lines(data / "orders.csv.gz"), catalogue, size.invoices)
    set_stock(engine, plan.demand())
    with engine.connect() as connection:
        before = take_baseline(connection)
    book = Book()
    driven = asyncio.run(drive(plan, size, book, progress))
    with engine.connect() as connection:
        findings = audit(connection, before, book)
    return Result(plan, size.at_once, driven, findings)


def _addresses(state_dir: Path, url: str, database_url: str) -> tuple[str, str]:
    """Return the two URLs. Raises `ConfigurationError` when the shop does not run."""
    if url and database_url:
        return url, database_url
    try:
        run = json.loads((state_dir / "run.json").read_text())
    except FileNotFoundError:
        raise ConfigurationError(
            f"No shop runs in {state_dir}: start it with `pearshop up`, or give both --url and "
            "--database-url."
        ) from None
    return url or run["api_url"], database_url or run["database_url"]


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


if __name__ == "__main__":
    typer.run(replay)
