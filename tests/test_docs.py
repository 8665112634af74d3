"""The README says what the code does."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from typer.main import get_command

from pearshop.cli import app
from pearshop.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def _row(name: str, field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    shown = "none" if default == "" else f"`{default}`"
    return f"| `PEARSHOP_{name.upper()}` | {shown} | {field.description} |"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_has_its_row(name: str) -> None:
    assert _row(name, Settings.model_fields[name]) in README


def test_no_row_names_a_setting_that_is_not_there() -> None:
    named = set(re.findall(r"^\| `PEARSHOP_(\w+)`", README, re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}


def test_each_command_has_its_row() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = set(re.findall(r"^\| `pearshop ([\w-]+)` \|", README, re.MULTILINE))
    assert named == set(commands)


def test_the_number_of_connections_is_the_one_stated() -> None:
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    database = next(
        each for each in config["applications"][0]["deployments"] if each["name"] == "Database"
    )
    replicas = database["autoscaling_config"]["max_replicas"]
    pool = Settings.model_fields["database_pool_size"].default
    assert (
        f"at most **{replicas * pool}** ({replicas} `Database` replicas of {pool} connections each)"
    ) in README


def test_what_is_said_to_be_shown_has_its_test() -> None:
    text = (ROOT / "docs/security.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", text)
    assert len({item for item, _ in named}) >= 10
    for file, path in named:
        code = (ROOT / file).read_text()
        for name in path.split("::"):
            assert re.search(rf"^\s*(async )?(def|class) {name}\b", code, re.MULTILINE), (
                file,
                name,
            )


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.stem
)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.stem
)
def test_anchors_are_headings(page: Path) -> None:
    for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        text = (page.parent / link if link else page).read_text()
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
        assert anchor in slugs, (link, anchor)
