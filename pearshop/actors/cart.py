"""The cart actor: one user's cart in memory, its mailbox, and one command at a time."""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pearshop.actors.messages import Answer, Call, LineChanged, Moved, ReadCart, Reply, Unchanged
from pearshop.db.cart import CartSave, Done
from pearshop.db.order import PlaceOrder, key_reused
from pearshop.domain.cart import Cart, CartCommand, decide
from pearshop.errors import Refused, Unavailable

ATTEMPTS = 4
"""Runs of one command before its caller is told to come back."""
RUN_LENGTH = 32
"""Commands of one cart that may share a turn, so that no cart holds up its neighbours."""


@dataclass(eq=False, slots=True)
class Pending:
    """A call that waits for its answer. `doubt`: an earlier run may have been carried out."""

    call: Call
    reply: "asyncio.Future[Reply]"
    attempts: int = 0
    doubt: bool = False
    checked: bool = False
    """The key was looked up: this is no repeat of a command carried out before."""
    early: bool = False
    """It waited already when the cart was last asked for: what was found answers it."""

    def answer(self, reply: Reply) -> None:
        """Answer once; later answers and answers to those who left are dropped."""
        if not self.reply.done():
            self.reply.set_result(reply)

    def fail(self, detail: str) -> None:
        """Answer that the shop could not do it in time."""
        self.answer(Unavailable(detail, unknown=self.doubt))


@dataclass(slots=True)
class Turn:
    """A run of commands tried on a cart, with what each will be told once it is saved."""

    base: Cart
    after: Cart
    taken: list[Pending] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    done: dict[bytes, Done] = field(default_factory=dict)

    @property
    def save(self) -> CartSave:
        """What must be stored before anyone is answered."""
        after = self.after._replace(version=self.base.version + 1)
        return CartSave(after, tuple(self.done.values()))


class CartActor:
    """The live cart of one user. It decides; its host loads, saves and answers."""

    __slots__ = ("busy", "cart", "fence", "in_hand", "unsure", "used_at", "user_id", "waiting")

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.cart: Cart | None = None
        self.fence = -1
        """The lease's fence when the copy was last known to be the stored one."""
        self.unsure = False
        """The next command looks refused; its key must be looked up before it is told so."""
        self.used_at = 0.0
        self.busy = False
        self.waiting: deque[Pending] | None = None
        self.in_hand: list[Pending] = []
        """Taken out of the mailbox, not yet answered."""

    def receive(self, pending: Pending) -> None:
        """Put a call into the mailbox."""
        if self.waiting is None:
            self.waiting = deque()
        self.waiting.append(pending)

    @property
    def head(self) -> Pending | None:
        """The call whose turn it is."""
        return self.waiting[0] if self.waiting else None

    def answer_reads(self, *, early_only: bool = False) -> None:
        """Answer the reads whose turn it is from the copy in memory."""
        while self.cart is not None and (head := self.head) and _is_read(head):
            if early_only and not head.early:
                break
            self.pop().answer(_read(head, self.cart))

    def pop(self) -> Pending:
        """Take the call whose turn it is out of the mailbox."""
        assert self.waiting
        pending = self.waiting.popleft()
        if not self.waiting:
            self.waiting = None
        return pending

    def command_keys(self) -> list[bytes]:
        """Return the keys of the cart commands that wait."""
        return [p.call.key for p in self.waiting or () if not _is_read(p)]

    def answer_known(
        self, known: Mapping[tuple[int, bytes], Done], asked: Collection[tuple[int, bytes]]
    ) -> None:
        """Answer the commands that turn out to have been carried out before.

        `asked`: the keys that were looked up; a call that came meanwhile is not among them.
        """
        rest = deque(p for p in self.waiting or () if not self._answer_if_known(p, known))
        for pending in rest:
            pending.checked = (self.user_id, pending.call.key) in asked
        self.unsure = False
        self.waiting = rest or None

    def _answer_if_known(self, pending: Pending, known: Mapping[tuple[int, bytes], Done]) -> bool:
        done = known.get((self.user_id, pending.call.key))
        if done is None or isinstance(pending.call.request, PlaceOrder):
            return False
        pending.answer(_repeat_of(done, pending.call))
        return True

    def uncheck(self) -> None:
        """Commands were carried out since the keys of those that wait were looked up."""
        for pending in self.waiting or ():
            pending.checked = False

    def take_turn(self, now: int, clock: float) -> Turn:
        """Try the next commands on the cart. `now`: µs since 1970; `clock`: s since 1970."""
        assert self.cart is not None
        turn = Turn(self.cart, self.cart)
        while len(turn.taken) < RUN_LENGTH and (head := self.head) and _is_command(head):
            if head.call.deadline <= clock:
                self.pop().fail("It took too long: the shop is busy.")
                continue
            reply = _try(turn, head.call, now)
            if isinstance(reply, Refused) and not head.checked:
                self.unsure = True
                break
            turn.taken.append(self.pop())
            turn.replies.append(reply)
        self.in_hand = turn.taken
        return turn

    def put_back(self, pendings: list[Pending], *, doubt: bool) -> None:
        """Forget the copy; the commands run again, in their order, on what is stored."""
        self.cart = None
        for pending in reversed(pendings):
            pending.attempts += 1
            pending.doubt = pending.doubt or doubt
            if pending.attempts >= ATTEMPTS:
                pending.fail("The cart could not be stored in several tries.")
            else:
                self.waiting = self.waiting or deque()
                self.waiting.appendleft(pending)

    def fail_all(self, detail: str) -> None:
        """Answer all who wait that it cannot be done now, and forget the copy."""
        self.cart = None
        for pending in self.in_hand:
            pending.doubt = True
            pending.fail(detail)
        while self.waiting:
            self.pop().fail(detail)

    def send_away(self) -> None:
        """Answer all who wait that another host carries the cart, and forget the copy."""
        self.cart = None
        while self.waiting:
            pending = self.pop()
            pending.answer(Moved(pending.doubt))


def _try(turn: Turn, call: Call, now: int) -> Reply:
    before = turn.done.get(call.key)
    if before is not None:
        return _repeat_of(before, call)
    request = call.request
    assert isinstance(request, CartCommand)
    try:
        decision = decide(turn.after, request, now)
    except Refused as refusal:
        return refusal
    turn.after = decision.cart
    turn.done[call.key] = Done(call.key, call.fingerprint, decision.line)
    return LineChanged(decision.line)


def _repeat_of(done: Done, call: Call) -> Answer | Refused:
    if done.fingerprint != call.fingerprint:
        return key_reused()
    return LineChanged(done.line, repeated=True)


def _read(pending: Pending, cart: Cart) -> Answer:
    request = pending.call.request
    assert isinstance(request, ReadCart)
    return Unchanged() if request.known == cart.version else cart


def _is_read(pending: Pending) -> bool:
    return isinstance(pending.call.request, ReadCart)


def _is_command(pending: Pending) -> bool:
    return isinstance(pending.call.request, CartCommand)
