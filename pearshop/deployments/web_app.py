"""The shopper's app, and beside it what describes the API: nothing here asks anybody."""

from ray import serve
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from pearshop.deployments.logs import write_to_serves_log
from pearshop.http.app import make_app
from pearshop.web.app import bundle
from pearshop.web.app.site import Site


class Front:
    """The app's files; `/docs`, `/openapi.json` and the answer to wrong addresses beside them."""

    def __init__(self) -> None:
        self.routes: list[BaseRoute] = []  # Ray Serve counts all requests as one route's
        self._site = Site(bundle.read(), make_app())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await self._site(scope, receive, send)


@serve.deployment
@serve.ingress()
class WebApp:
    """Answers HTTP for all addresses that no other application has."""

    def __init__(self) -> None:
        write_to_serves_log()

    def __serve_build_asgi_app__(self) -> Front:
        """Return the application that Serve hands requests to."""
        return Front()
