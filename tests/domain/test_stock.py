"""The stock ledger against a plain model: a list of single pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pearshop.domain.stock import StockLedger

LEFT = st.dictionaries(st.integers(1, 4), st.integers(0, 12) | st.none(), min_size=1)


@given(LEFT, st.data())
def test_the_ledger_hands_out_what_is_there_and_no_more(
    left: dict[int, int | None], data: st.DataObject
) -> None:
    ledger = StockLedger(left)
    pieces = [product for product, count in left.items() for _ in range(count or 0)]
    wants = st.dictionaries(st.sampled_from(sorted(left)), st.integers(1, 6), min_size=1)
    for wanted in data.draw(st.lists(wants, max_size=12)):
        counted = {p: n for p, n in wanted.items() if left[p] is not None}
        short = {p: pieces.count(p) for p, n in counted.items() if pieces.count(p) < n}
        assert ledger.shortages(wanted) == short
        if short:
            with pytest.raises(ValueError, match="stock"):
                ledger.take(wanted)
        else:
            ledger.take(wanted)
            for product, count in counted.items():
                for _ in range(count):
                    pieces.remove(product)
        assert ledger.left == {product: pieces.count(product) for product in ledger.taken}
        for product, held in left.items():
            if held is not None:
                assert ledger.taken.get(product, 0) + pieces.count(product) == held


def test_products_that_are_not_counted_never_run_out() -> None:
    ledger = StockLedger({1: None})
    ledger.take({1: 1_000_000})
    assert ledger.taken == {}
