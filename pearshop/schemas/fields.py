"""Sparse fields: `fields=id,order_items.product.name` keeps these members of an answer."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel

Tree = Mapping[str, "Tree | None"]
"""Members to keep; below each either those to keep of it, or `None` for all."""


@lru_cache(maxsize=256)
def tree_of(model: type[BaseModel], names: str) -> Tree:
    """Return the members that a list by comma names. Raises `ValueError` for a wrong name."""
    tree: dict[str, Any] = {}
    for name in names.split(","):
        path = name.strip().split(".")
        _check(model, path, name.strip())
        _add(tree, path)
    return tree


def sparse(content: Any, tree: Tree | None) -> Any:
    """Return a rendered value with only the members that the tree names."""
    if tree is None or content is None:
        return content
    if isinstance(content, list):
        return [sparse(each, tree) for each in content]
    return {name: sparse(content[name], below) for name, below in tree.items()}


def _check(model: type[BaseModel], path: list[str], name: str) -> None:
    inner: type[BaseModel] | None = model
    for part in path:
        if inner is None or part not in inner.model_fields:
            raise ValueError(f"there is no field {name!r}")
        inner = _model(inner.model_fields[part].annotation)


def _add(tree: dict[str, Any], path: list[str]) -> None:
    *above, last = path
    for part in above:
        below = tree.setdefault(part, {})
        if below is None:  # all of it is wanted already
            return
        tree = below
    tree[last] = None


def _model(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds, or a list of."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None
