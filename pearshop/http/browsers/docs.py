"""The page that shows the OpenAPI document, from files that a package ships."""

import importlib.metadata
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from pearshop.http.answers import IMMUTABLE
from pearshop.http.browsers.policies import page_policies

FILES = Path(fastapi_offline.__file__).parent / "static"
ASSETS = f"/assets/docs-{importlib.metadata.version('fastapi-offline')}"
"""Where they are: another version of the package has another address."""


class Immutable(StaticFiles):
    """Files that never change at their address."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file, for every cache to keep."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(IMMUTABLE)
        return response


def add_docs(app: FastAPI) -> None:
    """Serve `/docs`. ReDoc has no page beside it: it loads its maker's logo from elsewhere."""
    assert app.openapi_url
    page = get_swagger_ui_html(
        openapi_url=app.openapi_url,
        title=app.title,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    )
    html = bytes(page.body).decode()
    headers = {"Cache-Control": "no-cache", **page_policies(html)}
    app.mount(ASSETS, Immutable(directory=FILES))

    @app.get("/docs", include_in_schema=False)
    async def show() -> Response:
        return HTMLResponse(html, headers=headers)
