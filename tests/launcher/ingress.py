"""Ray Serve's HAProxy configuration, written by the pinned Ray itself."""

from pathlib import Path

from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
from ray.serve.config import HTTPOptions


def serves_configuration(folder: Path, port: int, replicas: list[int]) -> str:
    """Return what Serve writes for the shop's applications with replicas on these ports."""
    servers = [
        ServerConfig(name=f"SERVE_REPLICA_{each}", host="127.0.0.1", port=each) for each in replicas
    ]
    api = HAProxyApi(
        HAProxyConfig(
            http_options=HTTPOptions(host="127.0.0.1", port=port),
            socket_path=str(folder / "admin"),
            server_state_base=str(folder),
            server_state_file=str(folder / "state"),
        ),
        {
            f"http-{name}": BackendConfig(
                name=f"http-{name}", path_prefix=path, app_name=name, servers=servers
            )
            for name, path in (("pearshop", "/"), ("admin", "/admin"))
        },
        config_file_path=str(folder / "haproxy.cfg"),
    )
    api._generate_config_file_internal()
    return (folder / "haproxy.cfg").read_text()
