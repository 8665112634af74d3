"""`pearshop restore`: a backup becomes the shop, all of it or nothing.

Everything happens in one transaction: what is there goes, what the backup holds comes, and it is
made such that nothing of the time between backup and restore can act on it.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pearshop.db import migrate, placement
from pearshop.errors import ConfigurationError
from pearshop.http.media.store import Store
from pearshop.keeping.archive import CHUNK, DUMP, MEDIA, Manifest, Reader, reading
from pearshop.keeping.backup import SCHEMA, TABLES
from pearshop.keeping.tools import Tools, connect, find_tools

GAP = 10_000_000
"""More numbers than a shop gives out between its last backup and the loss of what came after."""
ERROR = "ERROR:"

BEGIN = f"""
\\set ON_ERROR_STOP on
BEGIN;
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '10s';
SET LOCAL search_path = {SCHEMA};
SELECT pg_advisory_xact_lock({migrate.LOCK}), pg_advisory_xact_lock({placement.LOCK});
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
             AND application_name = 'pearshop' AND pid <> pg_backend_pid()) THEN
    RAISE 'a shop is at work on this database: stop it first, on every node';
  END IF;
END $$;
"""  # noqa: S608 - made of constants
"""Nobody migrates, claims a host or stores a cart until the end of it."""

CLEAR = f"""
DO $$ DECLARE one TEXT; BEGIN
  FOREACH one IN ARRAY ARRAY(SELECT quote_ident(name) FROM ({TABLES}) AS shops (name)) LOOP
    EXECUTE 'DROP TABLE {SCHEMA}.' || one || ' CASCADE';
  END LOOP;
  FOREACH one IN ARRAY ARRAY(
    SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = '{SCHEMA}'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  ) LOOP
    EXECUTE 'DROP ROUTINE IF EXISTS ' || one || ' CASCADE';
  END LOOP;
END $$;
"""  # noqa: S608 - made of constants

FENCE = f"""
RESET ALL;
SET LOCAL statement_timeout = 0;
SET LOCAL search_path = {SCHEMA};
DO $$ DECLARE found RECORD; BEGIN
  FOR found IN SELECT format('%I.%I', schemaname, sequencename) AS name,
                     COALESCE(last_value, 0) + {GAP} AS number
              FROM pg_sequences WHERE schemaname = '{SCHEMA}' LOOP
    PERFORM setval(found.name::regclass, found.number);
  END LOOP;
  UPDATE placement SET epoch = epoch + {GAP};
  IF to_regclass('cart_hosts') IS NOT NULL THEN
    UPDATE cart_hosts SET incarnation = incarnation + {GAP}, actor = '';
  END IF;
  UPDATE sessions SET revoked_at = clock_timestamp() WHERE revoked_at IS NULL;
END $$;
"""  # noqa: S608 - made of constants
"""Grants and numbers of the lost time are good for nothing: hosts that hold such a grant store
nothing, no token and no event means another account or order that gets its number, and everybody
signs in again, for a session that was ended in that time would be open."""


@dataclass(frozen=True)
class Restored:
    """What came back: the backup's manifest, and how many of its images were not there yet."""

    manifest: Manifest
    images: int


def restore(url: str, media_url: str, path: Path, *, replace: bool) -> Restored:
    """Make the database at `url` what the backup at `path` holds; its images go to `media_url`.

    Raises `ConfigurationError`, with the database as it was: for a backup that is not whole or is
    of newer code, a database that has something in it unless `replace`, and a shop at work on it.
    """
    with reading(path) as backup:
        manifest = backup.manifest
        if not migrate.is_known(manifest.revision):
            raise ConfigurationError(
                f"The backup's schema ({manifest.revision}) is newer than this code "
                f"({migrate.head()}): restore it with the newer PearShop."
            )
        tools = _looked_at(url, manifest, replace=replace)
        images = _put_images(backup, media_url)
        _run(tools, backup, CLEAR if replace else "")
    return Restored(manifest, images)


