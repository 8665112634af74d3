"""The audit of dependencies finds what it is told."""

import importlib.util
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"
FINE = {"name": "pear", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "plum", "skip_reason": "Dependency not found"}
HOLE = {
    "name": "apple",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}],
}


def _run(monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str = "") -> int:
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec
    assert spec.loader
    audit: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(audit)
    done = subprocess.CompletedProcess([], 0, stdout, stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    return int(audit.main())


@pytest.mark.parametrize(
    ("packages", "status", "says"),
    [
        ([FINE, UNKNOWN], 0, "1 packages audited, 1 without an answer."),
        ([FINE, HOLE], 1, "apple 1.0: PYSEC-1, mended in ['1.1']"),
    ],
)
def test_a_hole_fails_and_silence_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    packages: list[dict[str, Any]],
    status: int,
    says: str,
) -> None:
    assert _run(monkeypatch, json.dumps({"dependencies": packages})) == status
    assert says in capsys.readouterr().out


def test_without_a_network_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "", "requests.exceptions.ConnectionError: no route") == 0
    assert "Nothing was audited" in capsys.readouterr().out


def test_an_audit_that_cannot_run_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "", "error: unrecognized arguments") == 1
    assert "unrecognized" in capsys.readouterr().out
