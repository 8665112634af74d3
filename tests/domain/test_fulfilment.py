"""How orders move on."""

import itertools

import pytest

from pearshop.domain.fulfilment import NEXT, Status, move
from pearshop.errors import Conflict

STAFF_MOVES = {
    ("placed", "packed"),
    ("placed", "cancelled"),
    ("packed", "shipped"),
    ("packed", "cancelled"),
    ("shipped", "delivered"),
}
PAIRS = list(itertools.permutations(Status, 2))


@pytest.mark.parametrize(("status", "wanted"), PAIRS)
def test_staff_move_an_order_on_step_by_step(status: Status, wanted: Status) -> None:
    if (status, wanted) in STAFF_MOVES:
        assert move(status, wanted)
        return
    with pytest.raises(Conflict) as refused:
        move(status, wanted)
    assert refused.value.extra == {"order_status": status, "possible": list(NEXT[status])}
    assert all(each in refused.value.detail for each in (status, wanted, *NEXT[status]))


@pytest.mark.parametrize(("status", "wanted"), PAIRS)
def test_its_owner_may_only_cancel_it_while_it_is_placed(status: Status, wanted: Status) -> None:
    if (status, wanted) == ("placed", "cancelled"):
        assert move(status, wanted, by_staff=False)
        return
    with pytest.raises(Conflict):
        move(status, wanted, by_staff=False)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("by_staff", [True, False])
def test_where_it_is_already_it_need_not_be_moved(status: Status, by_staff: bool) -> None:
    assert not move(status, status, by_staff=by_staff)
