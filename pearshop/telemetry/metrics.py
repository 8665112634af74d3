"""Every metric of the shop. `docs/metrics.md` lists the same, and a test holds it to this file."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a metric's number means."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """A metric: its name, without the `ray_` that Ray puts before it, and its tags.

    `bounds` are a histogram's: the largest value of each bucket but the last, which takes the rest.
    """

    name: str
    kind: Kind
    tags: tuple[str, ...]
    says: str
    bounds: tuple[float, ...] = ()


SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
UNKNOWN_ROUTE = "unknown"
OTHER_METHOD = "other"
CLIENT_GONE = 499
"""The status of a request whose client did not wait for the answer."""

REQUESTS = Metric(
    "pearshop_requests_total",
    Kind.COUNTER,
    ("route", "method", "status"),
    "Requests to the API, each call of a batch too. `route` is the template; all paths that there "
    "are none of are `unknown`. `status` 499: the client left before the answer.",
)
REQUEST_SECONDS = Metric(
    "pearshop_request_seconds",
    Kind.HISTOGRAM,
    ("route",),
    "Time from a request's arrival in its replica to the beginning of the answer.",
    SECONDS,
)
SIGN_INS = Metric(
    "pearshop_sign_ins_total",
    Kind.COUNTER,
    ("outcome",),
    "Sign-ins with a password: `done`; `wrong` name or password; `slowed`, refused as guessing; "
    "`failed` for a fault of the shop.",
)
LIMITED = Metric(
    "pearshop_limited_total",
    Kind.COUNTER,
    ("limit",),
    "Requests refused by the limit: `address`, `user`, `sign-in`, `register`, `username`, "
    "`long-bodies`.",
)
CACHE_LOOKUPS = Metric(
    "pearshop_cache_lookups_total",
    Kind.COUNTER,
    ("layer", "outcome"),
    "Looks into a cache of the catalogue: layer `memory` or `redis`; outcome `hit`, `stale`, "
    "which was answered at once too, `miss`.",
)
DEGRADED = Metric(
    "pearshop_degraded",
    Kind.GAUGE,
    ("part",),
    "1 while an `Api` replica does without the part: `redis` (slower), `database` (503).",
)
CART_COMMANDS = Metric(
    "pearshop_cart_commands_total",
    Kind.COUNTER,
    ("kind", "outcome"),
    "What cart actors were asked: kind `add`, `change`, `remove`, `merge`, `order`, `read`; "
    "outcome `done`, `repeated` (answered as the first time), `refused`, `unavailable`.",
)
CART_COMMAND_SECONDS = Metric(
    "pearshop_cart_command_seconds",
    Kind.HISTOGRAM,
    (),
    "Time until a cart actor's answer is with the `Api` replica that asked: queues, repeats and "
    "the commit are in it.",
    SECONDS,
)
CART_BATCH_SIZE = Metric(
    "pearshop_cart_batch_size",
    Kind.HISTOGRAM,
    (),
    "Cart commands that one commit of a cart host stored; orders have commits of their own.",
    SIZES,
)
HOT_CARTS = Metric("pearshop_hot_carts", Kind.GAUGE, (), "Carts in a cart host's memory.")
ACTIVATIONS = Metric(
    "pearshop_cart_activations_total",
    Kind.COUNTER,
    (),
    "Carts that a host took into memory, or took anew because its copy was not to be trusted.",
)
PASSIVATIONS = Metric(
    "pearshop_cart_passivations_total",
    Kind.COUNTER,
    ("reason",),
    "Carts that a host let go: `idle`; `full`, beyond the hot limit; `moved` to another host.",
)
FENCED_WRITES = Metric(
    "pearshop_fenced_writes_total",
    Kind.COUNTER,
    (),
    "Carts and orders that the database did not store: the copy was stale or the grant over.",
)
MAILBOX_DEPTH = Metric(
    "pearshop_mailbox_depth",
    Kind.GAUGE,
    (),
    "Commands that a cart host has been sent and has not answered.",
)
HOST_STARTS = Metric(
    "pearshop_cart_host_starts_total", Kind.COUNTER, (), "Processes of cart hosts that began."
)
ORDERS_PLACED = Metric(
    "pearshop_orders_placed_total", Kind.COUNTER, (), "Orders placed; repeats do not count."
)
ORDERS_REFUSED = Metric(
    "pearshop_orders_refused_total",
    Kind.COUNTER,
    ("reason",),
    "Orders refused, by the `code` that the client got: `out_of_stock`, `product_gone`, "
    "`price_changed`, `line_unknown`, `total_too_large`, `key_reused`.",
)
STOCK_REFUSALS = Metric(
    "pearshop_stock_refusals_total",
    Kind.COUNTER,
    (),
    "Lines of refused orders of whose product there was not enough.",
)
POOL_IN_USE = Metric(
    "pearshop_pool_in_use",
    Kind.GAUGE,
    ("pool",),
    "Connections of a `Database` replica at work: pool `primary`, or `replica-` and its place in "
    "PEARSHOP_DATABASE_REPLICA_URLS.",
)
POOL_SIZE = Metric("pearshop_pool_size", Kind.GAUGE, ("pool",), "Connections that there may be.")
POOL_WAIT_SECONDS = Metric(
    "pearshop_pool_wait_seconds",
    Kind.HISTOGRAM,
    ("pool",),
    "Time that an operation waited for a connection, those included that gave up.",
    SECONDS,
)
REPLICA_USED = Metric(
    "pearshop_replica_used",
    Kind.GAUGE,
    ("replica",),
    "1 while a process answers reads from the read replica, 0 while it leaves it out.",
)
REPLICA_BEHIND = Metric(
    "pearshop_replica_behind_seconds",
    Kind.GAUGE,
    ("replica",),
    "How old what the read replica has is at most, as far as a process knows.",
)
WEBHOOK_DELIVERIES = Metric(
    "pearshop_webhook_deliveries_total",
    Kind.COUNTER,
    ("outcome",),
    "Attempts to tell subscribers: `delivered`; `pending`, to be tried again; `failed`, given up.",
)
OUTBOX_AGE = Metric(
    "pearshop_outbox_age_seconds",
    Kind.GAUGE,
    (),
    "Age of the oldest event that is not handed on to webhooks; 0 when all are.",
)
SWEPT_ROWS = Metric(
    "pearshop_swept_rows_total",
    Kind.COUNTER,
    ("kind",),
    "Rows deleted after their time: kind `sessions`, `guests`, `keys`, `events`, `deliveries`.",
)

ALL = tuple(each for each in list(globals().values()) if isinstance(each, Metric))
