"""What a cart decides. Pure: time comes in as an argument, nothing is stored here.

A cart is immutable; `decide` returns the next one or refuses. A line's public id packs its
owner and its number in that cart, so whose line it is needs no look-up, and no sequence stands
on the way of an add.
"""

from typing import NamedTuple

from pearshop.errors import Conflict, Invalid, NotFound, Refused

MAX_LINES = 1_000
"""Lines a cart may hold."""
MAX_QUANTITY = 10_000
"""Pieces one line may hold."""
NUMBER_BITS = 24
MAX_NUMBER = (1 << NUMBER_BITS) - 1
"""Lines one cart may ever have had."""
MAX_USER_ID = (1 << (53 - NUMBER_BITS)) - 1
"""Line ids stay below 2**53, the largest integer that a JavaScript client reads exactly."""


def line_id(user_id: int, number: int) -> int:
    """Return the public id of line `number` in the cart of `user_id`."""
    return user_id << NUMBER_BITS | number


def split_line_id(identity: int) -> tuple[int, int]:
    """Return `(user_id, number)` of a public line id."""
    return identity >> NUMBER_BITS, identity & MAX_NUMBER


class CartLine(NamedTuple):
    """One product in a cart. Times are µs since 1970."""

    number: int
    product_id: int
    quantity: int
    created_at: int
    updated_at: int


class Cart(NamedTuple):
    """The cart of one user. `version` counts its saves and is the shell's to raise."""

    user_id: int
    version: int = 0
    next_number: int = 1
    lines: tuple[CartLine, ...] = ()

    def line(self, number: int) -> CartLine:
        """Return the line with that number. Raises `NotFound`."""
        for line in self.lines:
            if line.number == number:
                return line
        raise NotFound("There is no such line in the cart.", "line_unknown")

    def line_of(self, product_id: int) -> CartLine | None:
        """Return the line that holds a product, if any."""
        for line in self.lines:
            if line.product_id == product_id:
                return line
        return None

    def without(self, numbers: frozenset[int]) -> "Cart":
        """Return the cart without those lines."""
        return self._replace(lines=tuple(x for x in self.lines if x.number not in numbers))


def lean(cart: Cart) -> Cart:
    """Return an equal cart that takes 32 bytes less for each line that was never changed.

    Its two times become one number; whoever travelled between processes has two equal ones.
    """
    return cart._replace(
        lines=tuple(
            line._replace(updated_at=line.created_at)
            if line.updated_at == line.created_at
            else line
            for line in cart.lines
        )
    )


class AddLine(NamedTuple):
    """Put a product into the cart, or more of it."""

    product_id: int
    quantity: int


class ChangeLine(NamedTuple):
    """Set a line's quantity, product, or both; `None` leaves as it is."""

    number: int
    quantity: int | None = None
    product_id: int | None = None


class RemoveLine(NamedTuple):
    """Take a line out of the cart."""

    number: int


class AddLines(NamedTuple):
    """Put what another cart held into this one: `(product_id, quantity)` each.

    What a cart cannot hold stays out: pieces beyond `MAX_QUANTITY`, lines beyond `MAX_LINES`.
    """

    lines: tuple[tuple[int, int], ...]


CartCommand = AddLine | ChangeLine | RemoveLine | AddLines


class Decision(NamedTuple):
    """The cart after a command and the line as the command left it (`None`: removed)."""

    cart: Cart
    line: CartLine | None


def decide(cart: Cart, command: CartCommand, now: int) -> Decision:
    """Return what `command` makes of `cart` at `now` (µs since 1970).

    Raises `Refused` where a rule forbids it; the cart is then as it was.
    """
    match command:
        case AddLine():
            return _add(cart, command, now)
        case ChangeLine():
            return _change(cart, command, now)
        case AddLines():
            return _add_all(cart, command, now)
        case RemoveLine():
            cart.line(command.number)
            return Decision(cart.without(frozenset((command.number,))), None)


def _add(cart: Cart, command: AddLine, now: int) -> Decision:
    known = cart.line_of(command.product_id)
    if known is not None:
        _check_quantity(known.quantity + command.quantity, already=known.quantity)
        more = known.quantity + command.quantity
        return _put(cart, known._replace(quantity=more, updated_at=now))
    _check_quantity(command.quantity)
    if len(cart.lines) >= MAX_LINES:
        raise Conflict(
            f"A cart holds at most {MAX_LINES} lines: order or remove some first.", "cart_full"
        )
    if cart.next_number > MAX_NUMBER:
        raise Refused("This cart has used up its line numbers: use another account.", "cart_spent")
    line = CartLine(cart.next_number, command.product_id, command.quantity, now, now)
    after = cart._replace(next_number=cart.next_number + 1, lines=(*cart.lines, line))
    return Decision(after, line)


def _add_all(cart: Cart, command: AddLines, now: int) -> Decision:
    for product_id, quantity in command.lines:
        known = cart.line_of(product_id)
        already = 0 if known is None else known.quantity
        more = min(quantity, MAX_QUANTITY - already)
        if more > 0 and (known is not None or _has_room(cart)):
            cart = _add(cart, AddLine(product_id, more), now).cart
    return Decision(cart, None)


def _has_room(cart: Cart) -> bool:
    return len(cart.lines) < MAX_LINES and cart.next_number <= MAX_NUMBER


def _change(cart: Cart, command: ChangeLine, now: int) -> Decision:
    line = cart.line(command.number)
    quantity = line.quantity if command.quantity is None else command.quantity
    product_id = line.product_id if command.product_id is None else command.product_id
    _check_quantity(quantity)
    other = cart.line_of(product_id)
    if other is not None and other.number != line.number:
        raise Conflict(
            "Another line of the cart holds that product: change that line instead.",
            "product_twice",
            {"order_item_id": line_id(cart.user_id, other.number)},
        )
    return _put(cart, line._replace(quantity=quantity, product_id=product_id, updated_at=now))


def _put(cart: Cart, line: CartLine) -> Decision:
    lines = tuple(line if each.number == line.number else each for each in cart.lines)
    return Decision(cart._replace(lines=lines), line)


def _check_quantity(quantity: int, already: int = 0) -> None:
    if 1 <= quantity <= MAX_QUANTITY:
        return
    problem = f"must be from 1 to {MAX_QUANTITY:,} for each line"
    if already:
        problem += f"; the cart holds {already:,} already"
    raise Invalid.of("quantity", problem + ".")
