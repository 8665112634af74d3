"""Password hashing: argon2id, off the event loop, and never more at once than stated."""

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from pearshop.http.workers import Workers

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
"""OWASP's first choice for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane."""
QUEUE_PER_THREAD = 32
"""Hashes that may wait for each thread: about a second's work."""


class Passwords:
    """Hashes and checks passwords in `threads` threads. Raises `Unavailable` when swamped."""

    def __init__(self, threads: int) -> None:
        waiting = threads * QUEUE_PER_THREAD
        busy = "Too many people sign in right now."
        self._workers = Workers("password", threads, waiting, busy, retry_after=2)
        self._nobody = HASHER.hash("nobody's password")

    async def hash(self, password: str) -> str:
        """Return the PHC string of a password."""
        return await self._workers.run(HASHER.hash, password)

    async def check(self, password_hash: str | None, password: str) -> bool:
        """Tell whether a password is right. An unknown user (`None`) takes as long."""
        right = await self._workers.run(_verify, password_hash or self._nobody, password)
        return right and password_hash is not None


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
