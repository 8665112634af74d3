"""`/api/report/`: how the shop does, for staff."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.domain.user import Role
from pearshop.http import pages, query
from pearshop.http.describe import route
from pearshop.http.services import services, staff
from pearshop.schemas.fields import sparse
from pearshop.schemas.report import ReportOut, ReportQuery, render_report

router = APIRouter(prefix="/api/report", tags=["staff"])


@router.get(
    "/", response_model=ReportOut, **route(signed_in=True, query=ReportQuery, errors=(403,))
)
async def get_report(request: Request) -> Response:
    """Tell how the shop does: sales by day and period, orders by status, best sellers, low stock.

    It is at most five seconds old; low stock, a minute. Cancelled orders count by status only. The
    first report of a shop with very many past orders may be 503 until they are added up.
    """
    staff(request, Role.VIEWER)
    wish = query.read(request, ReportQuery)
    tree = query.fields(wish, ReportOut)
    found = await services(request).reports.get(ZoneInfo(wish.zone), wish.days, wish.low)
    return pages.private(request, sparse(render_report(wish.zone, *found), tree))
