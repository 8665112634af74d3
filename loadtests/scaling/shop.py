"""The shop on a Ray cluster whose nodes come and go: `python -m loadtests.scaling.shop STATE PORT`.

The cluster's nodes are processes of this machine, by Ray's fake multi-node provider. Their
processors are numbers that Ray counts with, not cores: the nodes share those of the machine. The
shop is that of `pearshop up` otherwise. It runs until a signal comes.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from pearshop.launcher import config
from pearshop.launcher.cluster import Cluster, environment
from pearshop.launcher.progress import Progress
from pearshop.launcher.shop import Options, Shop
from pearshop.launcher.state import StateFolder

HEAD_CPUS = 2
"""What the shop takes when nobody asks it."""
NODE_CPUS = 1
MOST_NODES = 3
IDLE_MINUTES = 0.25
PROVIDER = "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider"
HEAD_TYPE = "ray.head.default"
"""The fake provider's own name for it."""
HEAD_ID = "f" * 51 + "00000"
API = {
    "autoscaling_config": {
        "min_replicas": 2,
        "max_replicas": 4,
        "target_ongoing_requests": 0.25,
        "upscale_delay_s": 10,
        "downscale_delay_s": 30,
        "look_back_period_s": 10,
    },
    "ray_actor_options": {"num_cpus": 0.7},
}
"""A replica fills most of a node, and comes and goes soon, so that a few minutes show it."""


class AutoscalingCluster(Cluster):
    """A head that starts nodes when something finds no place, and ends those that are idle."""

    def _command(self, dashboard_port: int) -> list[str]:
        command = super()._command(dashboard_port)
        command.remove("--no-monitor")
        address = f"127.0.0.1:{command[command.index('--port') + 1]}"
        file = self._runtime / "autoscaling.yaml"
        file.write_text(yaml.safe_dump(_autoscaling(address)))
        return [*command, f"--autoscaling-config={file}", f"--num-cpus={HEAD_CPUS}"]


class ScalingShop(Shop):
    """A shop on such a cluster."""

    def _start_cluster(self) -> None:
        variables = environment(self._folder.runtime, self._variables()) | {
            "RAY_FAKE_CLUSTER": "1",
            "RAY_enable_autoscaler_v2": "1",
            "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID,
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        }
        self._cluster = AutoscalingCluster(self._folder.runtime, variables)
        with self._progress.step("Ray"):
            self._cluster.start()
        with self._progress.step("Ray Serve"):
            self._cluster.deploy(describe(self._options), self._api_url())


def describe(options: Options) -> dict[str, Any]:
    """Return what is deployed: `serve_config.yaml`, where a node's replicas are told apart."""
    description = config.load(options.host, options.port)
    description["proxy_location"] = "HeadOnly"  # two of one machine would want the same port
    [api] = [d for d in description["applications"][0]["deployments"] if d["name"] == "Api"]
    api |= API
    return description


def _autoscaling(address: str) -> dict[str, Any]:
    """Return the autoscaler's configuration for a head at an address."""
    return {
        "cluster_name": "pearshop",
        "max_workers": MOST_NODES,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": IDLE_MINUTES,
        "provider": {
            "type": "external",
            "module": PROVIDER,
            "gcs_address": address,
            "head_node_id": HEAD_ID,
            "launch_multiple": True,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {
            HEAD_TYPE: {"resources": {"CPU": HEAD_CPUS}, "node_config": {}, "max_workers": 0},
            "worker": {
                "resources": {"CPU": NODE_CPUS, "object_store_memory": 100_000_000},
                "node_config": {},
                "min_workers": 0,
                "max_workers": MOST_NODES,
            },
        },
        "head_node_type": HEAD_TYPE,
        # Nothing is done to a node that is a process; the autoscaler wants it said.
        "auth": {},
        "docker": {},
        **{f"{kind}setup_commands": [] for kind in ("", "head_", "worker_")},
        **{f"{kind}_start_ray_commands": [] for kind in ("head", "worker")},
        "initialization_commands": [],
        "file_mounts": {},
        "cluster_synced_files": [],
    }


def main() -> None:
    """Run it."""
    state, port = sys.argv[1:]
    ScalingShop(StateFolder(Path(state)), Options(port=int(port)), Progress()).run()


if __name__ == "__main__":
    main()
