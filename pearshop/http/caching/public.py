"""For how long browsers and edges may keep what everyone may see."""

import time
from collections.abc import Callable
from zlib import crc32

STALE_IF_ERROR_S = 300
"""How long an edge may show the catalogue while the shop is away."""


class Public:
    """The caching headers of public answers, which may be kept for at most `seconds`.

    What is kept for one constant time, and was asked for together, goes old together: an edge then
    wants all of it anew in the same second, again and again. So each address has a moment of its
    own in every span of `seconds`, and its answers are good until then. What is wanted often is
    still fetched once in a span.
    """

    def __init__(self, seconds: int, vary: str, clock: Callable[[], float] = time.time) -> None:
        self._seconds = seconds
        self._vary = vary
        self._clock = clock
        self._rest = f"stale-while-revalidate={seconds}, stale-if-error={STALE_IF_ERROR_S}"

    def headers(self, path: str, query: bytes) -> dict[str, str]:
        """Return the headers of an address' answer at this moment."""
        return {
            "Cache-Control": f"public, max-age={self._left(path, query)}, {self._rest}",
            "Vary": self._vary,
        }

    def _left(self, path: str, query: bytes) -> int:
        """Return the seconds until an address' next moment, 1 at least; 0 where nothing is kept."""
        if not self._seconds:
            return 0
        moment = crc32(query, crc32(path.encode())) / 2**32 * self._seconds
        return self._seconds - int((self._clock() - moment) % self._seconds)
