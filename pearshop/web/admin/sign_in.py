"""Signing in and out."""

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pearshop.domain.user import Role
from pearshop.errors import Forbidden, PearShopError, Refused, TooMany, Unavailable
from pearshop.web.admin import cookies, forms, pages
from pearshop.web.admin.desk import at, office

SIGN_IN = "/sign-in"
SHOPPER = "This account is a shopper's. Sign in with an account of the shop's staff."
OVER = "Your session is over. Sign in to go on."


async def show(request: Request) -> Response:
    """Show the form; to whoever comes from another site, once their own cookies have come along."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        # A browser sends no strict cookie along with a link from elsewhere, but with its own next
        # request: so whoever is signed in need not do it again.
        return _page(request, "again.html", 200, to=_next(request))
    return _page(request, "sign_in.html", 200, next=_next(request), username="", problem="")


async def sign_in(request: Request) -> Response:
    """Open a session, for staff."""
    form = await forms.read(request)
    client = office(request).client(request, None)
    username, onward = form["username"], _safe(request, form["next"])
    try:
        if not username or not form.exactly("password"):
            raise Refused("Give your username and your password.")
        await client.sign_in(username, form.exactly("password"))
        if (await client.me()).role == Role.SHOPPER.word:
            await client.sign_out()
            raise Forbidden(SHOPPER)
    except (Refused, Unavailable) as error:
        return _page(
            request,
            "sign_in.html",
            _status(error),
            next=onward,
            username=username,
            problem=str(error),
        )
    assert client.tokens is not None
    response = RedirectResponse(onward, 303)
    cookies.keep(request, response, client.tokens)
    return response


async def sign_out(request: Request) -> Response:
    """End the session. Should the shop not answer, the browser forgets the tokens all the same."""
    response = RedirectResponse(at(request, SIGN_IN), 303)
    tokens = cookies.tokens(request)
    if tokens is not None:
        said = cookies.Said("You are signed out.")
        office(request).forget(tokens)
        try:
            await office(request).client(request, tokens).sign_out()
        except Refused:  # it was over already
            pass
        except Unavailable:
            said = cookies.Said(
                "This browser is signed out, but the shop did not answer. If somebody may have "
                "copied the session, sign in again and sign out once more.",
                good=False,
            )
        cookies.say(request, response, said)
    cookies.drop(request, response)
    return response


def ask(request: Request, error: PearShopError) -> Response:
    """Return the way to sign in, and back to the page that was asked for."""
    shopper = isinstance(error, Forbidden)
    known = cookies.tokens(request) is not None
    page = request.url if request.method == "GET" else URL(request.headers.get("referer", ""))
    wanted = f"{page.path}?{page.query}" if page.query else page.path
    response = RedirectResponse(at(request, SIGN_IN, next=_safe(request, wanted)), 303)
    if known:
        said = SHOPPER if shopper else OVER
        cookies.say(request, response, cookies.Said(said, good=False))
        cookies.drop(request, response)
    return response


def _next(request: Request) -> str:
    return _safe(request, forms.query(request)["next"])


def _safe(request: Request, path: str) -> str:
    """Return a page of the admin's own: no link may lead anywhere else after sign-in."""
    root = at(request, "/")
    return path if path.startswith(root) and "\\" not in path and "//" not in path else root


def _status(error: Refused | Unavailable) -> int:
    return {Unavailable: 503, TooMany: 429, Forbidden: 403}.get(type(error), 400)


def _page(request: Request, template: str, status: int, **members: object) -> Response:
    said = cookies.said(request)
    text = pages.render(
        template,
        at=lambda path: at(request, path),
        files=office(request).files,
        said=said,
        **members,
    )
    response = HTMLResponse(text, status)
    cookies.forget(request, response)
    return response


routes = [
    Route(SIGN_IN, show, methods=["GET"]),
    Route(SIGN_IN, sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
]
