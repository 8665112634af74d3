"""The staff admin: HTML for browsers, from the API at `PEARSHOP_API_URL`."""

import os

from ray import serve

from pearshop.http.addresses import INGRESS_CLIENT, behind_ingress
from pearshop.settings import settings
from pearshop.telemetry.start import start_replica
from pearshop.web.admin.app import make_admin
from pearshop.web.admin.door import Door


@serve.deployment
@serve.ingress()
class Admin:
    """Answers HTTP below its `route_prefix`, as a client of the API like any other."""

    def __init__(self) -> None:
        start_replica(settings())

    def __serve_build_asgi_app__(self) -> Door:
        """Return the application that Serve hands requests to."""
        configured = settings()
        ingress = INGRESS_CLIENT if behind_ingress(os.environ) else None
        return make_admin(configured.api_url, configured.host_names, ingress)
