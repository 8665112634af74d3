"""Files that start a shop elsewhere: for Ray's cluster launcher, Kubernetes and Compose.

None of these runs here: they are held to the schemas of what reads them and to each other.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.serve.schema import ServeDeploySchema

from pearshop.launcher.cluster import environment
from pearshop.settings import Settings
from tests.deploy.files import DEPLOY, ROOT, parsed
from tests.deploy.kuberay import AFTER, BEFORE, FILE, derived

KUBERNETES = "1.37"
OWN_PLACE = {
    # Paths in the runtime directory and free ports, so that shops stand side by side.
    *(f"RAY_SERVE_HAPROXY_{each}" for each in ("CONFIG_FILE_LOC", "SOCKET_PATH", "METRICS_PORT")),
    *(f"RAY_SERVE_HAPROXY_{each}" for each in ("METRICS_SOCKET_PATH", "SERVER_STATE_BASE")),
    *(f"RAY_SERVE_HAPROXY_{each}" for each in ("SERVER_STATE_FILE", "STATS_PORT", "BINARY_PATH")),
    *("RAY_SERVE_FALLBACK_PROXY_HTTP_PORT", "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT"),
    "DASHBOARD_METRIC_PORT",
    # One machine's replicas have nobody to hand over to; a node of several drains.
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S",
}
INSTALLED = "/opt/pearshop/.venv/bin/"
KUBERNETES_FILES = sorted((DEPLOY / "kuberay").glob("*.yaml"))


@pytest.fixture(scope="module")
def rayservice() -> dict[str, Any]:
    found: dict[str, Any] = parsed("deploy/kuberay/rayservice.yaml")
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = parsed("deploy/compose.yaml")
    return found


def variables(file: Path) -> dict[str, str]:
    """Return what a shell gets from it."""
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    script = f"set -a; . {file}; exec {sys.executable} -c '{program}'"
    done = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True)
    return {k: v for k, v in json.loads(done.stdout).items() if k not in {"PWD", "LC_CTYPE"}}


def no_complaint_of(program: str, *arguments: str) -> None:
    """Fail with what a checker of the environment says, if anything is wrong."""
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class TestEnvironment:
    def test_nodes_get_what_up_gives_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("PATH", "RAY_SERVE_HAPROXY_METRICS_PORT"):
            monkeypatch.delenv(name, raising=False)
        mine = set(environment(Path("/tmp/x"), {}))
        monkeypatch.setattr("os.environ", {})
        of_up = environment(Path("/tmp/x"), {})
        assert set(of_up) <= mine | OWN_PLACE
        shared = {name: value for name, value in of_up.items() if name not in OWN_PLACE}
        nodes = variables(DEPLOY / "ray.env")
        assert nodes.pop("RAY_SERVE_HAPROXY_BINARY_PATH") == INSTALLED + "pearshop-haproxy"
        assert nodes == shared

    def test_the_example_names_settings_that_there_are(self) -> None:
        named = variables(DEPLOY / "shop.env.example")
        assert named
        assert set(named) <= {f"PEARSHOP_{name.upper()}" for name in Settings.model_fields}


class TestClusterLauncher:
    def test_ray_takes_it(self) -> None:
        config = prepare_config(parsed("cluster.yaml"))  # as `ray up` does
        validate_config(config)
        assert not [each for each in config["head_setup_commands"] if "pip install 'boto3" in each]
        assert config["head_node_type"] == "head"
        head, worker = (config["available_node_types"][each] for each in ("head", "worker"))
        assert (head["resources"], head["max_workers"]) == ({"CPU": 0}, 0)
        assert 1 < worker["min_workers"] < worker["max_workers"] <= config["max_workers"]

    def test_each_node_has_the_environment_before_ray_starts(self) -> None:
        given = parsed("cluster.yaml")
        for commands in (given["head_start_ray_commands"], given["worker_start_ray_commands"]):
            start = next(each for each in commands if " start " in each)
            assert re.match(r"set -a; \. /opt/pearshop/deploy/ray\.env; \. ~/shop\.env;", start)
            assert f"{INSTALLED}ray start" in start

    def test_commands_are_shell(self) -> None:
        given = parsed("cluster.yaml")
        kinds = ("setup_commands", "head_start_ray_commands", "worker_start_ray_commands")
        for command in (each for kind in kinds for each in given[kind]):
            done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
            assert done.returncode == 0, (command, done.stderr)

    def test_only_ssh_is_open_and_not_to_everyone(self) -> None:
        rules = parsed("cluster.yaml")["provider"]["security_group"]["IpPermissions"]
        assert [(rule["FromPort"], rule["ToPort"]) for rule in rules] == [(22, 22)]
        assert "0.0.0.0/0" not in [each["CidrIp"] for rule in rules for each in rule["IpRanges"]]


class TestKubernetes:
    @pytest.mark.parametrize("file", KUBERNETES_FILES, ids=lambda file: file.stem)
    def test_what_kubernetes_knows_fits_its_schema(self, file: Path) -> None:
        described = yaml.safe_load(file.read_text())
        if described["kind"] == "RayService":  # an operator's own: what it hands on is checked
            cluster = described["spec"]["rayClusterConfig"]
            groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
            described = _pods([group["template"] for group in groups])
        for each in described if isinstance(described, list) else [described]:
            kubernetes_validate.validate(each, KUBERNETES, strict=True)

    def test_it_deploys_serve_config(self, rayservice: dict[str, Any]) -> None:
        text = FILE.read_text().partition(BEFORE)[2].partition(AFTER)[0]
        assert text == derived(), "serve_config.yaml changed: uv run python -m tests.deploy.kuberay"
        given = yaml.safe_load(rayservice["spec"]["serveConfigV2"])
        ServeDeploySchema.model_validate(given)
        assert given["applications"] == parsed("serve_config.yaml")["applications"]

    def test_the_head_survives_and_upgrades_roll(self, rayservice: dict[str, Any]) -> None:
        spec = rayservice["spec"]
        assert spec["upgradeStrategy"] == {"type": "NewCluster"}
        assert {"redisAddress", "redisPassword"} == set(
            spec["rayClusterConfig"]["gcsFaultToleranceOptions"]
        )

    def test_workers_take_traffic_when_they_may(self, rayservice: dict[str, Any]) -> None:
        (group,) = rayservice["spec"]["rayClusterConfig"]["workerGroupSpecs"]
        (container,) = group["template"]["spec"]["containers"]
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "serve"}
        assert (
            group["minReplicas"]
            > parsed("deploy/kuberay/disruption.yaml")["spec"]["maxUnavailable"]
        )
        labels = parsed("deploy/kuberay/disruption.yaml")["spec"]["selector"]["matchLabels"]
        assert labels.items() <= group["template"]["metadata"]["labels"].items()

    def test_secrets_are_references(self) -> None:
        for file in KUBERNETES_FILES:
            assert "kind: Secret\n" not in file.read_text()
            assert not re.search(r"(?i)password: *\S", file.read_text())

    def test_ray_is_the_one_that_is_pinned(self, rayservice: dict[str, Any]) -> None:
        locked = re.search(r"^ray\[?.*?==([\d.]+)", (ROOT / "requirements.lock").read_text(), re.M)
        assert locked
        assert rayservice["spec"]["rayClusterConfig"]["rayVersion"] == locked[1]


class TestCompose:
    def test_it_fits_the_specification(self) -> None:
        schema = ("--builtin-schema", "vendor.compose-spec")
        no_complaint_of("check-jsonschema", *schema, str(DEPLOY / "compose.yaml"))

    def test_images_are_pinned(self, compose: dict[str, Any]) -> None:
        for service in compose["services"].values():
            assert re.search(r":v?\d+\.\d+(\.\d+)?$", service["image"]), service["image"]

    def test_what_is_mounted_and_named_is_there(self, compose: dict[str, Any]) -> None:
        for name, service in compose["services"].items():
            for mount in service.get("volumes", []):
                source = mount.partition(":")[0]
                there = (
                    (DEPLOY / source).exists() if "/" in source else source in compose["volumes"]
                )
                assert there, (name, source)
            assert set(service.get("depends_on", {})) <= set(compose["services"])
            network = service.get("network_mode", "service:shop")
            assert network == "service:shop"

    def test_who_is_waited_for_says_when_it_is_ready(self, compose: dict[str, Any]) -> None:
        services = compose["services"]
        for service in services.values():
            for other, how in service.get("depends_on", {}).items():
                assert how["condition"] == "service_started" or services[other]["healthcheck"]
        assert services["shop"]["healthcheck"]["test"][-1] == "http://127.0.0.1:8000/readyz"

    def test_passwords_come_from_outside(self, compose: dict[str, Any]) -> None:
        for service in compose["services"].values():
            for name, value in service.get("environment", {}).items():
                if re.search("PASSWORD|AUTH|KEY", name):
                    assert re.fullmatch(r"\$\{\w+:\?Set it in deploy/\.env\}", value), name

    def test_only_the_edge_is_open_to_the_network(self, compose: dict[str, Any]) -> None:
        ports = [port for each in compose["services"].values() for port in each.get("ports", [])]
        assert [each for each in ports if not each.startswith("127.0.0.1:")] == ["80:80", "443:443"]

    def test_grafana_gets_what_its_provisioning_asks_for(self, compose: dict[str, Any]) -> None:
        texts = [file.read_text() for file in (DEPLOY / "grafana/provisioning").rglob("*.yml")]
        asked = {name for text in texts for name in re.findall(r"\$(\w+)", text)}
        assert asked == {"PROMETHEUS_URL", "SHOP_DASHBOARDS", "RAY_DASHBOARDS"}
        assert asked <= set(compose["services"]["grafana"]["environment"])


class TestImage:
    def test_the_dockerfile_is_well_made(self) -> None:
        no_complaint_of("hadolint", str(DEPLOY / "Dockerfile"))

    def test_what_it_copies_is_let_in(self) -> None:
        let_in = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
        lines = re.findall(r"^COPY (?!--)(.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
        copied = [source for line in lines for source in line.split()[:-1]]
        assert sorted(copied) == sorted(let_in)
        assert all((ROOT / source).exists() for source in copied)

    def test_it_does_not_run_as_root(self) -> None:
        last = (DEPLOY / "Dockerfile").read_text().rpartition("\nFROM ")[2]
        assert re.search(r"^USER 1000$", last, re.MULTILINE)


def _pods(templates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": each["metadata"] | {"name": "pod"}}
        | {"spec": each["spec"]}
        for each in templates
    ]
