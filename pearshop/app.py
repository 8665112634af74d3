"""The composition root: binds the deployments of the applications in `serve_config.yaml`.

Serve builds each application in a process of its own, and a start waits for what that imports: so
each function imports what it binds, and nothing else.
"""

from ray.serve import Application, Deployment

Arguments = dict[str, str]
"""What Serve hands a builder; none is needed."""


def app(_: Arguments) -> Application:
    """Bind what answers for the shop, and what it stands on."""
    from pearshop.deployments.api import Api
    from pearshop.deployments.database import Database
    from pearshop.deployments.webhooks import Webhooks

    database = _bound(Database)
    return _bound(Api, database, _bound(Webhooks, database))


def admin(_: Arguments) -> Application:
    """Bind the staff admin."""
    from pearshop.deployments.admin import Admin

    return _bound(Admin)


def web_app(_: Arguments) -> Application:
    """Bind the shopper's app."""
    from pearshop.deployments.web_app import WebApp

    return _bound(WebApp)


def _bound(deployment: object, *arguments: Application) -> Application:
    """Bind what Serve's decorator made of a class, though its type still says that it is one."""
    assert isinstance(deployment, Deployment)
    return deployment.bind(*arguments)
