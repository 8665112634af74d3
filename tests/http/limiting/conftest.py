"""A Redis that is slow on a busy machine is not away."""

import pytest

from pearshop.http.limiting import shared


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for Redis; tests of one that hangs set a time of their own."""
    monkeypatch.setattr(shared, "TIMEOUT_S", 10.0)
