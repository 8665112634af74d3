"""Asks a cart host directly, past every replica: what a caller does that knows no better.

`python -m tests.faults.ask_host ADDRESS ACTOR EPOCH USER PRODUCT` sends the host a read of the
cart and an add of 5 pieces in one message, prints `sent`, and then its two replies as JSON: the
quantities in a cart, or the name of another reply. In a process of its own: it joins the cluster.
"""

import json
import logging
import sys
import time
from typing import Any

import ray

from pearshop.actors.messages import Call, ReadCart
from pearshop.actors.ray_host import NAMESPACE
from pearshop.domain.cart import AddLine, Cart

PATIENCE_S = 60.0


def main() -> None:
    """Send, tell that it was sent, and tell what came back."""
    address, actor = sys.argv[1:3]
    epoch, user, product = map(int, sys.argv[3:])
    ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    deadline = time.time() + PATIENCE_S
    calls = [
        Call(user, ReadCart(), b"", b"", deadline),
        Call(user, AddLine(product, 5), b"a stale copy's", b"", deadline),
    ]
    replies: Any = ray.get_actor(actor).execute.remote(epoch, calls)
    print("sent", flush=True)
    print(json.dumps([_shown(each) for each in ray.get(replies, timeout=PATIENCE_S)]), flush=True)


def _shown(reply: Any) -> Any:
    if isinstance(reply, Cart):
        return [line.quantity for line in reply.lines]
    return type(reply).__name__


if __name__ == "__main__":
    main()
