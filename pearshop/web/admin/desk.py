"""One request of somebody who is signed in: who they are, and the pages that they are shown."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlencode

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pearshop.client import Client
from pearshop.client.user import Me
from pearshop.domain.user import Role
from pearshop.errors import Forbidden, NotFound, Refused, TooMany, Unauthenticated, Unavailable
from pearshop.web.admin import cookies, pages
from pearshop.web.admin.money import Money
from pearshop.web.admin.office import Office
from pearshop.web.admin.zone import Zone

PART = "x-part"
"""Sent by the script that wants a part of a page, to put it in the place of the present one."""


def office(request: Request) -> Office:
    """Return what the pages of this replica share."""
    return cast("Office", request.app.state.office)


class Desk:
    """What a page has at hand."""

    def __init__(self, request: Request, client: Client, me: Me, money: Money) -> None:
        self.request = request
        self.client = client
        self.me = me
        self.money = money
        self.zone = Zone.named(request.cookies.get(cookies.ZONE))

    @property
    def office(self) -> Office:
        """What the pages of this replica share."""
        return office(self.request)

    @property
    def wants_part(self) -> bool:
        """Whether a script asks for a part of the page alone."""
        return PART in self.request.headers

    def may(self, role: str) -> bool:
        """Return whether they have a role or a higher one. The API asks this, too."""
        return Role.named(self.me.role) >= Role.named(role)

    def at(self, path: str, **query: Any) -> str:
        """Return the address of one of the admin's pages."""
        return at(self.request, path, **query)

    def page(self, template: str, status: int = 200, **members: Any) -> Response:
        """Return a page."""
        said = cookies.said(self.request)
        text = pages.render(
            template, desk=self, at=self.at, said=said, files=self.office.files, **members
        )
        response = HTMLResponse(text, status)
        if not self.wants_part:
            cookies.forget(self.request, response)
        return response

    def part(self, template: str, **members: Any) -> Response:
        """Return a part of a page, or 304 to the script that has it as it is."""
        page = self.page(template, **members)
        tag = f'"{hashlib.blake2b(page.body, digest_size=16).hexdigest()}"'
        if self.request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        page.headers["ETag"] = tag
        return page

    def go(self, path: str, said: str = "", *, good: bool = True, **query: Any) -> Response:
        """Return the way to a page, which tells what was said."""
        response = RedirectResponse(self.at(path, **query), 303)
        if said:
            cookies.say(self.request, response, cookies.Said(said, good))
        return response

    def back(self, path: str, said: str, *, good: bool = True) -> Response:
        """Return the way to the page that a form was sent from, `path` where that is unknown."""
        page = URL(self.request.headers.get("referer", ""))
        response = self.go(path, said, good=good)
        if page.path.startswith(self.at(path)):
            response.headers["location"] = f"{page.path}?{page.query}" if page.query else page.path
        return response


View = Callable[[Desk], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def at(request: Request, path: str, **query: Any) -> str:
    """Return the address of one of the admin's pages; parameters that are `None` are left out."""
    given = {name: each for name, each in query.items() if each is not None}
    root = request.scope.get("root_path", "")
    return f"{root}{path}" + (f"?{urlencode(given)}" if given else "")


def for_staff(view: View) -> Endpoint:
    """Return the endpoint of a page for staff; everyone else is asked to sign in."""

    async def endpoint(request: Request) -> Response:
        tokens = cookies.tokens(request)
        if tokens is None:
            raise Unauthenticated("Sign in to go on.", "token_missing")
        client = office(request).client(request, tokens)
        me, money = await asyncio.gather(office(request).who(client), office(request).money(client))
        if me.role == Role.SHOPPER.word:
            raise Forbidden("Sign in with an account of the staff.", "shopper")
        desk = Desk(request, client, me, money)
        try:
            response = await view(desk)
        except Unauthenticated:
            office(request).forget(tokens)
            raise
        except (Refused, Unavailable) as error:
            response = _trouble(desk, error)
        if client.tokens is not None and client.tokens != tokens:
            cookies.keep(request, response, client.tokens)
        return response

    return endpoint


STATUS: dict[type[Exception], int] = {
    Forbidden: 403,
    NotFound: 404,
    TooMany: 429,
    Unavailable: 503,
}


def _trouble(desk: Desk, error: Refused | Unavailable) -> Response:
    """Return the page of an error that the view had no better answer to."""
    status = STATUS.get(type(error), 400)
    return desk.page("trouble.html", status, error=error, heading=pages.HEADINGS.get(status))
