"""The composition root: binds the deployments that `serve_config.yaml` names."""

from pearshop.deployments.admin import Admin
from pearshop.deployments.api import Api
from pearshop.deployments.database import Database
from pearshop.deployments.web_app import WebApp
from pearshop.deployments.webhooks import Webhooks

# Serve's decorator gives classes a `bind` that their types do not tell of.
database = Database.bind()  # type: ignore[attr-defined]
app = Api.bind(database, Webhooks.bind(database))  # type: ignore[attr-defined]
admin = Admin.bind()  # type: ignore[attr-defined]
web_app = WebApp.bind()  # type: ignore[attr-defined]
