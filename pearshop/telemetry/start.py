"""What each process does first to be seen."""

from ray import serve
from ray.serve.exceptions import RayServeException

from pearshop.settings import Settings
from pearshop.telemetry import logs
from pearshop.telemetry.traces import TRACES


def start_replica(settings: Settings) -> None:
    """Let the replica of Serve's that this process is be seen."""
    logs.write_to_serves_log()
    try:
        own = serve.get_replica_context()
    except RayServeException:  # a deployment's class that is used without Serve has no name
        _start(settings, "")
    else:
        _start(settings, f"{own.deployment}#{own.replica_tag}")


def start_actor(settings: Settings, name: str) -> None:
    """Let an actor of our own be seen."""
    logs.write_to_stderr(name)
    _start(settings, name)


def _start(settings: Settings, process: str) -> None:
    logs.LINES_OF_REQUESTS.replica = process
    logs.LINES_OF_REQUESTS.all = settings.log_requests == "all"
    TRACES.start(process)
