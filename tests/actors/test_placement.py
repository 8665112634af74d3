"""Rendezvous placement."""

from collections import Counter

from pearshop.actors.placement import host_of

USERS = range(1, 20_001)


def test_every_host_carries_its_share() -> None:
    shares = Counter(host_of(user, 5) for user in USERS)
    assert set(shares) == set(range(5))
    assert all(abs(count - 4_000) < 400 for count in shares.values())


def test_one_more_host_takes_only_what_becomes_its_own() -> None:
    moved = [user for user in USERS if host_of(user, 4) != host_of(user, 5)]
    assert all(host_of(user, 5) == 4 for user in moved)
    assert abs(len(moved) - 4_000) < 400


def test_one_host_less_moves_only_the_carts_that_it_carried() -> None:
    for user in USERS:
        if host_of(user, 5) != 4:
            assert host_of(user, 4) == host_of(user, 5)
