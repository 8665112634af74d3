"""The description of the deployments and the cluster's environment."""

from pathlib import Path

import pytest

from pearshop.http.addresses import behind_ingress
from pearshop.launcher import cluster, config


def test_up_uses_the_repositorys_file_and_changes_only_where_it_listens() -> None:
    loaded = config.load("::1", 8123)
    assert config.shipped(config.NAME) == Path(__file__).parents[2] / "serve_config.yaml"
    assert [each["name"] for each in loaded["applications"]] == [
        config.APPLICATION,
        config.ADMIN,
        config.WEB_APP,
    ]
    assert (loaded["http_options"]["host"], loaded["http_options"]["port"]) == ("::1", 8123)


def test_options_that_up_does_not_set_stay(tmp_path: Path) -> None:
    file = tmp_path / "serve.yaml"
    file.write_text("http_options: {port: 1, request_timeout_s: 7}\napplications: []\n")
    assert config.load("h", 2, file) == {
        "http_options": {"host": "h", "port": 2, "request_timeout_s": 7},
        "applications": [],
    }


def test_haproxys_files_stay_in_the_runtime_and_their_paths_short() -> None:
    runtime = Path("/tmp/pearshop-01234567")
    made = cluster.environment(runtime, {})
    paths = [value for value in made.values() if value.startswith(str(runtime))]
    assert len(paths) >= 5
    assert all(len(path) + 57 <= 97 for path in paths)


def test_without_the_haproxy_wheel_serve_uses_its_own_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "has_haproxy", lambda: False)
    made = cluster.environment(Path("/tmp/x"), {})
    assert not [name for name in made if name.startswith("RAY_SERVE_")]
    assert not behind_ingress(made)


def test_the_shop_believes_its_own_ingress_alone() -> None:
    made = cluster.environment(Path("/tmp/x"), {})
    assert behind_ingress(made)
    assert not behind_ingress(made | {"RAY_SERVE_HAPROXY_BINARY_PATH": "/usr/sbin/haproxy"})
    assert made["FORWARDED_ALLOW_IPS"] == ""


def test_the_users_settings_reach_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEARSHOP_CURRENCY", "GBP")
    monkeypatch.setenv("RAY_SERVE_HAPROXY_NBTHREAD", "8")
    monkeypatch.setenv("RAY_ADDRESS", "another-cluster:6379")
    made = cluster.environment(Path("/tmp/x"), {"PEARSHOP_REDIS_URL": "redis://x"})
    assert made["PEARSHOP_CURRENCY"] == "GBP"
    assert made["RAY_SERVE_HAPROXY_NBTHREAD"] == "8"
    assert made["PEARSHOP_REDIS_URL"] == "redis://x"
    assert "RAY_ADDRESS" not in made
