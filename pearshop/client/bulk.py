"""Many products at once."""

from collections.abc import Mapping
from typing import Any

from pearshop.client.base import Model, Noun


class Edited(Model):
    """What changes of a product."""

    id: int
    name: str
    before: dict[str, Any]
    after: dict[str, Any]


class Bulk(Model):
    """What was done to the chosen products, or would be; `edits` has the first that differ."""

    chosen: int
    changed: int
    version: str
    edits: list[Edited]


class Bulks(Noun):
    """Changes of many products, all or none."""

    async def preview(self, wish: Mapping[str, Any]) -> Bulk:
        """Return what a wish would change. Raises `Invalid`."""
        return await self._send({**wish, "preview": True})

    async def change(self, wish: Mapping[str, Any], version: str) -> Bulk:
        """Do what a preview of that version told. Raises `Overtaken` if it would not be that."""
        return await self._send({**wish, "version": version})

    async def _send(self, wish: Mapping[str, Any]) -> Bulk:
        answer = await self._caller.call("POST", "/api/product/bulk/", json=dict(wish))
        return Bulk.model_validate_json(answer.content)
