"""A small shop day on a real database, done with the shop's own statements, and its record."""

from loadtests.book import Acknowledged, SoldLine
from loadtests.reconcile import take_baseline
from pearshop.db.cart import CartSave, Done, encode, load, save
from pearshop.db.order import PlaceOrder, place
from pearshop.domain.cart import (
    AddLine,
    Cart,
    CartLine,
    ChangeLine,
    RemoveLine,
    decide,
    line_id,
    split_line_id,
)
from pearshop.domain.user import User
from pearshop.errors import Refused
from tests.db.conftest import Rows
from tests.faults.history import (
    Add,
    Answer,
    CartCommand,
    Change,
    History,
    Line,
    Operation,
    Order,
    Read,
    Remove,
    Request,
)
from tests.faults.stored import digest


class Truth:
    """Does one operation after the other and records it, each in a second of its own."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.pears = rows.product(100, stock=10).id
        self.plums = rows.product(7).id
        with rows.engine.connect() as connection:
            self.history = History(take_baseline(connection))
        self.ann, self.bob = rows.user(), rows.user()

    def do(self, user: User, request: Request, *, lose: bool = False) -> Operation:
        """Carry a request out; with `lose`, its answer never arrives."""
        operation = self.note(user, request)
        try:
            answer = self._answer(user, operation.key, request)
        except Refused as refused:
            operation.refuse(refused.code, operation.began + 0.5)
        else:
            if not lose:
                operation.acknowledge(answer, operation.began + 0.5)
        return operation

    def note(self, user: User, request: Request) -> Operation:
        """Record a request that is not carried out, or not yet."""
        number = len(self.history.operations) + 1
        key = f"{user.username}-{number}"
        operation = Operation(user.username, 0, key, request, float(number))
        self.history.operations.append(operation)
        return operation

    def cart(self, user: User) -> Cart:
        """Return a cart as it is stored."""
        return self._rows.run(load, [user.id], []).carts.get(user.id) or Cart(user.id)

    def lines(self, user: User) -> dict[int, Line]:
        """Return a stored cart as the shop would answer it."""
        return {line.id: line for line in (_line(user, x) for x in self.cart(user).lines)}

    def read_cart(self, username: str) -> dict[int, Line]:
        """Read the cart of one of the two over HTTP, as it were."""
        return self.lines(next(x for x in (self.ann, self.bob) if x.username == username))

    def _answer(self, user: User, key: str, request: Request) -> Answer:
        match request:
            case Add() | Change() | Remove():
                line = self._command(user, key, request)
                return _line(user, line) if line else None
            case Order():
                return self._order(user, key, request)
            case _:
                return tuple(self.lines(user).values())

    def _command(self, user: User, key: str, request: CartCommand) -> CartLine | None:
        before = self.cart(user)
        cart, line = _decide(before, request)
        stored = Cart(user.id, before.version + 1, cart.next_number, cart.lines)
        saves = [encode(CartSave(stored, (Done(digest(key), b"", line),)))]
        assert self._rows.run(save, self._rows.grant, saves) == {user.id}
        return line

    def _order(self, user: User, key: str, request: Order) -> Acknowledged:
        numbers = tuple(split_line_id(each)[1] for each in request.line_ids)
        wish = PlaceOrder(user.id, user.username, digest(key), b"", numbers, request.address)
        [result] = self._rows.run(place, self._rows.grant, [wish]) or []
        if isinstance(result, Refused):
            raise result
        order = result.order
        lines = tuple(SoldLine(x.id, x.product_id, x.quantity, x.price) for x in order.lines)
        return Acknowledged(order.id, user.username, order.total_price, lines)


def a_day(rows: Rows) -> Truth:
    """Return a day with everything in it: ann keeps two lines, bob one, of two adds."""
    truth = Truth(rows)
    ann, bob, pears, plums = truth.ann, truth.bob, truth.pears, truth.plums
    first, second, third = (line_id(ann.id, number) for number in (1, 2, 3))
    truth.do(ann, Add(pears, 2))
    truth.do(ann, Add(pears, 3))
    truth.do(ann, Add(plums, 1))
    truth.do(ann, Order((first, second), "1 Pear St"))
    truth.do(ann, Change(first, 9))
    truth.do(ann, Add(pears, 4))
    truth.do(ann, Change(third, 5))
    truth.do(ann, Change(third, 6))
    truth.do(ann, Add(plums, 2), lose=True)
    truth.note(ann, Add(plums, 50))
    truth.do(ann, Read())
    mine = line_id(bob.id, 1)
    truth.do(bob, Add(pears, 99))
    truth.do(bob, Order((mine,), "2 Pear St"))
    truth.do(bob, Remove(mine))
    truth.do(bob, Add(plums, 3))
    truth.do(bob, Order((mine + 1,), "3 Pear St"), lose=True)
    truth.do(bob, Add(plums, 4))
    truth.do(bob, Add(plums, 4))
    return truth


def _decide(cart: Cart, request: CartCommand) -> tuple[Cart, CartLine | None]:
    match request:
        case Add(product_id, quantity):
            decision = decide(cart, AddLine(product_id, quantity), 1)
        case Change(line, quantity, product_id):
            decision = decide(cart, ChangeLine(split_line_id(line)[1], quantity, product_id), 1)
        case Remove(line):
            decision = decide(cart, RemoveLine(split_line_id(line)[1]), 1)
    return decision.cart, decision.line


def _line(user: User, line: CartLine) -> Line:
    return Line(line_id(user.id, line.number), line.product_id, line.quantity)
