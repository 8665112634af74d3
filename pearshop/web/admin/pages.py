"""Templates: where they are, and what they can call."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pearshop.domain.image import thumbnail_of

HEADINGS: Mapping[int, str] = {
    400: "That cannot be done as it stands",
    403: "Your role does not allow this",
    404: "There is nothing here",
    429: "Too many requests",
    500: "Something went wrong here",
    503: "The shop does not answer just now",
}

_environment = Environment(
    loader=PackageLoader("pearshop.web.admin"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.globals["thumbnail_of"] = thumbnail_of


def render(template: str, **members: Any) -> str:
    """Return a page's HTML."""
    return _environment.get_template(template).render(**members)
