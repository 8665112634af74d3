"""Paging by `limit` and `offset`, with a `Link` header in place of a count."""

from typing import Any

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response


class Pages(LimitOffsetPagination):
    """Bare arrays. Nothing is counted: one row more than wanted tells whether there is more."""

    default_limit = 100
    max_limit = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows of the page."""
        self.request = request
        self.limit = self.get_limit(request)
        self.offset = self.get_offset(request)
        found = list(queryset[self.offset : self.offset + self.limit + 1])
        self.count = self.offset + len(found)
        return found[: self.limit]

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the address of the next one, if any."""
        following = self.get_next_link()
        headers = {"Link": f'<{following}>; rel="next"'} if following else None
        return Response(data, headers=headers)
