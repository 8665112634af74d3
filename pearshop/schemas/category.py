"""Categories on the wire."""

from pydantic import BaseModel


class CategoryOut(BaseModel):
    """A category and the number of its products on sale; an empty name: those without one."""

    name: str
    products: int
