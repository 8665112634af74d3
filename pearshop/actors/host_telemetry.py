"""How a cart host is seen: its metrics, and the spans of the commands that it carries out."""

import time
from collections.abc import Sequence

from pearshop.actors.carts import KINDS
from pearshop.actors.host import CartHost
from pearshop.actors.messages import Call, Reply
from pearshop.errors import Refused, Unavailable
from pearshop.telemetry import metrics
from pearshop.telemetry.reporting import Reporter
from pearshop.telemetry.traces import TRACES


def report(reporter: Reporter, host: CartHost) -> None:
    """Tell Ray how a host does."""
    reporter.gauge(metrics.HOT_CARTS, host.hot)
    reporter.gauge(metrics.MAILBOX_DEPTH, host.under_way)
    reporter.total(metrics.ACTIVATIONS, host.counts.activations)
    reporter.total(metrics.FENCED_WRITES, host.counts.fenced)
    reporter.totals(
        metrics.PASSIVATIONS, {(reason,): count for reason, count in host.passivated.items()}
    )
    reporter.histogram(host.batches)


async def traced(host: CartHost, epoch: int, calls: Sequence[Call]) -> list[Reply]:
    """Have a host carry out calls, and tell of each in a span beneath its request's."""
    began = time.time_ns()
    replies = await host.execute(epoch, calls)
    for call, reply in zip(calls, replies, strict=True):
        if call.origins:
            name = f"cart.{KINDS[type(call.request)]}"
            parents = [parent for _, parent in call.origins]
            span = TRACES.begin(name, parents, start_ns=began)
            told = {"pearshop.reply": type(reply).__name__}
            failed = reply.detail if isinstance(reply, Unavailable) else ""
            if isinstance(reply, Refused):
                told["pearshop.code"] = reply.code
            TRACES.finish(span, told, failed=failed)
    return replies
