"""For tests of pure code: any socket and any Ray is an error."""

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _nothing_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a pure test called ray.init")

    monkeypatch.setattr("ray.init", forbidden)
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
