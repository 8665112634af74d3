"""Password hashing."""

import asyncio

import pytest

from pearshop.errors import Unavailable
from pearshop.http.passwords import QUEUE_PER_THREAD, Passwords


async def test_a_hash_is_argon2id_and_checks() -> None:
    passwords = Passwords(1)
    made = await passwords.hash("secret word")
    assert made.startswith("$argon2id$")
    assert await passwords.check(made, "secret word")
    assert not await passwords.check(made, "another word")


@pytest.mark.parametrize("stored", [None, "not a hash"])
async def test_unknown_users_and_broken_hashes_are_wrong(stored: str | None) -> None:
    assert not await Passwords(1).check(stored, "nobody's password")


async def test_only_so_many_may_wait() -> None:
    passwords = Passwords(1)
    results = await asyncio.gather(
        *(passwords.hash("x") for _ in range(QUEUE_PER_THREAD + 3)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 2
    assert await passwords.hash("x")
