"""Pages of other origins: which may call the API (CORS), and that none rides on a cookie (CSRF)."""

from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp

from pearshop.errors import Forbidden

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SENT = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match")
READ = (
    *("ETag", "Link", "X-Total-Count", "X-Corrected-Search", "Retry-After"),
    *("Idempotent-Replayed", "RateLimit", "RateLimit-Policy"),
)
PREFLIGHT_S = 600


def with_cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """Have browsers let the pages of these origins call the application and read its answers."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=SENT,
        expose_headers=READ,
        allow_credentials=True,
        max_age=PREFLIGHT_S,
    )


def check_own_page(request: Request, origins: tuple[str, ...]) -> None:
    """Raise `Forbidden` where a page made the request that is neither the shop's nor a friend's.

    A friend is one of `origins`, on the shop's own site: from another, browsers keep no cookie that
    is `SameSite=Strict`. They tell by `Sec-Fetch-Site`, older ones by `Origin`; whoever sends
    neither is no browser and holds no cookie that a page could use. The method is that of
    `http.CrossOriginProtection` in Go's standard library (Valsorda, 2025).
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if site is None:
        own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
        own = own or origin in origins
    else:
        own = site in {"same-origin", "none"} or (site == "same-site" and origin in origins)
    if not own:
        raise Forbidden(
            "Only pages of the shop's own site can sign in by cookie; of another host than the "
            "shop's, those whose origins are in PEARSHOP_CORS_ORIGINS.",
            "cross_site",
        )
