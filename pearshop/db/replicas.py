"""Read replicas: those that are known to be close behind the primary share the reads.

Threads look at the primary and at each replica, four times within the lag that is allowed. A
replica is used while what it was last seen to have is no older than that. So no clock is compared
with another, and a replica, primary or thread that falls silent proves nothing. A read that fails
on a replica is answered by the primary, and the replica is left out until it is seen well again.
"""

import asyncio
import contextlib
import itertools
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from psycopg2.errors import QueryCanceled, SerializationFailure
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from pearshop.db.engine import make_engine
from pearshop.db.execute import Outcome
from pearshop.db.pool import Pool
from pearshop.db.wal import Position, look, whole_until
from pearshop.errors import Refused
from pearshop.settings import Settings

logger = logging.getLogger(__name__)

READ_S = 0.5
"""How long a replica may work on one statement."""
HUNG_S = 0.75
"""After so long a replica hangs, for its statement should have ended."""
LOOKS = 4
"""Looks within the lag that is allowed."""
MAX_PERIOD_S = 0.25
KEPT = 16
"""Positions of the primary that are remembered: more than the lag that is allowed holds."""
MARGIN_S = 0.5
"""For clocks that do not run alike."""


def window(settings: Settings) -> float:
    """Return the seconds after which each replica that is used has what was committed."""
    return settings.database_replica_lag + MARGIN_S


class Proof(NamedTuple):
    """All that was committed before `until` is there, as a look begun at `looked_at` has shown."""

    until: float
    looked_at: float


NOTHING = Proof(-math.inf, -math.inf)


class State(NamedTuple):
    """What is known of a replica, if anything yet: `judged`.

    `behind` (s): how old what it has is at most; 0 as long as it was never seen near its primary.
    """

    address: str
    used: bool
    says: str
    behind: float
    judged: bool


