"""What a replica reports through Ray's metrics. All of it is listed here and in the README."""

from collections import Counter as Counts

from ray.util.metrics import Counter, Gauge


def degraded() -> Gauge:
    """Return the gauge of parts that the shop does without just now; its tag names the part."""
    return Gauge(
        "pearshop_degraded",
        "1 while this replica does without the part: redis (slower), database (503).",
        tag_keys=("part",),
    )


class CacheMetric:
    """`pearshop_cache_lookups_total`: looks into the catalogue's caches, by layer and outcome.

    A layer's hit ratio is the rate of `hit` (and of `stale`, which was answered at once, too)
    divided by the rate of all outcomes.
    """

    def __init__(self) -> None:
        self._counter = Counter(
            "pearshop_cache_lookups_total",
            "Looks into a cache of the catalogue: layer memory or redis; outcome hit, stale, miss.",
            tag_keys=("layer", "outcome"),
        )
        self._reported: Counts[tuple[str, str]] = Counts()

    def report(self, counts: Counts[tuple[str, str]]) -> None:
        """Add what is new since the last report; telling Ray of each look would cost too much."""
        for (layer, outcome), count in (counts - self._reported).items():
            self._counter.inc(count, {"layer": layer, "outcome": outcome})
        self._reported = counts.copy()


def replica_used() -> Gauge:
    """Return the gauge of read replicas; its tag is the place in PEARSHOP_DATABASE_REPLICA_URLS."""
    return Gauge(
        "pearshop_replica_used",
        "1 while this process answers reads from the replica, 0 while it leaves it out.",
        tag_keys=("replica",),
    )


def replica_behind() -> Gauge:
    """Return the gauge of how far read replicas are behind; its tag is as above."""
    return Gauge(
        "pearshop_replica_behind_seconds",
        "How old what the replica has is at most, as far as this process knows.",
        tag_keys=("replica",),
    )


def limited() -> Counter:
    """Return the counter of requests answered 429; its tag names the limit."""
    return Counter(
        "pearshop_limited_total",
        "Requests refused by the limit: address, user, sign-in, register, username, long-bodies.",
        tag_keys=("limit",),
    )


def webhook_deliveries() -> Counter:
    """Return the counter of attempts to tell subscribers of events; its tag is the outcome."""
    return Counter(
        "pearshop_webhook_deliveries_total",
        "Attempts by outcome: delivered; pending, to be tried again; failed, given up.",
        tag_keys=("outcome",),
    )


def swept_rows() -> Counter:
    """Return the counter of rows deleted because they had had their time; its tag is the kind."""
    return Counter(
        "pearshop_swept_rows_total",
        "Rows deleted after their time: sessions, guests, keys, events, deliveries.",
        tag_keys=("kind",),
    )


def outbox_age() -> Gauge:
    """Return the gauge of how long events wait until they are queued for subscribers."""
    return Gauge(
        "pearshop_outbox_age_seconds",
        "Age of the oldest event that is not handed on to webhooks; 0 when all are.",
    )
