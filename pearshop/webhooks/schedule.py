"""When a delivery that failed is tried again. Pure: `chance` is a random number in [0, 1).

Waits are drawn from the whole span up to a bound that grows ("full jitter"), so that what failed
together does not come back together.
"""

ATTEMPTS = 14
"""Of a delivery; its waits last 28 hours on average and 56 at most."""
FIRST_S, FACTOR, LONGEST_S = 5.0, 4, 8 * 3600.0
PAUSE_FACTOR, LONGEST_PAUSE_S = 2, 60.0


def wait(attempt: int, chance: float) -> float | None:
    """Return for how long (s) a delivery waits after its nth attempt; `None`: it is given up."""
    if attempt >= ATTEMPTS:
        return None
    return float(chance * min(LONGEST_S, FIRST_S * FACTOR ** (attempt - 1)))


def pause(failures: int, chance: float) -> float:
    """Return for how long (s) a subscriber is left alone after so many failures in a row.

    It is short: what waits long are deliveries, and those that have not failed need not wait with
    one that does. But a dead subscriber with a long queue is not asked all the time.
    """
    bound = FIRST_S * PAUSE_FACTOR ** min(failures - 1, 10)  # 2 to the millionth is no number
    return float(chance * min(LONGEST_PAUSE_S, bound))
