"""Which layer a moment belongs to."""

from loadtests.flames import REST, Profile, shares, table

SERVE = "call (ray/serve/_private/replica.py:1)"
ENDPOINT = "add_line (pearshop/http/routers/cart.py:2)"
CHANNEL = "call (pearshop/actors/channel.py:3)"
LIBRARY = "dumps (json/encoder.py:4)"


def test_a_moment_belongs_to_the_innermost_layer_that_is_known() -> None:
    raw = "\n".join(
        (
            f"{SERVE} 1",
            f"{SERVE};{ENDPOINT} 2",
            f"{SERVE};{ENDPOINT};{LIBRARY} 3",
            f"{SERVE};{ENDPOINT};{CHANNEL} 3",
            f"{LIBRARY} 1",
        )
    )
    assert shares(raw) == {
        "endpoints": 0.5,
        "calls between processes": 0.3,
        "Ray and Ray Serve": 0.1,
        REST: 0.1,
    }


def test_the_table_leaves_out_what_is_next_to_nothing() -> None:
    profile = Profile("add to cart", "Api replicas", {"endpoints": 0.995, REST: 0.005}, 0.4)
    assert table([profile]).rows == [("add to cart", "Api replicas", "40%", "endpoints", "100%")]
