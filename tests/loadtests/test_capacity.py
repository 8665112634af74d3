"""From costs to needs, and that the page says what the code computes."""

from pathlib import Path

import pytest

from loadtests.capacity.__main__ import FOLDER, sheets
from loadtests.capacity.model import HOT_CARTS, Journey, Need
from pearshop.domain.scaling import COMFORTABLE

ROOT = Path(__file__).parents[2]


def need(size: int, **cpu: float) -> Need:
    return Need(size, Journey(1_000, 1_000, 5, 50, cpu, 0.05, 0), 1_000, 1_500)


def test_cores_follow_the_rate() -> None:
    found = need(60_000, **{"Api replicas": 0.4, "HAProxy": 0.1})
    assert found.rate == pytest.approx(1_000)
    assert found.cores() == pytest.approx(0.5)
    assert found.cores("HAProxy") == pytest.approx(0.1)
    assert found.processes("Api replicas", 1) == 1
    assert need(6_000_000, **{"Api replicas": 0.4}).processes("Api replicas", 1) == 67
    assert found.commits == pytest.approx(50)
    assert found.megabits == pytest.approx(12)


def test_hosts_are_as_many_as_the_scaling_would_make() -> None:
    by_memory = need(1_000_000)
    assert by_memory.hosts == -(-by_memory.hot_carts // (HOT_CARTS * COMFORTABLE))
    by_cores = need(1_000_000, **{"cart hosts": 1.0})
    assert by_cores.hosts == 28


def test_the_nearest_limit_comes_first() -> None:
    limits = need(1_000_000, **{"HAProxy": 3.0, "Api replicas": 0.1}).limits()
    assert [each.share for each in limits] == sorted((e.share for e in limits), reverse=True)
    by_name = {each.name: each.share for each in limits}
    assert by_name["HAProxy of one node, 2 threads"] == pytest.approx(50 / 1.2, rel=1e-3)
    assert by_name["commits of one PostgreSQL"] == pytest.approx(833.3 / 600, rel=1e-3)


def test_the_page_has_the_tables_that_the_code_computes() -> None:
    page = (ROOT / "docs" / "capacity.md").read_text()
    for sheet in sheets(ROOT / FOLDER):
        assert sheet.markdown() in page, "uv run python -m loadtests.capacity --report --markdown"
