"""Accounts and sign-in."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import user as rows
from pearshop.domain.user import check_password, check_username
from pearshop.errors import Invalid, TooMany, Unauthenticated
from pearshop.http import body, pages, query
from pearshop.http.answers import json
from pearshop.http.browsers import cookies
from pearshop.http.browsers.cross_origin import check_own_page
from pearshop.http.describe import route
from pearshop.http.identity import identity
from pearshop.http.members import UNTIL
from pearshop.http.services import Services, services, session
from pearshop.schemas.fields import sparse
from pearshop.schemas.query import Sparse
from pearshop.schemas.user import (
    AccessOut,
    CredentialsIn,
    GuestIn,
    MessageOut,
    PasswordIn,
    RefreshIn,
    SessionOut,
    SignInIn,
    TokensOut,
    UsernameOut,
    render_session,
)

router = APIRouter(prefix="/api", tags=["accounts"])
MAX_SESSIONS = 100


@router.post("/register/", status_code=201, response_model=UsernameOut, **route(body=CredentialsIn))
async def register(request: Request) -> Response:
    """Make an account."""
    wish = await body.read(request, CredentialsIn)
    username = check_username(wish.username)
    check_password(wish.password, username)
    shop = services(request)
    password_hash = await shop.passwords.hash(wish.password)
    user = await shop.database.run(rows.create, username, password_hash)
    return json({"username": user.username}, 201)


@router.post(
    "/login/", response_model=TokensOut | AccessOut, **route(body=SignInIn, errors=(401, 403))
)
async def login(request: Request) -> Response:
    """Open a session.

    With `cookie`, the refresh token is set as a cookie and not answered.
    """
    wish = await body.read(request, SignInIn)
    shop = services(request)
    if wish.cookie:
        _check_cookie(request, shop)
    with _counted(shop):
        known = await _credentials(request, wish.username, wish.password)
        return await _open(request, known, cookie=wish.cookie)


@router.post(
    "/guest/",
    status_code=201,
    response_model=TokensOut | AccessOut,
    **route(body=GuestIn, errors=(403,)),
)
async def visit(request: Request) -> Response:
    """Open a session for a visitor, whose cart `/api/cart/merge/` gives to an account later."""
    wish = await body.read(request, GuestIn)
    shop = services(request)
    if wish.cookie:
        _check_cookie(request, shop)
    known = await shop.database.run(rows.create_guest)
    return await _open(request, known, cookie=wish.cookie, status=201)


@router.post(
    "/token/refresh/", response_model=AccessOut, **route(body=RefreshIn, errors=(401, 403))
)
async def refresh(request: Request) -> Response:
    """Return a new access token for a session that is still open."""
    token = (await body.read(request, RefreshIn)).refresh
    shop = services(request)
    if token is None:
        token = cookies.kept(request)
        check_own_page(request, shop.settings.origins)
    if token is None:
        raise Invalid.of("refresh", "is missing, and there is no cookie either.")
    session_id = shop.tokens.check_refresh(token).session_id
    user = await shop.database.run(rows.of_session, session_id)
    return json({"access": shop.tokens.access(user, session_id)})


@router.get("/check/", response_model=MessageOut, **route(signed_in=True))
async def check(request: Request) -> Response:
    """Tell whether the token is good."""
    session(request)
    return json({"message": "Authenticated"})


@router.post("/logout/", status_code=204, response_class=Response, **route(signed_in=True))
async def logout(request: Request) -> Response:
    """End this session: its access and refresh tokens are refused from now on.

    A browser, which alone tells its page's origin, forgets its cookie.
    """
    caller = session(request)
    shop = services(request)
    await shop.database.run(rows.close_session, caller.session_id)
    shop.revoked.add(caller.session_id)
    response = Response(status_code=204)
    return cookies.drop(response) if "origin" in request.headers else response


@router.post(
    "/password/",
    status_code=204,
    response_class=Response,
    **route(body=PasswordIn, signed_in=True),
)
async def change_password(request: Request) -> Response:
    """Set another password and end all sessions of the account."""
    caller = session(request)
    wish = await body.read(request, PasswordIn)
    check_password(wish.new_password, caller.user.username, "new_password")
    shop = services(request)
    try:
        known = await _credentials(request, caller.user.username, wish.old_password)
    except Unauthenticated as error:  # of the password; the token was good
        raise Invalid.of("old_password", "is wrong.", error.code) from None
    new_hash = await shop.passwords.hash(wish.new_password)
    ended = await shop.database.run(
        rows.change_password, known.user.id, known.password_hash, new_hash
    )
    shop.revoked.add(*ended)
    return Response(status_code=204)


@router.get("/session/", response_model=list[SessionOut], **route(signed_in=True, query=Sparse))
async def list_sessions(request: Request) -> Response:
    """List one's own sessions that have not ended, the latest first."""
    caller = session(request)
    tree = query.fields(query.read(request, Sparse), SessionOut)
    found = await services(request).database.run(rows.open_sessions, caller.user.id, MAX_SESSIONS)
    rendered = [render_session(each, caller.session_id) for each in found]
    return pages.private(request, sparse(rendered, tree))


@router.delete(
    "/session/{session_id}/",
    status_code=204,
    response_class=Response,
    **route(signed_in=True, errors=(404,)),
)
async def end_session(request: Request, session_id: str) -> Response:
    """End one of one's own sessions: its tokens are refused from now on."""
    caller = session(request)
    shop, sought = services(request), identity(session_id, "session")
    await shop.database.run(rows.end_session, caller.user.id, sought)
    shop.revoked.add(sought)
    return Response(status_code=204)


@contextmanager
def _counted(shop: Services) -> Iterator[None]:
    """Count how a sign-in ends."""
    outcome = "failed"
    try:
        yield
        outcome = "done"
    except Unauthenticated:
        outcome = "wrong"
        raise
    except TooMany:
        outcome = "slowed"
        raise
    finally:
        shop.sign_ins[outcome] += 1


def _check_cookie(request: Request, shop: Services) -> None:
    """Raise `Invalid` or `Forbidden` where no cookie can be set."""
    if UNTIL in request.scope:
        raise Invalid.of("cookie", "cannot be set in a batch.")
    check_own_page(request, shop.settings.origins)


async def _open(
    request: Request, known: rows.Credentials, *, cookie: bool, status: int = 200
) -> Response:
    shop = services(request)
    device = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))
    session_id = await shop.database.run(
        rows.open_session, known.user.id, known.password_hash, device
    )
    access = shop.tokens.access(known.user, session_id)
    refresh_token = shop.tokens.refresh(known.user, session_id)
    if cookie:
        return cookies.keep(json({"access": access}, status), refresh_token)
    return json({"access": access, "refresh": refresh_token}, status)


async def _credentials(request: Request, username: str, password: str) -> rows.Credentials:
    """Return the account that this password is of.

    Raises `Unauthenticated`, and `TooMany` to whoever guesses.
    """
    shop = services(request)
    async with shop.sign_in(request, username):
        known = await shop.database.run(rows.credentials, username)
        right = await shop.passwords.check(known.password_hash if known else None, password)
        if known is None or not right:
            raise Unauthenticated("The username or the password is wrong.", "credentials_wrong")
    return known