def _looked_at(url: str, manifest: Manifest, *, replace: bool) -> Tools:
    """Return the programs for a database that may be restored into."""
    with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:
        version = connection.server_version
        if version // 10_000 < manifest.server // 10_000:
            raise ConfigurationError(
                f"The backup is of PostgreSQL {manifest.server // 10_000}, this server is "
                f"{version // 10_000}: restore it into one that is not older."
            )
        cursor.execute(TABLES)
        found = {name for (name,) in cursor.fetchall()}
        if found and "alembic_version" not in found:
            raise ConfigurationError(
                "The database holds something that is no shop: make an empty one, and name it in "
                "PEARSHOP_DATABASE_URL."
            )
        if found and not replace:
            raise ConfigurationError(
                "The database holds a shop: to put the backup in its place, for good, say "
                "--replace."
            )
    return find_tools(url, version)


def _put_images(backup: Reader, media_url: str) -> int:
    """Put back images that are not there. What no row names does no harm."""
    store = Store(media_url)
    count = 0
    try:
        for name in backup.manifest.images:
            if store.get(name) is None:
                with backup.open(MEDIA + name) as image:
                    store.put([(name, image.read())])
                count += 1
    except OSError as error:
        raise ConfigurationError(
            f"The images cannot be put into {media_url}: {error}. The database is as it was."
        ) from None
    return count


def _run(tools: Tools, backup: Reader, clear: str) -> None:
    """Run the transaction. What ends before its COMMIT is sent changes nothing."""
    with tempfile.TemporaryFile() as words:
        psql = subprocess.Popen(  # noqa: S603 - PostgreSQL's own, no shell
            tools.command(
                "psql",
                *("--no-psqlrc", "--quiet", "--no-password", "--output=/dev/null"),
                f"--dbname={tools.database()}",
            ),
            env=tools.environment() | {"PGAPPNAME": "pearshop restore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=words,
        )
        assert psql.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # it ended; why, it tells
                _write(psql.stdin, tools, backup, clear)
            psql.stdin.close()
        except BaseException as error:
            psql.kill()
            if not isinstance(error, BrokenPipeError):
                raise
        finally:
            psql.wait()
        if psql.returncode:
            words.seek(0)
            raise ConfigurationError(_reason(words.read().decode(errors="replace")))


def _write(to: IO[bytes], tools: Tools, backup: Reader, clear: str) -> None:
    to.write((BEGIN + clear).encode())
    with _script(tools, backup) as script:
        shutil.copyfileobj(script, to, CHUNK)
    to.write((FENCE + "".join(_checks(backup.manifest.rows)) + "COMMIT;\n").encode())
    to.flush()


def _checks(rows: dict[str, int]) -> Iterable[str]:
    """Yield what ends the transaction unless each table has the rows that it had."""
    for table, count in rows.items():
        name = '"' + table.replace('"', '""') + '"'
        there = f"(SELECT count(*) FROM {SCHEMA}.{name})"  # noqa: S608 - quoted
        problem = "'a table has not the rows that it had'"
        yield f"DO $$ BEGIN ASSERT {there} = {int(count)}, {problem}; END $$;\n"


@contextlib.contextmanager
def _script(tools: Tools, backup: Reader) -> Iterator[IO[bytes]]:
    """Yield the dump as SQL. Raises `ConfigurationError` when not all of it came."""

    def feed(to: IO[bytes]) -> None:
        with contextlib.suppress(BrokenPipeError), to, backup.open(DUMP) as dump:
            shutil.copyfileobj(dump, to, CHUNK)

    arguments = ("--no-owner", "--no-privileges", f"--schema={SCHEMA}", "--file=-")
    try:
        with tools.output("pg_restore", *arguments, feed=feed) as script:
            yield script
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} Nothing was changed.") from None


def _reason(words: str) -> str:
    lines = [line for line in words.splitlines() if ERROR in line] or words.splitlines()[-1:]
    first = lines[0].partition(ERROR)[2].strip() if lines and ERROR in lines[0] else "".join(lines)
    return f"The backup was not restored: {first or 'psql said nothing'}. Nothing was changed."
