"""Whole sessions of one plan, recorded at different times on one machine: nothing differs, so few may be called different."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from profiler.analysis.comparison.comparison import EXPLORED, compare
from profiler.analysis.comparison.matching import match_cells
from profiler.analysis.comparison.result import Options, Side
from profiler.analysis.comparison.within_session import paired_shift
from profiler.hardware import session_spread
from tests.helpers.recorded_figures import recorded_session

FILES = sorted((Path(__file__).parent / "recorded").glob("*.json"))
MOST_DIFFERENT = 17 / 200

pytestmark = pytest.mark.skipif(len(FILES) < 6, reason=f"{len(FILES)} sessions are recorded; six are needed")


@pytest.fixture(scope="module")
def sessions():
    return [recorded_session(path) for path in FILES]


def figures_of(cell):
    """The figures of `EXPLORED` that every repetition has."""
    return [name for name in EXPLORED if cell.runs and all(run.figures.get(name, 0) > 0 for run in cell.runs)]


def test_the_sessions_have_one_plan(sessions):
    for other in sessions[1:]:
        found, alone = match_cells(sessions[0], other)
        assert found
        assert not alone


def halves(runs, name):
    """Logarithms of blocks 1 3 5 … against 2 4 6 …, then every other way to part neighbours: more trials from the same data."""
    logs = np.log([[first.figures[name], second.figures[name]] for first, second in zip(runs[::2], runs[1::2], strict=False)])
    for swapped in itertools.product((False, True), repeat=len(logs) - 1):
        turned = np.where(np.array([False, *swapped])[:, None], logs[:, ::-1], logs)
        yield turned[:, 0], turned[:, 1]


def test_within_a_session_odd_and_even_blocks_are_seldom_called_different(sessions):
    p_values = [
        paired_shift(a, b).p_value
        for session in sessions
        for cell in session.cells
        for name in figures_of(cell)
        if len(cell.runs) >= 4
        for a, b in halves(sorted(cell.runs, key=lambda run: run.block), name)
    ]
    assert len(p_values) >= 200
    assert sum(p <= 0.05 for p in p_values) <= MOST_DIFFERENT * len(p_values)


def test_across_sessions_pairs_are_seldom_called_different(sessions):
    """Each pair, with the spread learned from all the others."""
    different = []
    for pair in itertools.combinations(sessions, 2):
        others = [session_spread.summary(each) for each in sessions if each not in pair]
        spreads = session_spread.learn([others])
        sides = [Side(each.name, (each,), spreads) for each in pair]
        judged = [row for row in compare([(sides[0], sides[1])], Options()).figures if row.shift is not None]
        assert judged
        # Without the correction for many, which would make it easy.
        different += [row.shift.p_value <= 0.05 for row in judged]
        assert not [row for row in judged if row.is_primary and row.spread_a.is_assumed]
    assert len(different) >= 100
    assert sum(different) <= MOST_DIFFERENT * len(different)
