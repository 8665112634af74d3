"""The HTTP front: a FastAPI application in each replica, no state that matters."""

import asyncio
import logging
import os
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ray import serve
from ray.serve.handle import DeploymentHandle

from pearshop.actors.carts import Carts
from pearshop.actors.ray_database import RayDatabase
from pearshop.actors.ray_host import RayHosts
from pearshop.actors.scaling import Scaler
from pearshop.db import catalogue
from pearshop.db import placement as rows
from pearshop.db.placement import Placement
from pearshop.deployments.release import release_of
from pearshop.domain.scaling import Bounds
from pearshop.errors import ConfigurationError, Unavailable
from pearshop.http.addresses import Addresses, behind_ingress
from pearshop.http.app import App, make_app
from pearshop.http.freshness import Freshness
from pearshop.http.limiting.guard import Guard
from pearshop.http.media.images import Images
from pearshop.http.passwords import Passwords
from pearshop.http.products import TOLD, Products
from pearshop.http.services import Services
from pearshop.http.tokens import Tokens
from pearshop.settings import settings
from pearshop.telemetry import metrics
from pearshop.telemetry.reporting import Reporter
from pearshop.telemetry.start import start_replica

logger = logging.getLogger(__name__)

PULSE_S = 1.0
"""How often a replica hears of the placement and of revoked sessions."""
GREET_PERIOD_S = 2.0
LATE = timedelta(seconds=10)
"""How long before its commit a change may be dated: longer than any transaction takes."""


class UserConfig(BaseModel):
    """What `serve_config.yaml` sets under `user_config`; `serve deploy` changes it live."""

    model_config = ConfigDict(extra="forbid")

    min_cart_hosts: int = Field(default=1, ge=1, le=256)
    max_cart_hosts: int = Field(default=1, ge=1, le=256)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_cart_hosts < self.min_cart_hosts:
            raise ValueError("max_cart_hosts is less than min_cart_hosts")
        return self


def bounds_of(user_config: dict[str, Any]) -> Bounds:
    """Return the bounds that `user_config` sets. Raises `ConfigurationError`."""
    try:
        wish = UserConfig.model_validate(user_config)
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join((*map(str, each["loc"]), each["msg"])) for each in error.errors()
        )
        raise ConfigurationError(
            f"user_config of Api takes min_cart_hosts and max_cart_hosts, 1 to 256: {wrong}"
        ) from None
    return Bounds(wish.min_cart_hosts, wish.max_cart_hosts)


@serve.deployment
@serve.ingress()
class Api:
    """Answers HTTP. Raises `ConfigurationError` at start without a signing key or a store.

    `_beside`: what else is part of the shop and needs no requests; Serve deploys what is bound.
    """

    def __init__(
        self, database: "DeploymentHandle[Any]", *_beside: "DeploymentHandle[Any]"
    ) -> None:
        configured = settings()
        start_replica(configured)
        self._database = RayDatabase(database, configured.request_timeout)
        release = release_of(configured)
        self._hosts = RayHosts(release)
        self._scaler = Scaler(self._hosts, self._database, release, configured.cart_hot_limit)
        self._heard_at: datetime | None = None
        self._reporter = Reporter()
        ingress = behind_ingress(os.environ)
        self._guard = Guard(configured, behind_ingress=ingress) if configured.rate_limits else None
        addresses = Addresses(configured.trusted_proxies, behind_ingress=ingress)
        freshness = Freshness.of(configured)
        products = Products(self._database, configured, freshness)
        self._services = Services(
            configured,
            self._database,
            Carts(
                self._hosts,
                Placement(0, 1),
                self._hear,
                cart_limit=configured.cart_mailbox_limit,
            ),
            products,
            Tokens(configured.signing_key.get_secret_value()),
            Passwords(configured.password_hashes),
            freshness,
            self._guard,
            images=Images(configured, addresses),
        )
        self._app = make_app(self._services)
        self._tasks: list[asyncio.Task[None]] = []

    def __serve_build_asgi_app__(self) -> App:
        """Return the application that Serve hands requests to."""
        return self._app

    async def readiness(self) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers of what `/api/readyz/` answers, for other deployments."""
        answer = (await self._services.readiness.look()).answer()
        return answer.status_code, bytes(answer.body), dict(answer.headers)

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Bound the number of cart hosts, at start and whenever the configuration changes."""
        placement = await self._scaler.bound(bounds_of(user_config))
        self._services.carts.move(placement)
        await self._hosts.greet(placement)
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._pulse()),
                asyncio.create_task(self._greet()),
                asyncio.create_task(self._services.products.listen()),
            ]

    async def _pulse(self) -> None:
        while True:
            try:
                await self._hear_of_products()
                await self._hear()
                is_away = False
            except Unavailable:
                is_away = True
            if self._reporter.is_due():
                self._report(is_away)
            await asyncio.sleep(PULSE_S)

    def _report(self, database_is_away: bool) -> None:
        """Tell Ray how it goes."""
        mine, tell = self._services, self._reporter
        tell.gauge(metrics.DEGRADED, database_is_away, "database")
        tell.gauge(metrics.DEGRADED, not mine.products.hears, "redis")
        tell.totals(metrics.CACHE_LOOKUPS, mine.products.counts)
        tell.totals(metrics.SIGN_INS, {(how,): n for how, n in mine.sign_ins.items()})
        for limit, count in self._guard.refusals().items() if self._guard else ():
            tell.add(metrics.LIMITED, count, limit)
        watch, carts = self._app.watch, mine.carts
        requests = {
            (route, how, str(status)): n for (route, how, status), n in watch.counts.items()
        }
        tell.totals(metrics.REQUESTS, requests)
        tell.histogram(watch.seconds)
        tell.totals(metrics.CART_COMMANDS, carts.counts)
        tell.histogram(carts.seconds)
        tell.total(metrics.ORDERS_PLACED, carts.counts["order", "done"])
        tell.totals(metrics.ORDERS_REFUSED, {(code,): n for code, n in carts.refused.items()})
        tell.total(metrics.STOCK_REFUSALS, carts.lines_short)

    async def _hear(self) -> None:
        """Hear of the placement and the revoked sessions; both live in the database."""
        heard = await self._database.run(rows.pulse, self._heard_at)
        self._heard_at = heard.at
        self._services.revoked.add(*heard.revoked)
        self._services.carts.move(heard.placement)

    async def _hear_of_products(self) -> None:
        """Hear of what staff changed, however it was done: an import sends no notices."""
        since = self._heard_at or datetime.now(UTC)
        changed = await self._database.run(catalogue.changed_since, since - LATE, TOLD)
        await self._services.products.pulse(dict(changed), more=len(changed) >= TOLD)

    async def _greet(self) -> None:
        while True:
            await asyncio.sleep(GREET_PERIOD_S)
            try:
                await self._hosts.greet(self._services.carts.placement)
                if moved := await self._scaler.look(self._services.carts.placement):
                    self._services.carts.move(moved)
            except Unavailable:
                pass  # the pulse tells of it
            except Exception:  # Ray's own control store may be away; the next greeting tells
                logger.exception("The cart hosts could not be greeted.")
