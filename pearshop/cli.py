"""The `pearshop` command.

Commands import what they need when they run, so that `pearshop --help` answers at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from pearshop.errors import PearShopError

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(
    help="PearShop, an e-commerce backend on Ray.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

StateDir = Annotated[
    Path, typer.Option("--state-dir", help="Folder of the shop: its data, secrets and logs.")
]
DEFAULT_STATE = Path(".pearshop")


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port of the API.", min=1, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    state_dir: StateDir = DEFAULT_STATE,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background.")] = False,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Load demo products.")] = True,
    *,
    monitoring: Annotated[
        bool, typer.Option("--monitoring", help="Start Prometheus and Grafana, if installed.")
    ] = False,
) -> None:
    """Start the shop: PostgreSQL, Redis, Ray and the API. Ctrl-C stops it all.

    PEARSHOP_DATABASE_URL and PEARSHOP_REDIS_URL name servers of yours; without them embedded ones
    run, with their data in the state folder.

    Examples:

        pearshop up

        pearshop up --port 8080 --state-dir /srv/shop --detach
    """
    from pearshop.launcher.state import StateFolder

    folder = StateFolder(state_dir)
    if detach:
        from pearshop.launcher.detach import detach as run_detached

        arguments = [f"--port={port}", f"--host={host}", f"--state-dir={folder.path}"]
        arguments.append("--demo" if demo else "--no-demo")
        arguments += ["--monitoring"] * monitoring
        raise typer.Exit(
            run_detached(folder, arguments, lambda line, error: typer.echo(line, err=error))
        )
    from pearshop.launcher.progress import Progress

    progress = Progress()
    progress.say(f"Starting the shop of {folder.path}")  # What follows takes a second to import.
    from pearshop.launcher.shop import Options, Shop

    Shop(folder, Options(host=host, port=port, demo=demo, monitoring=monitoring), progress).run()


@app.command()
def down(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Stop the shop of a state folder, and clean up after one that was killed.

    Examples:

        pearshop down

        pearshop down --state-dir /srv/shop
    """
    from pearshop.launcher.down import down as stop
    from pearshop.launcher.state import StateFolder

    stop(StateFolder(state_dir), typer.echo)


