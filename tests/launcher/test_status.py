"""What `pearshop status` makes of Ray's answers."""

from pathlib import Path
from typing import Any

from pearshop.launcher.dashboard import last_words
from pearshop.launcher.state import Run
from pearshop.launcher.status import (
    deployment_parts,
    host_parts,
    replica_parts,
    report,
)
from tests.standby import Standby


def actor(name: str, state: str) -> dict[str, Any]:
    return {"name": name, "state": state, "pid": 7}


def deployment(status: str, message: str = "") -> dict[str, Any]:
    return {
        "status": status,
        "message": message,
        "target_num_replicas": 2,
        "replicas": [{"state": "RUNNING"}, {"state": "STARTING"}],
    }


def test_each_wanted_host_has_a_line() -> None:
    actors = [
        actor("cart-host-0-old", "DEAD"),
        actor("cart-host-0-new", "ALIVE"),
        actor("cart-host-1-new", "RESTARTING"),
        actor("cart-host-7-old", "DEAD"),
        actor("something else", "DEAD"),
    ]
    parts = host_parts(actors, 3)
    assert [(part.name, part.healthy) for part in parts] == [
        ("cart host 0", True),
        ("cart host 1", False),
        ("cart host 2", False),
    ]


def test_an_ill_deployment_says_why() -> None:
    application = {"status": "UNHEALTHY", "deployments": {"Api": deployment("UNHEALTHY", "why")}}
    parts = deployment_parts("pearshop", application)
    assert [part.healthy for part in parts] == [False, False]
    assert parts[1].detail == "unhealthy, 1 of 2 replicas, why"


def test_an_application_that_is_not_there_is_ill() -> None:
    assert [part.healthy for part in deployment_parts("pearshop", {})] == [False]


def test_a_dead_shop_is_reported_part_by_part() -> None:
    url = "127.0.0.1:1"
    run = Run(f"http://{url}", f"http://{url}", f"postgresql://{url}/x", f"redis://{url}", {}, "s")
    parts = report(run)
    assert [part.name for part in parts] == ["ray serve", "cart hosts", "database", "redis"]
    assert not any(part.healthy for part in parts)


def test_a_replica_that_is_left_out_says_why(postgres: str, own_folder: Path) -> None:
    with Standby(own_folder / "status-standby", postgres) as standby:
        urls = ",".join((standby.url, postgres, "postgresql://127.0.0.1:1/postgres"))
        parts = replica_parts(postgres, urls)
    assert [(part.name, part.healthy) for part in parts] == [
        ("replica 0", True),
        ("replica 1", False),
        ("replica 2", False),
    ]
    details = [part.detail for part in parts]
    assert details[0].endswith("is used")
    assert details[1].endswith("is left out: it is no standby")
    assert details[2] == "127.0.0.1:1 is left out: it does not answer"


def test_of_a_trace_the_last_error_is_shown() -> None:
    trace = "Traceback:\n  File x\nValueError: first\n\nray.x.RayTaskError: second\n  and more"
    assert last_words(trace) == "ray.x.RayTaskError: second and more"
    assert last_words("no trace") == "no trace"
    assert len(last_words("x" * 5000)) < 700
