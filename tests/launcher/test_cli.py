"""The command's manners: quick help, one line for an error, status 1."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import typer

from pearshop import cli


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pearshop.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_needs_no_ray() -> None:
    program = (
        "import sys\nfrom pearshop import cli\n"
        "try: cli.app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'ray', 'sqlalchemy', 'psycopg2', 'redis', 'httpx'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(typer.main.get_command(cli.app).commands))  # type: ignore[attr-defined]
def test_each_command_has_help_with_an_example(name: str) -> None:
    text = typer.main.get_command(cli.app).commands[name].help  # type: ignore[attr-defined]
    assert f"pearshop {name}" in text


def test_status_of_a_shop_that_is_not_up(tmp_path: Path) -> None:
    done = command("status", "--state-dir", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No shop is up")
    assert done.stderr.count("\n") == 1


def test_down_of_a_shop_that_is_not_up(tmp_path: Path) -> None:
    done = command("down", "--state-dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "The shop is not up.\n")


def test_a_database_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEARSHOP_DATABASE_URL", "postgresql://u:hidden@127.0.0.1:1/x")
    done = command("up", "--state-dir", str(tmp_path), "--port", "28123")
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "hidden" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_migrate_runs_on_a_shop_that_is_not_up() -> None:
    with tempfile.TemporaryDirectory(prefix="pearshop-test-") as folder:
        done = command("migrate", "--state-dir", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The schema is at ")


def test_a_setting_that_is_wrong_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEARSHOP_RATE_LIMIT_USER", "often")
    monkeypatch.setenv("PEARSHOP_TRUSTED_PROXIES", "10.0.0.0/8,edge")
    done = command("up", "--state-dir", str(tmp_path), "--port", "28123")
    assert done.returncode == 1
    assert "PEARSHOP_RATE_LIMIT_USER: 'often' is no limit: write it like 30/minute" in done.stderr
    assert "PEARSHOP_TRUSTED_PROXIES: 'edge'" in done.stderr
    assert done.stderr.count("\n") == 1
