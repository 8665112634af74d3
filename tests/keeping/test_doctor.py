"""The doctor, on real servers that are well and on such with a fault planted."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
from sqlalchemy import text

from pearshop.db.embedded import EmbeddedPostgres, EmbeddedRedis
from pearshop.db.migrate import downgrade
from pearshop.keeping.doctor import machine
from pearshop.keeping.doctor.configuration import judge_settings
from pearshop.keeping.doctor.database import judge_database
from pearshop.keeping.doctor.examine import connections
from pearshop.keeping.doctor.finding import Finding, Level
from pearshop.keeping.doctor.machine import (
    Listening,
    judge_clock,
    judge_disk,
    judge_nodes,
    judge_ports,
    judge_redis,
    judge_versions,
    listening,
)
from pearshop.settings import Settings
from tests.db.conftest import Rows, rows

__all__ = ["rows"]

STRONG = "u3T9x-0pQvL7yWm2Zk5Rb8Nc4Hs6Jd1F"


def by_check(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {each.check: each for each in findings}


def of_settings(state: Path, host: str = "127.0.0.1", **given: Any) -> dict[str, Finding]:
    return by_check(judge_settings(Settings(**given), state, host))


class TestSettings:
    def test_a_shop_that_is_well(self, tmp_path: Path) -> None:
        found = of_settings(tmp_path, signing_key=STRONG, staff_password="long enough to be one")
        assert {each.level for each in found.values()} == {Level.OK}

    @pytest.mark.parametrize(
        ("given", "check", "level"),
        [
            ({"signing_key": "short"}, "signing key", Level.FAIL),
            ({"signing_key": "a" * 64}, "signing key", Level.FAIL),
            ({"signing_key": "please-changeme-0123456789-abcdefgh"}, "signing key", Level.FAIL),
            ({"staff_password": "password"}, "staff password", Level.FAIL),
            ({"staff_password": "staff"}, "staff password", Level.FAIL),
            ({"allowed_hosts": "*"}, "allowed hosts", Level.WARN),
            ({"trusted_proxies": "10.0.0.0/8,0.0.0.0/0"}, "trusted proxies", Level.FAIL),
            ({"trusted_proxies": "::/0"}, "trusted proxies", Level.FAIL),
            ({"trusted_proxies": "52.0.0.0/8"}, "trusted proxies", Level.WARN),
            ({"rate_limits": False}, "rate limits", Level.WARN),
            ({"webhook_private_addresses": True}, "webhooks", Level.WARN),
            ({"media_url": "nowhere://bucket"}, "images", Level.FAIL),
            ({"redis_url": "redis://cache.example:6379"}, "Redis's password", Level.FAIL),
            (
                {"database_url": "postgresql://shop:shop@db.example/shop"},
                "PostgreSQL's password",
                Level.FAIL,
            ),
        ],
    )
    def test_one_that_is_not(
        self, tmp_path: Path, given: dict[str, Any], check: str, level: Level
    ) -> None:
        found = of_settings(tmp_path, **given)[check]
        assert found.level == level
        assert found.advice
        assert "changeme" not in found.says

    def test_a_key_of_the_state_folder_is_looked_at_too(self, tmp_path: Path) -> None:
        key = tmp_path / "signing-key"
        key.write_text("short")
        key.chmod(0o600)
        assert of_settings(tmp_path)["signing key"].level == Level.FAIL

    def test_the_printed_password_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "staff-password").touch(0o600)
        assert of_settings(tmp_path)["staff password"].level == Level.WARN

    def test_secrets_that_others_can_read(self, tmp_path: Path) -> None:
        (tmp_path / "run.json").touch(0o644)
        found = of_settings(tmp_path)["secrets' files"]
        assert found.level == Level.FAIL
        assert "run.json" in found.says

    def test_names_are_needed_where_others_reach_the_shop(self, tmp_path: Path) -> None:
        assert of_settings(tmp_path, "203.0.113.7")["allowed hosts"].level == Level.WARN
        named = of_settings(tmp_path, "203.0.113.7", allowed_hosts="shop.example")
        assert named["allowed hosts"].level == Level.OK


@pytest.fixture(scope="module")
def sick(own_folder: Path) -> Iterator[str]:
    """URL of a server whose parameters endanger what it is given."""
    with EmbeddedPostgres(own_folder / "sick") as server:
        connection = psycopg2.connect(server.url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
                cursor.execute(f"ALTER SYSTEM SET {name} = off")
            cursor.execute("SELECT pg_reload_conf()")
        connection.close()
        yield server.url


class TestDatabase:
    def test_one_that_is_well(self, rows: Rows, database_url: str) -> None:
        found = by_check(judge_database(database_url, 33, 17))
        assert {each.level for each in found.values()} == {Level.OK}
        assert {"fsync", "synchronous_commit", "full_page_writes", "schema"} <= set(found)
        assert "PostgreSQL's disk" in found

    def test_parameters_that_endanger_data(self, sick: str) -> None:
        found = by_check(judge_database(sick, 33, 17))
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert found[name].level == Level.FAIL
            assert f"set {name} = on" in found[name].advice
        assert found["autovacuum"].level == Level.WARN
        assert found["schema"].level == Level.WARN

    def test_a_schema_of_before_and_of_newer_code(self, rows: Rows, database_url: str) -> None:
        downgrade(rows.engine, "0007")
        found = by_check(judge_database(database_url, 33, 17))["schema"]
        assert (found.level, found.advice) == (Level.FAIL, "run `pearshop migrate`.")
        with rows.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert "newer" in by_check(judge_database(database_url, 33, 17))["schema"].says

    def test_an_index_that_was_left_unfinished(self, rows: Rows, database_url: str) -> None:
        with rows.engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE pg_index SET indisvalid = false "
                    "WHERE indexrelid = 'ix_users_merged_into'::regclass"
                )
            )
        found = by_check(judge_database(database_url, 33, 17))["indexes"]
        assert "ix_users_merged_into" in found.says

    def test_connections_that_are_too_few(self, database_url: str) -> None:
        level = by_check(judge_database(database_url, 10_000, 17))["connections"].level
        assert level == Level.WARN
        found = by_check(judge_database(database_url, 20_000, 10_000))["connections"]
        assert found.level == Level.FAIL
        assert "max_connections" in found.advice

    def test_one_that_is_away(self) -> None:
        url = "postgresql+psycopg2://u:hidden@127.0.0.1:1/x"
        [found] = judge_database(url, 33, 17)
        assert found.level == Level.FAIL
        assert "hidden" not in str(found)

    def test_the_shop_needs_what_its_configuration_says(self) -> None:
        assert connections(Settings(database_pool_size=8)) == (17, 33)


class TestMachine:
    def test_versions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert {each.level for each in judge_versions()} == {Level.OK}
        monkeypatch.setattr(machine, "RAY", "1.0.0")
        monkeypatch.setattr(machine, "PYTHONS", ((2, 6), (2, 7)))
        assert {each.level for each in judge_versions()} == {Level.FAIL}

    @pytest.mark.parametrize(
        ("there", "level"),
        [
            (100.0, Level.OK),
            (100.9, Level.OK),
            (101.9, Level.WARN),
            (99.1, Level.WARN),
            (90.0, Level.FAIL),
            (3_700.0, Level.FAIL),
        ],
    )
    def test_clocks(self, there: float, level: Level) -> None:
        assert judge_clock("a clock", there, before=100.0, after=101.0).level == level

    def test_clocks_of_nodes(self) -> None:
        well, ill = judge_nodes([("10.0.0.1", 995.0), ("10.0.0.2", 900.0)], now=1_000.0)
        assert (well.level, ill.level) == (Level.OK, Level.FAIL)

    def test_disks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(machine, "DISK_WARN", 1)
        monkeypatch.setattr(machine, "DISK_FAIL", 0)
        assert judge_disk("a disk", tmp_path).level == Level.OK
        monkeypatch.setattr(machine, "DISK_WARN", 1 << 60)
        assert judge_disk("a disk", tmp_path).level == Level.WARN
        monkeypatch.setattr(machine, "DISK_FAIL", 1 << 60)
        assert judge_disk("a disk", tmp_path).level == Level.FAIL

    def test_ports(self) -> None:
        with socket.create_server(("0.0.0.0", 0)) as wide, socket.create_server(("127.0.0.1", 0)):
            port = wide.getsockname()[1]
            found = [each for each in listening([psutil.Process()]) if each.port == port]
            assert [each.host for each in found] == ["0.0.0.0"]
            told = judge_ports(found, api_port=8000)
            assert told.level == Level.WARN
            assert str(port) in told.says
            assert judge_ports(found, api_port=port).level == Level.OK
        assert judge_ports([Listening("::", 8000, "haproxy")], 8000).level == Level.OK

    def test_redis(self, own_folder: Path) -> None:
        with EmbeddedRedis(own_folder / "doctors-redis") as server:
            found = by_check(judge_redis(server.url))
            assert {each.level for each in found.values()} == {Level.OK}
            assert "Redis's clock" in found
            url = server.url
        [away] = judge_redis(url)
        assert away.level == Level.WARN


def doctor(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pearshop.cli", "doctor", *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class TestCommand:
    def test_where_no_shop_ever_was(self, tmp_path: Path) -> None:
        done = doctor("--state-dir", str(tmp_path / "none"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ok   PostgreSQL: none yet" in done.stdout
        assert not (tmp_path / "none").exists()

    def test_faults_make_it_fail_and_each_is_told_with_what_to_do(
        self, tmp_path: Path, sick: str
    ) -> None:
        done = doctor(
            *("--json", "--state-dir", str(tmp_path / "none")),
            PEARSHOP_DATABASE_URL=sick,
            PEARSHOP_SIGNING_KEY="too short a key",
            PEARSHOP_RATE_LIMITS="off",
        )
        assert done.returncode == 1, done.stderr
        found = {each["check"]: each for each in json.loads(done.stdout)}
        assert found["fsync"]["level"] == "FAIL"
        assert found["signing key"]["level"] == "FAIL"
        assert found["rate limits"]["level"] == "warn"
        assert all(each["advice"] for each in found.values() if each["level"] != "ok")
        assert "too short a key" not in done.stdout

    def test_a_shop_that_is_not_up(self, own_folder: Path) -> None:
        state = own_folder / "doctors-shop"
        with EmbeddedPostgres(state / "postgres"):
            pass
        done = doctor("--state-dir", str(state))
        assert "warn schema: none" in done.stdout, done.stdout + done.stderr
        assert "ok   fsync: on" in done.stdout
        commands = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
        assert not [each for each in commands if str(state) in " ".join(each)]
