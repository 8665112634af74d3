"""Which host carries which cart: rendezvous hashing.

Each host draws a number for each user and the largest wins, so a change in the number of hosts
moves only the carts that must move. Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme
for Rendezvous", 1996. The mixer is splitmix64's (Steele, Lea and Flood, OOPSLA 2014).
"""

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def _mix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def host_of(user_id: int, hosts: int) -> int:
    """Return the index, from 0 to `hosts - 1`, of the host that carries the cart of a user."""
    if hosts == 1:
        return 0
    seed = _mix(user_id & MASK)
    return max(range(hosts), key=lambda host: _mix(seed ^ (host + 1) * GOLDEN & MASK))
