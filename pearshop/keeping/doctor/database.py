"""PostgreSQL: what endangers data, whether it is this code's, and whether it has room."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2

from pearshop.db import migrate
from pearshop.errors import ConfigurationError
from pearshop.keeping.doctor.finding import Finding, fail, ok, warn
from pearshop.keeping.doctor.machine import judge_clock, judge_disk
from pearshop.keeping.tools import connect

OLDEST, TESTED = 14, 18
DANGEROUS = {
    "fsync": ("on", "a crash of the machine can destroy all data"),
    "full_page_writes": ("on", "a crash of the machine can destroy pages"),
    "synchronous_commit": (
        "on remote_apply remote_write local",
        "a crash loses what was acknowledged last",
    ),
    "zero_damaged_pages": ("off", "damaged pages are emptied without a word"),
    "ignore_checksum_failure": ("off", "damage is passed on as data"),
    "autovacuum": ("on", "tables grow, and the server stops in the end"),
}
"""Parameters, what they may be, and what it means when they are another."""
STARTED = "SELECT floor(extract(epoch FROM pg_postmaster_start_time()))::bigint::text"
LOSES = {"fsync", "full_page_writes", "synchronous_commit", "zero_damaged_pages"}


def judge_database(url: str, needed: int, steady: int) -> Iterator[Finding]:
    """Yield what is to be said of the server and the database at `url`.

    The shop opens up to `steady` connections, `needed` while a deploy replaces its processes.
    """
    try:
        connection = connect(url)
    except ConfigurationError as error:
        yield fail("PostgreSQL", str(error), "start it, or see PEARSHOP_DATABASE_URL.")
        return
    with contextlib.closing(connection):
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield _version(connection.server_version)
            yield from _parameters(cursor)
            yield from _schema(cursor)
            yield _connections(cursor, needed, steady)
            yield _clock(cursor)
            yield from _room(cursor)


def _one(cursor: "psycopg2.extensions.cursor", query: str) -> Any:
    cursor.execute(query)
    row = cursor.fetchone()
    return row[0] if row else None


def _version(number: int) -> Finding:
    major = number // 10_000
    if major < OLDEST:
        return fail("PostgreSQL", f"version {major}", f"move to {TESTED}; {OLDEST} is the oldest.")
    if major < TESTED:
        return warn("PostgreSQL", f"version {major}", f"the shop is tested with {TESTED}.")
    return ok("PostgreSQL", f"version {major}")


def _parameters(cursor: "psycopg2.extensions.cursor") -> Iterator[Finding]:
    for name, (good, danger) in DANGEROUS.items():
        value = _one(cursor, f"SHOW {name}")
        if value in good.split():
            if name in {"fsync", "full_page_writes", "synchronous_commit"}:
                yield ok(name, value)
            continue
        judge = fail if name in LOSES else warn
        yield judge(name, f"{value}: {danger}", f"set {name} = {good.split()[0]}, and reload.")
    if _one(cursor, "SELECT pg_is_in_recovery()"):
        yield fail(
            "primary", "it is a replica: nothing can be written", "name the primary's URL instead."
        )


def _schema(cursor: "psycopg2.extensions.cursor") -> Iterator[Finding]:
    if _one(cursor, "SELECT to_regclass('alembic_version')") is None:
        yield warn("schema", "none", "`pearshop up` or `pearshop migrate` makes it.")
        return
    found, head = _one(cursor, "SELECT version_num FROM alembic_version"), migrate.head()
    if found == head:
        yield ok("schema", str(found))
    elif found is not None and not migrate.is_known(found):
        yield fail("schema", f"{found}, newer than this code ({head})", "run the newer PearShop.")
    else:
        yield fail("schema", f"{found}, this code needs {head}", "run `pearshop migrate`.")
    cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    if broken := [name for (name,) in cursor.fetchall()]:
        yield warn(
            "indexes",
            f"left unfinished: {', '.join(broken)}",
            "DROP INDEX CONCURRENTLY each, then CREATE it again as its migration does.",
        )


def _connections(cursor: "psycopg2.extensions.cursor", needed: int, steady: int) -> Finding:
    most = int(_one(cursor, "SHOW max_connections"))
    kept = int(_one(cursor, "SHOW superuser_reserved_connections"))
    others = int(
        _one(
            cursor,
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND application_name NOT LIKE 'pearshop%'",
        )
    )
    free = most - kept - others
    says = f"{most} allowed, {kept} kept back, {others} of others; the shop needs {steady}"
    advice = "raise max_connections, or lower PEARSHOP_DATABASE_POOL_SIZE."
    if free < steady:
        return fail("connections", says, advice)
    if free < needed:
        return warn("connections", f"{says}, and {needed} while a deploy replaces it", advice)
    return ok("connections", f"{says}, {needed} while a deploy replaces it")


def _clock(cursor: "psycopg2.extensions.cursor") -> Finding:
    began = time.time()
    there = _one(cursor, "SELECT extract(epoch FROM clock_timestamp())")
    return judge_clock("PostgreSQL's clock", float(there), began, time.time())


def _room(cursor: "psycopg2.extensions.cursor") -> Iterator[Finding]:
    size = int(_one(cursor, "SELECT pg_database_size(current_database())"))
    yield ok("database", f"{size / 1e9:.2f} GB at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    # Where its folder is here and may be read; the same path may be that of another server.
    with contextlib.suppress(psycopg2.Error, OSError, IndexError):
        folder = Path(str(_one(cursor, "SHOW data_directory")))
        started = (folder / "postmaster.pid").read_text().splitlines()[2]
        if started == _one(cursor, STARTED):
            yield judge_disk("PostgreSQL's disk", folder)
