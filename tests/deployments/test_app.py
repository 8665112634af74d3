"""What the composition root imports for each application: a start waits for all of it."""

import subprocess
import sys

import pytest

BUILD = "import sys; from pearshop import app; app.{}({{}}); print(*sys.modules)"


@pytest.mark.parametrize(
    ("application", "own", "others"),
    [
        ("app", "api", {"pearshop.deployments.admin", "pearshop.deployments.web_app"}),
        ("admin", "admin", {"pearshop.deployments.api", "pearshop.http.app", "alembic"}),
        ("web_app", "web_app", {"pearshop.deployments.api", "pearshop.http.app", "alembic"}),
    ],
)
def test_an_application_is_built_without_the_others(
    application: str, own: str, others: set[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format(application)],
        check=True,
        capture_output=True,
        text=True,
    )
    imported = set(done.stdout.split())
    assert f"pearshop.deployments.{own}" in imported
    assert not imported & others
