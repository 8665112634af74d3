"""`Cart` against a plain model: a dict from product to quantity."""

import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pearshop.domain.cart import (
    MAX_LINES,
    MAX_NUMBER,
    MAX_QUANTITY,
    MAX_USER_ID,
    AddLine,
    AddLines,
    Cart,
    CartCommand,
    CartLine,
    ChangeLine,
    RemoveLine,
    decide,
    lean,
    line_id,
    split_line_id,
)
from pearshop.errors import Conflict, Invalid, NotFound, Refused

PRODUCTS = st.integers(1, 6)
QUANTITIES = st.integers(-2, MAX_QUANTITY + 2) | st.integers(1, 5)
COMMANDS = st.one_of(
    st.builds(AddLine, PRODUCTS, QUANTITIES),
    st.builds(ChangeLine, st.integers(1, 12), QUANTITIES | st.none(), PRODUCTS | st.none()),
    st.builds(RemoveLine, st.integers(1, 12)),
    st.builds(
        AddLines, st.lists(st.tuples(PRODUCTS, st.integers(1, MAX_QUANTITY)), max_size=4).map(tuple)
    ),
)


class Model:
    """What a cart should hold, kept in the plainest way: number -> [product, quantity]."""

    def __init__(self) -> None:
        self.lines: dict[int, list[int]] = {}
        self.numbers = 0

    def apply(self, command: CartCommand) -> bool:
        """Apply a command; tell whether the rules allow it."""
        match command:
            case AddLine(product, quantity):
                return self._add(product, quantity)
            case ChangeLine(number, quantity, product):
                return self._change(number, quantity, product)
            case RemoveLine(number):
                return self.lines.pop(number, None) is not None
            case AddLines(lines):
                for product, quantity in lines:
                    held = sum(line[1] for line in self.lines.values() if line[0] == product)
                    if room := min(quantity, MAX_QUANTITY - held):
                        self._add(product, room)
                return True

    def _add(self, product: int, quantity: int) -> bool:
        for line in self.lines.values():
            if line[0] == product:
                allowed = 1 <= line[1] + quantity <= MAX_QUANTITY
                line[1] += quantity * allowed
                return allowed
        if not 1 <= quantity <= MAX_QUANTITY:
            return False
        self.numbers += 1
        self.lines[self.numbers] = [product, quantity]
        return True

    def _change(self, number: int, quantity: int | None, product: int | None) -> bool:
        if number not in self.lines:
            return False
        wanted = product or self.lines[number][0]
        count = self.lines[number][1] if quantity is None else quantity
        others = {line[0] for n, line in self.lines.items() if n != number}
        if wanted in others or not 1 <= count <= MAX_QUANTITY:
            return False
        self.lines[number] = [wanted, count]
        return True


@given(st.lists(COMMANDS, max_size=60))
def test_a_cart_does_what_the_plain_model_does(commands: list[CartCommand]) -> None:
    cart, model = Cart(user_id=7), Model()
    for now, command in enumerate(commands):
        before = cart
        try:
            cart = decide(cart, command, now).cart
            allowed = True
        except Refused:
            allowed = False
            assert cart is before
        assert allowed == model.apply(command)
        held = {line.number: [line.product_id, line.quantity] for line in cart.lines}
        assert held == model.lines


@given(st.lists(COMMANDS, max_size=40))
def test_invariants_hold_after_any_commands(commands: list[CartCommand]) -> None:
    cart = Cart(user_id=7)
    for now, command in enumerate(commands):
        try:
            decision = decide(cart, command, now)
        except Refused:
            continue
        cart = decision.cart
        assert decision.line is None or decision.line in cart.lines
        numbers = [line.number for line in cart.lines]
        assert len(set(numbers)) == len(numbers)
        assert all(number < cart.next_number for number in numbers)
        assert len({line.product_id for line in cart.lines}) == len(cart.lines)
        assert all(line.created_at <= line.updated_at <= now for line in cart.lines)


@given(st.integers(1, MAX_USER_ID), st.integers(1, MAX_NUMBER))
def test_a_line_id_tells_owner_and_number_and_fits_javascript(user: int, number: int) -> None:
    identity = line_id(user, number)
    assert split_line_id(identity) == (user, number)
    assert identity < 1 << 53


def test_adding_a_product_again_raises_its_line() -> None:
    first = decide(Cart(1), AddLine(5, 2), 10)
    second = decide(first.cart, AddLine(5, 3), 20)
    assert second.line is not None
    assert first.line is not None
    assert second.line.number == first.line.number
    assert (second.line.quantity, second.line.created_at, second.line.updated_at) == (5, 10, 20)


def test_numbers_are_never_used_again() -> None:
    cart = decide(Cart(1), AddLine(5, 1), 0).cart
    cart = decide(cart, RemoveLine(1), 1).cart
    line = decide(cart, AddLine(5, 1), 2).line
    assert line is not None
    assert line.number == 2


@pytest.mark.parametrize("quantity", [0, -1, MAX_QUANTITY + 1])
def test_quantities_out_of_bounds_are_refused(quantity: int) -> None:
    with pytest.raises(Invalid, match="quantity"):
        decide(Cart(1), AddLine(5, quantity), 0)


def test_a_sum_out_of_bounds_says_what_the_cart_holds() -> None:
    cart = decide(Cart(1), AddLine(5, MAX_QUANTITY), 0).cart
    with pytest.raises(Invalid, match="holds 10,000 already"):
        decide(cart, AddLine(5, 1), 1)


def _full() -> Cart:
    cart = Cart(1)
    for product in range(1, MAX_LINES + 1):
        cart = decide(cart, AddLine(product, 1), 0).cart
    return cart


@pytest.mark.parametrize(
    ("make", "command", "code"),
    [
        (_full, AddLine(MAX_LINES + 1, 1), "cart_full"),
        (lambda: Cart(1, next_number=MAX_NUMBER + 1), AddLine(1, 1), "cart_spent"),
    ],
)
def test_a_cart_has_its_bounds(make: Callable[[], Cart], command: CartCommand, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        decide(make(), command, 0)
    assert refusal.value.code == code


def test_a_line_cannot_become_a_product_that_another_line_holds() -> None:
    cart = decide(decide(Cart(1), AddLine(5, 1), 0).cart, AddLine(6, 1), 0).cart
    with pytest.raises(Conflict) as refusal:
        decide(cart, ChangeLine(1, product_id=6), 1)
    assert refusal.value.extra == {"order_item_id": line_id(1, 2)}


@pytest.mark.parametrize("command", [ChangeLine(9, 1), RemoveLine(9)])
def test_unknown_lines_are_not_found(command: CartCommand) -> None:
    with pytest.raises(NotFound):
        decide(Cart(1), command, 0)


def test_a_cart_that_came_from_another_process_keeps_one_of_two_equal_times() -> None:
    then = 1_790_000_000_000_000
    cart = Cart(1, 1, 3, (CartLine(1, 7, 2, then, then), CartLine(2, 8, 2, then, then + 1)))
    came = pickle.loads(pickle.dumps(cart))
    assert came.lines[0].created_at is not came.lines[0].updated_at
    assert lean(came) == cart
    assert lean(came).lines[0].created_at is lean(came).lines[0].updated_at
