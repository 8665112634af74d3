"""Quiet, then ten times as many at once, then quiet: does it come back?"""

from locust import LoadTestShape

STAGES = ((60, 30), (120, 300), (240, 30))
"""Until which second there are how many users."""


class Spike(LoadTestShape):
    """A minute of quiet, a minute of storm, two minutes of quiet."""

    def tick(self) -> tuple[int, float] | None:
        """Return users and how many may come in a second; nothing at the end."""
        now = self.get_run_time()
        return next(((users, users) for until, users in STAGES if now < until), None)
