"""Accounts and sign-in."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import user as rows
from pearshop.domain.user import check_password, check_username
from pearshop.errors import Invalid, Unauthenticated
from pearshop.http import body
from pearshop.http.answers import json
from pearshop.http.batch import UNTIL
from pearshop.http.browsers import cookies
from pearshop.http.browsers.cross_origin import check_own_page
from pearshop.http.describe import route
from pearshop.http.services import services, session
from pearshop.schemas.user import (
    AccessOut,
    CredentialsIn,
    MessageOut,
    PasswordIn,
    RefreshIn,
    SignInIn,
    TokensOut,
    UsernameOut,
)

router = APIRouter(prefix="/api", tags=["accounts"])


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
        if UNTIL in request.scope:
            raise Invalid.of("cookie", "cannot be set in a batch.")
        check_own_page(request, shop.settings.origins)
    known = await _credentials(request, wish.username, wish.password)
    session_id = await shop.database.run(rows.open_session, known.user.id, known.password_hash)
    access = shop.tokens.access(known.user, session_id)
    refresh_token = shop.tokens.refresh(known.user, session_id)
    if wish.cookie:
        return cookies.keep(json({"access": access}), refresh_token)
    return json({"access": access, "refresh": refresh_token})


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
