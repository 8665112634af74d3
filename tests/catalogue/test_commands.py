"""What the two commands print and write."""

import csv
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pearshop.catalogue.commands import SHOWN_REFUSALS, run_export, run_import
from pearshop.catalogue.demo import load_demo
from pearshop.cli import app
from pearshop.errors import ConfigurationError


def test_an_import_tells_what_it_did(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, report = tmp_path / "in", tmp_path / "report.csv"
    file.write_text("name,price\nAnt,1\n" + "[b],0.001\n" * (SHOWN_REFUSALS + 5))
    run_import(engine, file, None, None)
    said = capsys.readouterr().out
    assert "taken" in said
    assert "line 3, sku -: price 0.001" in said
    assert "… and 5 more" in said
    run_import(engine, file, report, price_exponent=3)
    said = capsys.readouterr().out
    assert "PEARSHOP_CURRENCY" not in said
    assert [row["outcome"] for row in csv.DictReader(report.open())][:3] == [
        "updated",
        "taken",
        "refused",
    ]


def test_an_export_goes_to_a_file_or_out(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = load_demo(engine, 2)
    assert run_export(engine, None, None) == count
    assert capsys.readouterr().out.startswith("sku,name,price,")
    assert run_export(engine, tmp_path / "out.jsonl", None) == count
    assert (tmp_path / "out.jsonl").read_text().startswith('{"sku": "KIT-001", ')
    with pytest.raises(ConfigurationError, match="cannot be written"):
        run_export(engine, tmp_path / "none" / "out.csv", None)


def test_the_command_line(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("PEARSHOP_DATABASE_URL", url)
    shop = f"--state-dir={tmp_path / 'state'}"
    (tmp_path / "in.csv").write_text("sku,name,price\na1,Ant,2.5\na2,?,1\n")
    run = CliRunner().invoke
    first = run(app, ["import-products", str(tmp_path / "in.csv"), shop])
    assert first.exit_code == 0, first.output
    assert "line 3, sku a2: name '?' has no letter or digit." in first.stdout
    again = run(
        app, ["import-products", str(tmp_path / "in.csv"), shop, f"--report={tmp_path / 'r.json'}"]
    )
    assert again.exit_code == 0, again.output
    assert json.loads((tmp_path / "r.json").read_text())["unchanged"] == 1
    exported = run(app, ["export-products", shop])
    assert exported.stdout.splitlines()[1] == "a1,Ant,2.50,,,,"
    missing = run(app, ["import-products", str(tmp_path / "none"), shop])
    assert isinstance(missing.exception, ConfigurationError)
