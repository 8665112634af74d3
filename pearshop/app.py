"""The composition root: binds the deployments. `serve_config.yaml` names `app` and `web_app`."""

from pearshop.deployments.api import Api
from pearshop.deployments.database import Database
from pearshop.deployments.web_app import WebApp

app = Api.bind(Database.bind())  # type: ignore[attr-defined]
web_app = WebApp.bind()  # type: ignore[attr-defined]
