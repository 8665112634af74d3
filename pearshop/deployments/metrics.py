"""What a replica reports through Ray's metrics. All of it is listed here and in the README."""

from ray.util.metrics import Gauge


def degraded() -> Gauge:
    """Return the gauge of parts that the shop does without just now; its tag names the part."""
    return Gauge(
        "pearshop_degraded",
        "1 while this replica does without the part: redis (slower), database (503).",
        tag_keys=("part",),
    )
