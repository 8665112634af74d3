"""Two people who changed the same product: what each made of it, field by field."""

from collections.abc import Mapping
from typing import NamedTuple

Texts = Mapping[str, str]


class Difference(NamedTuple):
    """A field in which my version and theirs differ.

    `take_theirs`: only they changed it, so theirs is what is meant.
    """

    name: str
    mine: str
    theirs: str
    take_theirs: bool


def differences(before: Texts, mine: Texts, theirs: Texts) -> list[Difference]:
    """Return where two versions differ that were both made from `before`."""
    return [
        Difference(name, mine[name], theirs[name], mine[name] == before.get(name))
        for name in mine
        if mine[name] != theirs[name]
    ]


def changed(before: Texts, mine: Texts) -> set[str]:
    """Return the fields that I changed; all of them where nothing is known of before."""
    return {name for name, text in mine.items() if text != before.get(name)}
