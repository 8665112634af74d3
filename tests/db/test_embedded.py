"""The embedded servers, for real: they start, keep what they hold, and leave nothing behind."""

import os
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from pearshop.db.embedded import EmbeddedPostgres, EmbeddedRedis
from pearshop.db.embedded_server import EmbeddedServer, free_port, port_is_free
from pearshop.errors import ConfigurationError


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder outside pytest's, which every pytest that starts closes to the system user."""
    with tempfile.TemporaryDirectory(prefix="pearshop-test-") as name:
        yield Path(name)


def query(url: str, statement: str) -> object:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def kill(server: EmbeddedServer) -> None:
    process = psutil.Process(server.pid)
    assert process.pid != os.getpid()
    process.send_signal(signal.SIGKILL)
    process.wait(20)


def test_data_outlives_a_stop(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        query(server.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        pid = server.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)
    with EmbeddedPostgres(folder) as server:
        assert query(server.url, "SELECT answer FROM kept") == 42


def test_postgres_is_durable_checked_and_unicode(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        shown = {
            name: query(server.url, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "data_checksums", "server_encoding")
        }
    assert set(shown.values()) == {"on", "UTF8"}


def test_postgres_wants_its_password(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(server.url, password="wrong")
        mode = stat.S_IMODE((folder / "password").stat().st_mode)
    assert mode == 0o600


def test_postgres_killed_comes_back_with_url_and_data(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        url = server.url
        query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill(server)
        assert not server.is_running()
        assert server.start() == url
        assert query(url, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedRedis])
def test_a_leftover_is_stopped_first(folder: Path, kind: type[EmbeddedServer]) -> None:
    with kind(folder) as killed_owner, kind(folder) as server:
        assert not killed_owner.is_running()
        assert server.is_running()


def test_an_unfinished_first_start_is_done_again(folder: Path) -> None:
    (folder / "data.unfinished").mkdir()
    (folder / "data.unfinished" / "junk").touch()
    with EmbeddedPostgres(folder) as server:
        assert query(server.url, "SELECT 1") == 1


def test_a_start_that_fails_tells_why_and_leaves_nothing(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        pass
    (folder / "data" / "postgresql.auto.conf").write_text("nonsense = 1\n")
    with pytest.raises(ConfigurationError, match="nonsense"):
        server.start()
    assert server.pid is None


def test_redis_wants_its_password_and_keeps_nothing(folder: Path) -> None:
    with EmbeddedRedis(folder) as server:
        with redis.Redis.from_url(server.url) as client:
            assert client.set("key", "value")
        _, _, port = server.url.removesuffix("/0").rpartition(":")
        stranger = redis.Redis(port=int(port))
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.get("key")
        kill(server)
        with redis.Redis.from_url(server.start()) as client:
            assert client.get("key") is None


def test_free_port_prefers_and_avoids() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not port_is_free("127.0.0.1", port)
        assert free_port(port) != port
    assert free_port(port) == port


def test_stop_is_safe_to_repeat(folder: Path) -> None:
    server = EmbeddedRedis(folder)
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert server.pid is None


def test_postgres_starts_although_nobody_has_reaped_the_one_that_was_killed(folder: Path) -> None:
    killed = EmbeddedPostgres(folder)
    killed.start()
    process = killed._process
    assert process is not None
    try:
        os.kill(process.pid, signal.SIGKILL)
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        with EmbeddedPostgres(folder) as server:
            assert query(server.url, "SELECT 42") == 42
            assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    finally:
        process.wait()
