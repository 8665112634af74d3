"""Query parameters: each is known, given once, and as it must be, or it is named in a 400."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from pearshop.errors import Invalid
from pearshop.http.body import invalid
from pearshop.schemas.fields import Tree, tree_of
from pearshop.schemas.query import Query, Sparse

Q = TypeVar("Q", bound=Query)


def text(request: Request) -> str:
    """Return the query as it came, all of it: a URL would end at a `#`, which calls may hold."""
    sent: bytes = request.scope["query_string"]
    return sent.decode("latin-1")


def read(request: Request, model: type[Q]) -> Q:
    """Return the query as `model`. Raises `Invalid`, which names each parameter."""
    sent: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in model.model_fields:
            known = ", ".join(sorted(model.model_fields))
            raise Invalid.of(name, f"is not known here; known are {known}.", "unknown_parameter")
        if name in sent:
            raise Invalid.of(name, "is given twice: send it once.")
        sent[name] = value
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise invalid(error, "query") from None


def fields(wish: Sparse, model: type[BaseModel]) -> Tree | None:
    """Return the members of `model` that are wanted, `None` for all. Raises `Invalid`."""
    if wish.fields is None:
        return None
    try:
        return tree_of(model, wish.fields)
    except ValueError as error:
        raise Invalid.of("fields", f"{error}.", "unknown_field") from None


def parameters(model: type[Query]) -> list[dict[str, Any]]:
    """Return the parameters as an OpenAPI document describes them."""
    described = []
    for name, schema in model.model_json_schema()["properties"].items():
        told = {k: schema[k] for k in ("description",) if k in schema}
        kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        members = {k: v for k, v in kinds[0].items() if k not in ("title", "description")}
        described.append(
            {"name": name, "in": "query", "required": False, "schema": members, **told}
            | ({"explode": False, "style": "form"} if members.get("type") == "array" else {})
        )
    return described