@app.command()
def status(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Show whether deployments, cart hosts, database and Redis are healthy, and why not.

    The exit status is 0 only when all are.

    Examples:

        pearshop status

        pearshop status --state-dir /srv/shop && echo fine
    """
    from rich.console import Console
    from rich.table import Table

    from pearshop.errors import ConfigurationError
    from pearshop.launcher.state import StateFolder
    from pearshop.launcher.status import report

    folder = StateFolder(state_dir)
    run = folder.read_run()
    if folder.holder() is None or run is None:
        raise ConfigurationError(f"No shop is up in {folder.path}: start it with `pearshop up`.")
    parts = report(run)
    table = Table("part", "healthy", "detail", title=run.api_url)
    for part in parts:
        table.add_row(part.name, "yes" if part.healthy else "NO", part.detail)
    Console().print(table)
    raise typer.Exit(0 if all(part.healthy for part in parts) else 1)


@app.command()
def migrate(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Bring the database to the schema of this code; `up` does it too.

    Examples:

        pearshop migrate

        PEARSHOP_DATABASE_URL=postgresql://shop@db/shop pearshop migrate
    """
    from pearshop.launcher.database import database, migrated

    with database(state_dir) as url:
        typer.echo(f"The schema is at {migrated(url)}.")


@app.command("create-staff")
def create_staff(username: str, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Create a staff account. The password is asked for, or PEARSHOP_STAFF_PASSWORD.

    Examples:

        pearshop create-staff ada
    """
    from pearshop.launcher.seed import create_staff as create
    from pearshop.settings import Settings

    password = Settings().staff_password.get_secret_value() or typer.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )
    with _engine(state_dir) as engine:
        create(engine, username, password)
    typer.echo(f"{username} is staff now.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make. It must not be there yet.")],
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Write the database and the images into one file, of one moment; the shop may be up.

    It holds no signing key and no password of a server, but addresses, password hashes and the
    secrets of webhooks: keep it where nobody else can read it.

    Examples:

        pearshop backup shop.backup

        pearshop backup /backups/$(date +%F).backup --state-dir /srv/shop
    """
    from pearshop.keeping.commands import run_backup

    run_backup(file, state_dir, typer.echo)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `pearshop backup` has made.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of the shop that is there.")
    ] = False,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Make a shop what a backup holds, all of it or nothing; the shop must not be up.

    Everybody signs in again afterwards.

    Examples:

        pearshop restore shop.backup --state-dir /srv/new

        pearshop restore shop.backup --replace
    """
    from pearshop.keeping.commands import run_restore

    run_restore(file, state_dir, typer.echo, replace=replace)


@app.command()
def doctor(
    state_dir: StateDir = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Look for what endangers the shop, up or not, and say what to do about it.

    The exit status is 1 when something is FAIL. Nothing is changed.

    Examples:

        pearshop doctor

        pearshop doctor --json --state-dir /srv/shop
    """
    import json

    from pearshop.keeping.doctor.examine import examine
    from pearshop.keeping.doctor.finding import Level

    findings = []
    for each in examine(state_dir):
        findings.append(each)
        if not as_json:
            advice = f" - {each.advice}" if each.advice else ""
            typer.echo(f"{each.level:4} {each.check}: {each.says}{advice}")
    if as_json:
        typer.echo(json.dumps([each._asdict() for each in findings], indent=2))
    raise typer.Exit(1 if any(each.level == Level.FAIL for each in findings) else 0)


@app.command()
def openapi() -> None:
    """Print the API's description, OpenAPI as JSON.

    Examples:

        pearshop openapi > openapi.json
    """
    import json

    from pearshop.http.app import openapi as describe

    typer.echo(json.dumps(describe(), indent=2))


@app.command("import-products")
def import_products(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON lines; gzipped or not.")],
    state_dir: StateDir = DEFAULT_STATE,
    report: Annotated[
        Path | None, typer.Option(help="Write every row's outcome here: JSON for .json, else CSV.")
    ] = None,
    price_exponent: Annotated[
        int | None,
        typer.Option(min=0, max=4, help="Decimals of the file's prices, if not the shop's."),
    ] = None,
) -> None:
    """Bring a product file into the shop, up or not.

    The same file again changes nothing.

    Columns: name, price; if wanted sku, image, description, category, stock.
    A row changes the product with its sku; without a sku, that of its name.
    Columns that are absent stay as they are, hidden products stay hidden.

    Examples:

        pearshop import-products goods.csv --report report.csv

        pearshop import-products pounds.csv.gz --price-exponent 2
    """
    from pearshop.catalogue.commands import run_import

    with _engine(state_dir) as engine:
        run_import(engine, file, report, price_exponent)


@app.command("export-products")
def export_products(
    file: Annotated[Path | None, typer.Argument(help="Standard output when absent.")] = None,
    state_dir: StateDir = DEFAULT_STATE,
    fmt: Annotated[
        Literal["csv", "jsonl"] | None,
        typer.Option("--format", help="JSON lines for a file named .jsonl, otherwise CSV."),
    ] = None,
) -> None:
    """Write the products on sale as a file that import-products takes back.

    Examples:

        pearshop export-products goods.csv

        pearshop export-products --format jsonl | gzip > goods.jsonl.gz
    """
    from pearshop.catalogue.commands import run_export

    with _engine(state_dir) as engine:
        run_export(engine, file, fmt)


@contextmanager
def _engine(state_dir: Path) -> "Iterator[Engine]":
    """Yield an engine on the shop's migrated database."""
    from pearshop.db.engine import make_engine
    from pearshop.launcher.database import database, migrated
    from pearshop.launcher.seed import settle_currency
    from pearshop.settings import Settings

    with database(state_dir) as url:
        migrated(url)
        engine = make_engine(Settings(database_url=url), pool_size=1)
        try:
            with engine.begin() as connection:
                settle_currency(connection, Settings())
            yield engine
        finally:
            engine.dispose()


def main() -> None:
    """Run the command. What PearShop refuses becomes one line on stderr and exit status 1."""
    try:
        app()
    except PearShopError as error:
        _fail(str(error))
    except ValueError as error:
        if getattr(error, "title", "") != "Settings":
            raise
        _fail(_of_settings(error))


def _fail(text: str) -> NoReturn:
    typer.echo("Error: " + " ".join(text.split()), err=True)
    sys.exit(1)


def _of_settings(error: Any) -> str:
    """Return what pydantic found wrong in the settings, without their values: some are secret."""
    return "; ".join(
        f"PEARSHOP_{str(each['loc'][0]).upper()}: {each['msg'].removeprefix('Value error, ')}"
        for each in error.errors(include_url=False, include_input=False)
    )


if __name__ == "__main__":
    main()
