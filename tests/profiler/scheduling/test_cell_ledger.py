import numpy as np
import pytest

from profiler.scheduling.cell_ledger import CellLedger, no_cells


def test_a_cell_is_in_use_until_its_last_holder_drops_it():
    ledger = CellLedger(8)
    ids = ledger.take(5)
    assert len(set(ids.tolist())) == 5
    ledger.share(ids[:2])
    ledger.drop(ids)
    assert ledger.used == 2
    ledger.drop(ids[:2])
    assert ledger.used == 0


def test_freed_cells_are_given_again_and_none_twice():
    ledger = CellLedger(6)
    first, second = ledger.take(4), ledger.take(2)
    kept = second.tolist()
    ledger.drop(first[1:3])
    again = ledger.take(2)
    assert sorted([*first[[0, 3]].tolist(), *kept, *again.tolist()]) == list(range(6))
    assert second.tolist() == kept, "what was handed out is the holder's own"


def test_more_cells_than_are_free_are_refused():
    ledger = CellLedger(3)
    ledger.take(2)
    with pytest.raises(ValueError, match="2 cells asked for, 1 are free"):
        ledger.take(2)
    assert ledger.used == 2


def test_no_cells_cost_nothing():
    ledger = CellLedger(1)
    ledger.share(no_cells())
    ledger.drop(no_cells())
    assert (ledger.used, len(ledger.take(0))) == (0, 0)
    assert no_cells().dtype == np.int32
