"""More and more users: where does it bend? Steps of a minute each, up to 400 users."""

from locust import LoadTestShape

STEP_S, STEP_USERS, STEPS = 60, 50, 8


class Ramp(LoadTestShape):
    """Fifty users more each minute, for eight minutes."""

    def tick(self) -> tuple[int, float] | None:
        """Return users and how many may come in a second; nothing at the end."""
        step = int(self.get_run_time() // STEP_S)
        return None if step >= STEPS else ((step + 1) * STEP_USERS, STEP_USERS)
