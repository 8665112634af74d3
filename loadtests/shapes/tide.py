"""The load comes, stays and goes: what comes and goes with it? Six minutes, up to 160 users."""

from locust import LoadTestShape

USERS = 160
RISE_S, STAY_S, FALL_S = 120, 150, 60


class Tide(LoadTestShape):
    """Evenly up, level, evenly down."""

    def tick(self) -> tuple[int, float] | None:
        """Return users and how many may come or go in a second; nothing at the end."""
        now = self.get_run_time()
        left = RISE_S + STAY_S + FALL_S - now
        if left <= 0:
            return None
        share = min(now / RISE_S, 1.0, left / FALL_S)
        return max(1, round(USERS * share)), USERS / FALL_S