class Replica:
    """One read replica: what is known of it, and the connections for reads."""

    def __init__(self, url: str, settings: Settings, number: int) -> None:
        self.lag = settings.database_replica_lag
        self.trouble: str | None = None
        """Why it is not used, as far as looks and reads have told; `None` before the first."""
        self.monitor = _engine(settings, url, pool_size=1)
        self.pool = Pool(settings.database_pool_size, HUNG_S, f"replica-{number}")
        self._engine = _engine(settings, url, pool_size=settings.database_pool_size)
        self._lines = _Lines(self._engine)
        self._proof = NOTHING
        self._seen_until = -math.inf
        self._failed_at = -math.inf

    @property
    def address(self) -> str:
        """Where it is, without any secret."""
        return f"{self._engine.url.host}:{self._engine.url.port or 5432}"

    def state(self) -> State:
        """Return what is known of it."""
        used = self.proof() is not None
        seen = self._seen_until > -math.inf
        behind = time.monotonic() - self._seen_until if seen else 0.0
        says = "is used"
        if not used:
            trouble = self.trouble or f"is not known to be within {self.lag} s of the primary"
            says = f"is left out: it {trouble}"
        return State(self.address, used, says, behind, self.trouble is not None)

    def proof(self) -> Proof | None:
        """Return what shows that it is close enough behind its primary to be used."""
        proof = self._proof
        return proof if time.monotonic() - proof.until <= self.lag else None

    def leave_out(self, trouble: str) -> None:
        """Use it no more, until a look that begins from now on shows it well."""
        self._failed_at = time.monotonic()
        self._proof = NOTHING
        self.trouble = trouble

    def judge(self, primary: tuple[Position, ...], found: Position) -> None:
        """Take note of what a look has shown."""
        if not found.standby:
            self.leave_out("is no standby")
        elif not primary:
            return  # nothing to compare it with as yet
        elif found.history != primary[-1].history:
            self.leave_out("follows another server or timeline, or is of another database")
        elif found.asked_at > self._failed_at:
            self._proof = Proof(whole_until(primary, found), found.asked_at)
            self._seen_until = max(self._seen_until, self._proof.until)
            self.trouble = ""

    async def read(
        self,
        proof: Proof,
        operation: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Outcome | None:
        """Run a `read_only` operation on the strength of a proof. `None`: the primary has to."""
        try:
            async with asyncio.timeout(HUNG_S):
                return await self.pool.call(self._run, proof, operation, args, kwargs)
        except TimeoutError:
            self.leave_out("hangs")
            self._lines.cut()
            return None

    def _run(
        self,
        proof: Proof,
        operation: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Outcome | None:
        try:
            with self._engine.connect() as connection, self._lines.held(connection) as made_at:
                if made_at >= proof.looked_at:
                    # Perhaps to a server that was started since and has yet to replay what it had.
                    return None
                return Outcome(operation(connection, *args, **kwargs))
        except Refused:
            return None  # what was sought may not have arrived yet
        except DBAPIError as error:
            # A statement that took too long, or stood in the way of replay, is no one's fault.
            if not isinstance(error.orig, QueryCanceled | SerializationFailure):
                self.leave_out("does not answer")
            return None

    def close(self) -> None:
        """End its connections."""
        self._lines.cut()
        self.pool.close()
        self._engine.dispose()


def _engine(settings: Settings, url: str, pool_size: int) -> Engine:
    engine = make_engine(settings, url=url, pool_size=pool_size, statement_timeout=READ_S)
    return engine.execution_options(isolation_level="AUTOCOMMIT")


class _Lines:
    """The connections of an engine as sockets, so that one whose server hangs can be cut.

    The thread that waits on it then gets an error; nothing else frees it from a server that is
    stopped but whose machine still acknowledges packets.
    """

    def __init__(self, engine: Engine) -> None:
        self._held: set[socket.socket] = set()
        event.listen(engine, "connect", self._made)
        event.listen(engine, "close", self._closed)

    @contextlib.contextmanager
    def held(self, connection: Connection) -> Iterator[float]:
        """Have a connection cut by `cut` during the block; yields when it was made (monotonic)."""
        line, made_at = connection.info["line"]
        self._held.add(line)
        try:
            yield made_at
        finally:
            self._held.discard(line)

    def cut(self) -> None:
        """Cut the connections that are held."""
        for line in self._held.copy():
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _made(self, connection: Any, record: Any) -> None:
        # A descriptor of its own: the driver's may be closed, and its number be another's, by now.
        line = socket.socket(fileno=os.dup(connection.fileno()))
        record.info["line"] = line, time.monotonic()

    def _closed(self, connection: Any, record: Any) -> None:
        record.info["line"][0].close()


class Replicas:
    """The read replicas of one process, and the threads that look after them."""

    def __init__(self, settings: Settings) -> None:
        self._replicas = tuple(
            Replica(url, settings, number) for number, url in enumerate(settings.replica_urls)
        )
        self._turns = itertools.count()
        self._primary: tuple[Position, ...] = ()
        self._reported = [True] * len(self._replicas)
        self._stopped = threading.Event()
        self._period = min(settings.database_replica_lag / LOOKS, MAX_PERIOD_S)
        self._settings = settings

    def start(self) -> None:
        """Begin to look. Without replicas nothing is begun."""
        if not self._replicas:
            return
        primary = _engine(self._settings, "", pool_size=1)
        self._watch(primary, self._note_primary, lambda: None)
        for replica in self._replicas:
            self._watch_replica(replica)

    async def read(
        self, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Outcome | None:
        """Run a `read_only` operation on a replica. `None`: the primary has to answer."""
        fit = [
            (each, proof)
            for each in self._replicas
            if (proof := each.proof()) is not None and not each.pool.busy
        ]
        if not fit:
            return None
        replica, proof = fit[next(self._turns) % len(fit)]
        return await replica.read(proof, operation, args, kwargs)

    @property
    def pools(self) -> list[Pool]:
        """The connections for reads, of one replica after the other."""
        return [replica.pool for replica in self._replicas]

    def states(self) -> list[State]:
        """Return the state of each replica."""
        return [replica.state() for replica in self._replicas]

    def report(self) -> list[State]:
        """Return the state of each replica, and log what has changed."""
        states = self.states()
        for number, state in enumerate(states):
            if state.used != self._reported[number] and state.judged:
                self._reported[number] = state.used
                logger.warning("Replica %d (%s) %s.", number, state.address, state.says)
        return states

    def close(self) -> None:
        """Look no more, and end the connections for reads."""
        self._stopped.set()
        for replica in self._replicas:
            replica.close()

    def _watch_replica(self, replica: Replica) -> None:
        self._watch(
            replica.monitor,
            lambda found: replica.judge(self._primary, found),
            lambda: replica.leave_out("does not answer"),
        )

    def _note_primary(self, found: Position) -> None:
        if not found.standby:
            self._primary = (*self._primary[1 - KEPT :], found)

    def _watch(
        self, engine: Engine, seen: Callable[[Position], None], failed: Callable[[], None]
    ) -> None:
        """Look at a server in a thread of its own: one that hangs must not hold up the others."""

        def watch() -> None:
            while not self._stopped.wait(self._period):
                try:
                    with engine.connect() as connection:
                        found = look(connection)
                except DBAPIError:
                    failed()
                else:
                    seen(found)
            engine.dispose()

        threading.Thread(target=watch, daemon=True).start()
