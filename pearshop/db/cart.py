"""Carts as rows, and the two statements that cart hosts live on: load and save."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, text

from pearshop.db.execute import single_statement
from pearshop.db.placement import GRANT_TYPES, GRANTED, SHARE, Grant
from pearshop.db.prepared import Prepared
from pearshop.domain.cart import Cart, CartLine, line_id, split_line_id


class Done(NamedTuple):
    """A command that was carried out: its key, what it asked, and the line as it left it."""

    key: bytes
    fingerprint: bytes
    line: CartLine | None


class CartSave(NamedTuple):
    """A cart to store as version `cart.version`, with the commands that made it of the last."""

    cart: Cart
    commands: tuple[Done, ...]


class EncodedSave(NamedTuple):
    """A `CartSave` as it travels to the database: text and bytes, which pickle fast.

    A cart of 15 lines costs 0.2 ms to pickle and unpickle as objects; it is saved for every add.
    """

    user_id: int
    version: int
    next_number: int
    lines: str
    commands: list[tuple[bytes, bytes, str | None]]


def encode(save: CartSave) -> EncodedSave:
    """Return the form in which `save` takes a cart."""
    cart = save.cart
    commands = [(done.key, done.fingerprint, _encode_line(done.line)) for done in save.commands]
    return EncodedSave(
        cart.user_id, cart.version, cart.next_number, encode_lines(cart.lines), commands
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """Carts as stored (a user without a row is absent) and known commands, by user and key."""

    carts: dict[int, Cart] = field(default_factory=dict)
    commands: dict[tuple[int, bytes], Done] = field(default_factory=dict)


LOAD = Prepared(
    "load_carts",
    {"users": "bigint[]", "key_users": "bigint[]", "keys": "bytea[]"},
    """
SELECT user_id, version, next_number, lines, NULL::bytea, NULL::bytea FROM carts
WHERE user_id = ANY(:users)
UNION ALL
SELECT k.user_id, NULL, NULL, k.line, k.key, k.fingerprint
FROM unnest(:key_users, :keys) AS wanted(user_id, key)
CROSS JOIN LATERAL (
  SELECT * FROM cart_commands c WHERE c.user_id = wanted.user_id AND c.key = wanted.key LIMIT 1
) k
""",
)

SAVE = Prepared(
    "save_carts",
    {
        "command_users": "bigint[]",
        "keys": "bytea[]",
        "fingerprints": "bytea[]",
        "command_lines": "text[]",
        "users": "bigint[]",
        "versions": "bigint[]",
        "nexts": "int[]",
        "lines": "text[]",
        **GRANT_TYPES,
    },
    f"""
WITH commands AS (
  SELECT t.*, (
    SELECT true FROM cart_commands k WHERE k.user_id = t.user_id AND k.key = t.key
  ) AS known
  FROM unnest(:command_users, :keys, :fingerprints, :command_lines)
    AS t(user_id, key, fingerprint, line)
), saved AS (
  INSERT INTO carts AS c (user_id, version, next_number, lines, updated_at)
  SELECT i.user_id, i.version, i.next_number, i.lines::jsonb, now()
  FROM unnest(:users, :versions, :nexts, :lines) AS i(user_id, version, next_number, lines)
  WHERE {GRANTED}
    AND NOT EXISTS (SELECT 1 FROM commands n WHERE n.user_id = i.user_id AND n.known)
    AND (SELECT true FROM users u WHERE u.id = i.user_id)
  ORDER BY i.user_id
  ON CONFLICT (user_id) DO UPDATE
  SET version = excluded.version, next_number = excluded.next_number,
      lines = excluded.lines, updated_at = excluded.updated_at
  WHERE c.version = excluded.version - 1
  RETURNING user_id
), kept AS (
  INSERT INTO cart_commands (user_id, key, fingerprint, line)
  SELECT n.user_id, n.key, n.fingerprint, n.line::jsonb
  FROM commands n JOIN saved USING (user_id)
)
SELECT user_id FROM saved
""",  # noqa: S608 - made of constants
    before=SHARE,
)

COUNT_LINES = text("SELECT COALESCE(sum(jsonb_array_length(lines)), 0) FROM carts")

LINES_OF_ALL = text("""
SELECT c.user_id, u.username, c.lines
FROM carts c JOIN users u ON u.id = c.user_id
WHERE c.user_id <= :last AND c.lines <> '[]'::jsonb
ORDER BY c.user_id DESC LIMIT :limit
""")


@single_statement
def load(connection: Connection, users: Sequence[int], keys: Sequence[tuple[int, bytes]]) -> Loaded:
    """Return the carts of `users`, and which of the `(user, key)` pairs were carried out."""
    loaded = Loaded()
    rows = LOAD.execute(
        connection,
        {
            "users": list(users),
            "key_users": [user for user, _ in keys],
            "keys": [key for _, key in keys],
        },
    )
    for user_id, version, next_number, lines, key, fingerprint in rows:
        if key is None:
            loaded.carts[user_id] = Cart(user_id, version, next_number, decode_lines(lines))
        else:
            line = None if lines is None else CartLine(*lines)
            loaded.commands[user_id, bytes(key)] = Done(bytes(key), bytes(fingerprint), line)
    return loaded


@single_statement
def save(connection: Connection, grant: Grant, saves: Sequence[EncodedSave]) -> frozenset[int]:
    """Store carts, each only upon the version before its own and only if its keys are new.

    One round trip and one commit for them all. Returns the users whose carts were stored; the
    others' rows are as they were: their copy was stale, a command had been carried out before, or
    the grant is over.
    """
    commands = [(each.user_id, *command) for each in saves for command in each.commands]
    rows = SAVE.execute(
        connection,
        {
            **grant.parameters(),
            "users": [each.user_id for each in saves],
            "versions": [each.version for each in saves],
            "nexts": [each.next_number for each in saves],
            "lines": [each.lines for each in saves],
            "command_users": [command[0] for command in commands],
            "keys": [command[1] for command in commands],
            "fingerprints": [command[2] for command in commands],
            "command_lines": [command[3] for command in commands],
        },
    )
    return frozenset(row[0] for row in rows)


@single_statement
def lines_of_all(
    connection: Connection, limit: int, before: int | None
) -> list[tuple[int, str, CartLine]]:
    """Return up to `limit` lines of all carts, `(user_id, username, line)`, largest id first.

    `before` is the id of the last line of the page before.
    """
    last, number = split_line_id(before - 1) if before else (1 << 62, 1 << 62)
    found = [
        (user_id, username, line)
        for user_id, username, lines in connection.execute(
            LINES_OF_ALL, {"last": last, "limit": limit + 1}
        )
        for line in decode_lines(lines)
        if user_id != last or line.number <= number
    ]
    found.sort(key=lambda each: -line_id(each[0], each[2].number))
    return found[:limit]


@single_statement
def count_lines(connection: Connection) -> int:
    """Return how many lines all carts have."""
    return int(connection.execute(COUNT_LINES).scalar_one())


def decode_lines(lines: list[list[int]]) -> tuple[CartLine, ...]:
    """Return lines of the stored form."""
    return tuple(CartLine(*line) for line in lines)


def encode_lines(lines: Sequence[CartLine]) -> str:
    """Return the stored form of lines."""
    return orjson.dumps([tuple(line) for line in lines]).decode()


def _encode_line(line: CartLine | None) -> str | None:
    return None if line is None else orjson.dumps(tuple(line)).decode()
