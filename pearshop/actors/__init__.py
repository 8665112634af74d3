"""Cart actors: the per-user cart, the hosts that carry them, placement and batched calls."""
