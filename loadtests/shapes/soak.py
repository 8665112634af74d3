"""The same for an hour: does anything grow?"""

from locust import LoadTestShape

SECONDS, USERS = 3_600, 100


class Soak(LoadTestShape):
    """A hundred users for an hour."""

    def tick(self) -> tuple[int, float] | None:
        """Return users and how many may come in a second; nothing at the end."""
        return (USERS, 10) if self.get_run_time() < SECONDS else None
