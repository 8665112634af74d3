"""`/api/user/`: accounts, for staff; and `/api/me/`: one's own."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import user as rows
from pearshop.domain.user import Role
from pearshop.errors import Invalid
from pearshop.http import body, pages, query
from pearshop.http.answers import json
from pearshop.http.describe import route
from pearshop.http.identity import identity
from pearshop.http.paging import id_of, limit_of, next_by_id
from pearshop.http.services import services, session, staff
from pearshop.schemas.fields import sparse
from pearshop.schemas.query import Sparse
from pearshop.schemas.user import (
    AccountOut,
    AccountPatch,
    AccountQuery,
    MeOut,
    render_account,
)

router = APIRouter(prefix="/api", tags=["staff"])
ACCOUNT = "account"


@router.get("/me/", response_model=MeOut, **route(signed_in=True))
async def get_me(request: Request) -> Response:
    """Tell who is signed in, and what they may do."""
    user = session(request).user
    return json({"id": user.id, "username": user.username, "role": user.role.word})


@router.get(
    "/user/",
    response_model=list[AccountOut],
    **route(signed_in=True, query=AccountQuery, errors=(403,)),
)
async def list_users(request: Request) -> Response:
    """List accounts, the newest first."""
    staff(request, Role.VIEWER)
    wish = query.read(request, AccountQuery)
    tree = query.fields(wish, AccountOut)
    role = None if wish.role is None else Role.named(wish.role)
    wanted = rows.Wanted(wish.search, role, wish.active)
    before, limit = id_of(wish.cursor, ACCOUNT), limit_of(wish)
    found = await services(request).database.run(rows.page, wanted, limit + 1, before)
    headers = next_by_id(request, ACCOUNT, [each.user.id for each in found], limit)
    rendered = [render_account(each) for each in found[:limit]]
    return pages.private(request, sparse(rendered, tree), headers)


@router.get(
    "/user/{user_id}/",
    response_model=AccountOut,
    **route(signed_in=True, query=Sparse, errors=(403, 404)),
)
async def get_user(request: Request, user_id: str) -> Response:
    """Return an account."""
    staff(request, Role.VIEWER)
    tree = query.fields(query.read(request, Sparse), AccountOut)
    found = await services(request).database.run(rows.account, identity(user_id, "user"))
    return pages.private(request, sparse(render_account(found), tree))


@router.patch(
    "/user/{user_id}/",
    response_model=AccountOut,
    **route(body=AccountPatch, signed_in=True, errors=(403, 404, 409)),
)
async def change_user(request: Request, user_id: str) -> Response:
    """Set what somebody may do, and whether they may sign in.

    Whoever may do less from now on has to sign in again.
    """
    caller = staff(request, Role.OWNER)
    wish = await body.read(request, AccountPatch)
    if wish.role is None and wish.active is None:
        raise Invalid("Name a role or active to change.", "empty")
    role = None if wish.role is None else Role.named(wish.role)
    shop, sought = services(request), identity(user_id, "user")
    changed = await shop.database.run(rows.change, sought, role, wish.active, caller.user.id)
    shop.revoked.add(*changed.ended)
    return json(render_account(changed.account))


@router.delete(
    "/user/{user_id}/sessions/",
    status_code=204,
    response_class=Response,
    **route(signed_in=True, errors=(403, 404)),
)
async def end_sessions(request: Request, user_id: str) -> Response:
    """End all sessions of an account: its tokens are refused from now on."""
    caller = staff(request, Role.OWNER)
    shop = services(request)
    ended = await shop.database.run(rows.sign_out, identity(user_id, "user"), caller.user.id)
    shop.revoked.add(*ended)
    return Response(status_code=204)
