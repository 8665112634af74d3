"""Random histories of a cart of the shop's own code, and every order of them tried."""

import math
import random
from collections.abc import Sequence

from loadtests.book import Acknowledged, SoldLine
from pearshop.domain.cart import AddLine, Cart, ChangeLine, RemoveLine, decide, line_id
from pearshop.errors import Refused
from tests.faults.history import (
    Add,
    Answer,
    Change,
    Line,
    Operation,
    Order,
    Outcome,
    Read,
    Remove,
    Request,
)

OWNER = 7


def op(request: Request, began: float, ended: float | None, answer: Answer | str) -> Operation:
    """An operation; a word for an answer is the code of a refusal."""
    operation = Operation("ann", 0, f"key-{began}", request, began)
    if ended is not None and isinstance(answer, str):
        operation.refuse(answer, ended)
    elif ended is not None and not isinstance(answer, str):
        operation.acknowledge(answer, ended)
    return operation


def placed(*lines: Line) -> Acknowledged:
    """The answer to an order of those lines."""
    return Acknowledged(1, "ann", 0, tuple(SoldLine(*line, price=1) for line in lines))


class Simulation:
    """A cart of the shop's own code, and random operations on it with their true answers."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.cart = Cart(OWNER)

    def history(self, size: int, spread: float, losses: float) -> list[Operation]:
        """Operation `n` takes effect at time `n`, within `spread` of which it begins and ends."""
        choose = self.choose
        operations = []
        for at in range(size):
            request = self.request()
            before = self.cart
            answer = self.answer(request)
            fate = choose.random()
            ended: float | None = at + choose.random() * spread
            if fate < losses and not isinstance(request, Read):
                ended = None
                self.cart = before if fate < losses / 2 else self.cart
            operations.append(op(request, at - choose.random() * spread, ended, answer))
        choose.shuffle(operations)
        return operations

    def request(self) -> Request:
        """Return any request; it may well be refused."""
        choose = self.choose
        lines = [line_id(OWNER, max(1, self.cart.next_number - back)) for back in range(4)]
        match choose.randrange(6):
            case 0 | 1:
                return Add(choose.randint(1, 3), choose.randint(1, 3))
            case 2:
                product = choose.choice([None, 1, 2, 3])
                return Change(choose.choice(lines), choose.randint(1, 3), product)
            case 3:
                return Remove(choose.choice(lines))
            case 4:
                return Order(tuple(choose.sample(sorted(set(lines)), 1)), "Here")
            case _:
                return Read()

    def answer(self, request: Request) -> Answer | str:
        """Carry a request out and return its answer, or the code of its refusal."""
        if (
            isinstance(request, Order)
            and self.choose.random() < 0.2
            and carry_out(self.cart, request)
        ):
            return "out_of_stock"
        self.cart, answer = carry_out(self.cart, request) or (
            self.cart,
            refusal(self.cart, request),
        )
        return answer


def carry_out(cart: Cart, request: Request) -> tuple[Cart, Answer] | None:
    """Return the cart after a request and its answer, as the shop decides; `None`: refused."""
    if isinstance(request, Read):
        return cart, lines_of(cart)
    if isinstance(request, Order):
        numbers = {each - line_id(OWNER, 0) for each in request.line_ids}
        taken = cart._replace(lines=tuple(x for x in cart.lines if x.number in numbers))
        if len(taken.lines) < len(numbers):
            return None
        return cart.without(frozenset(numbers)), placed(*lines_of(taken))
    try:
        decision = decide(cart, command_of(request), 0)
    except Refused:
        return None
    if decision.line is None:
        return decision.cart, None
    [line] = lines_of(cart._replace(lines=(decision.line,)))
    return decision.cart, line


def refusal(cart: Cart, request: Request) -> str:
    """Return the code with which the shop refuses a request."""
    if isinstance(request, Order):
        return "line_unknown"
    try:
        decide(cart, command_of(request), 0)
    except Refused as refused:
        return refused.code
    raise AssertionError(f"{request} is not refused")


def command_of(request: Request) -> AddLine | ChangeLine | RemoveLine:
    """Return a request in the shop's own words."""
    match request:
        case Add(product, quantity):
            return AddLine(product, quantity)
        case Change(line, quantity, product):
            return ChangeLine(line - line_id(OWNER, 0), quantity, product)
        case Remove(line):
            return RemoveLine(line - line_id(OWNER, 0))
        case _:
            raise AssertionError(request)


def lines_of(cart: Cart) -> tuple[Line, ...]:
    """Return a cart's lines as they are answered."""
    return tuple(Line(line_id(OWNER, x.number), x.product_id, x.quantity) for x in cart.lines)


def explains(operations: Sequence[Operation], cart: Cart | None = None) -> bool:
    """Try every order that keeps what ended before something else began."""
    cart = cart or Cart(OWNER)
    if all(each.outcome is Outcome.UNKNOWN for each in operations):
        return True
    first_end = min(math.inf if each.ended is None else each.ended for each in operations)
    for index, operation in enumerate(operations):
        after = follow(cart, operation) if operation.began <= first_end else None
        if after and explains([*operations[:index], *operations[index + 1 :]], after):
            return True
    return False


def follow(cart: Cart, operation: Operation) -> Cart | None:
    """Return the cart after an operation, or `None` where its answer does not fit."""
    done = carry_out(cart, operation.request)
    if operation.outcome is Outcome.REFUSED:
        if operation.code == "out_of_stock":
            return cart if done else None
        return cart if not done and refusal(cart, operation.request) == operation.code else None
    if done is None:
        return None
    after, answer = done
    return after if operation.outcome is Outcome.UNKNOWN or answer == operation.answer else None


def mutate(history: list[Operation], choose: random.Random) -> None:
    """Swap two answers of a kind, shift a quantity, or move an operation in time."""
    one, other = choose.choices(history, k=2)
    match choose.randrange(3):
        case 0 if type(one.request) is type(other.request) and one.outcome is other.outcome:
            one.answer, other.answer = other.answer, one.answer
        case 1 if isinstance(one.answer, Line):
            one.answer = one.answer._replace(quantity=one.answer.quantity + choose.choice([-1, 1]))
        case _ if one.ended is not None:
            shift = choose.uniform(-3, 3)
            one.began, one.ended = one.began + shift, one.ended + shift
