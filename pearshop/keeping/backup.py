"""`pearshop backup`: the database as of one moment, and the images, in one file."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
from psycopg2 import sql

import pearshop
from pearshop.domain.image import is_name
from pearshop.errors import ConfigurationError
from pearshop.keeping.archive import DUMP, FORMAT, MEDIA, Manifest, writing
from pearshop.keeping.tools import connect, find_tools

SCHEMA = "public"
TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""


def media_folder(media_url: str, state: Path) -> Path | None:
    """Return the folder that has the images, `None` where they are in an object store."""
    if not media_url:
        return state / "media"
    return None if "://" in media_url else Path(media_url)


def back_up(url: str, media: Path | None, path: Path) -> Manifest:
    """Write a backup of the database at `url` and the images in `media`; return what it holds.

    The shop may go on meanwhile: rows are those of one snapshot. Images come after it, and none is
    ever changed or deleted, so that all that the snapshot names are there. Raises
    `ConfigurationError` when it cannot be made; then there is no file.
    """
    with writing(path) as archive, _snapshot(url) as (snapshot, revision, rows, server):
        tools = find_tools(url, server)
        arguments = (
            *("--format=custom", "--no-owner", "--no-privileges", f"--schema={SCHEMA}"),
            *(f"--snapshot={snapshot}", "--no-password", f"--dbname={tools.database()}"),
        )
        with tools.output("pg_dump", *arguments) as dump:
            archive.add(DUMP, dump)
        if media is not None:
            for file in sorted(media.glob("*")):
                if is_name(file.name):
                    with file.open("rb") as image:
                        archive.add(MEDIA + file.name, image)
        manifest = Manifest(
            format=FORMAT,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            release=pearshop.__version__,
            server=server,
            revision=revision,
            rows=rows,
            media=media is not None,
            digests=archive.digests,
        )
        archive.finish(manifest)
    return manifest


@contextlib.contextmanager
def _snapshot(url: str) -> Iterator[tuple[str, str, dict[str, int], int]]:
    """Yield the name of a snapshot, its schema's revision, its rows, and the server's version."""
    with contextlib.closing(connect(url)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            try:
                cursor.execute("SELECT version_num FROM public.alembic_version")
                [(revision,)] = cursor.fetchall()
            except (psycopg2.errors.UndefinedTable, ValueError):
                raise ConfigurationError(
                    "There is no shop in this database: see PEARSHOP_DATABASE_URL, --state-dir."
                ) from None
            cursor.execute("SELECT pg_export_snapshot()")
            [(snapshot,)] = cursor.fetchall()
            try:
                yield snapshot, revision, count_rows(cursor), connection.server_version
            except psycopg2.Error as error:
                reason = " ".join(str(error).split())
                raise ConfigurationError(f"The database broke the backup off: {reason}") from None


def count_rows(cursor: "psycopg2.extensions.cursor") -> dict[str, int]:
    """Return how many rows each table has."""
    cursor.execute(TABLES)
    counts = {}
    for (name,) in cursor.fetchall():
        cursor.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(SCHEMA, name)),
        )
        counts[name] = cursor.fetchall()[0][0]
    return counts
