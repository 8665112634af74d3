"""`/api/audit/`: what staff did. It is only read here."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import audit
from pearshop.domain.user import Role
from pearshop.http import pages, query
from pearshop.http.describe import route
from pearshop.http.paging import id_of, limit_of, next_by_id
from pearshop.http.services import services, staff
from pearshop.schemas.audit import AuditOut, AuditQuery, render_entry
from pearshop.schemas.fields import sparse

router = APIRouter(prefix="/api/audit", tags=["staff"])
ENTRY = "entry"


@router.get(
    "/", response_model=list[AuditOut], **route(signed_in=True, query=AuditQuery, errors=(403,))
)
async def list_audit(request: Request) -> Response:
    """List what staff did, the latest first."""
    staff(request, Role.VIEWER)
    wish = query.read(request, AuditQuery)
    tree = query.fields(wish, AuditOut)
    wanted = audit.Filter(wish.user, wish.subject, wish.subject_id, wish.since, wish.until)
    before, limit = id_of(wish.cursor, ENTRY), limit_of(wish)
    found = await services(request).database.run(audit.page, wanted, limit + 1, before)
    headers = next_by_id(request, ENTRY, [each.id for each in found], limit)
    rendered = [render_entry(each) for each in found[:limit]]
    return pages.private(request, sparse(rendered, tree), headers)
