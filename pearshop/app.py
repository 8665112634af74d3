"""The composition root: binds the deployments of the applications in `serve_config.yaml`.

Serve builds each application in a process of its own, and a start waits for what that imports: so
each function imports what it binds, and nothing else.
"""

from ray.serve import Application

Arguments = dict[str, str]
"""What Serve hands a builder; none is needed."""


def app(_: Arguments) -> Application:
    """Bind what answers for the shop, and what it stands on."""
    from pearshop.deployments.api import Api
    from pearshop.deployments.database import Database
    from pearshop.deployments.webhooks import Webhooks

    # Serve's decorator gives classes a `bind` that their types do not tell of.
    database = Database.bind()  # type: ignore[attr-defined]
    return Api.bind(database, Webhooks.bind(database))  # type: ignore[attr-defined,no-any-return]


def admin(_: Arguments) -> Application:
    """Bind the staff admin."""
    from pearshop.deployments.admin import Admin

    return Admin.bind()  # type: ignore[attr-defined,no-any-return]


def web_app(_: Arguments) -> Application:
    """Bind the shopper's app."""
    from pearshop.deployments.web_app import WebApp

    return WebApp.bind()  # type: ignore[attr-defined,no-any-return]
