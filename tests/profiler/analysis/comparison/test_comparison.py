import math

import numpy as np
import pytest

from profiler.analysis.comparison.comparison import compare, compare_within, primary_figure
from profiler.analysis.comparison.result import Options, Side
from profiler.analysis.comparison.verdict import Verdict
from profiler.records.session_figures import SessionSpread
from tests.profiler.analysis.comparison.measured import cell, noisy, session

SPREAD = {"output_tok_s": SessionSpread(0.01**2, 0.0, 10)}


def sides(a, b, spread=SPREAD):
    return [(Side("a", (a,), spread), Side("b", (b,), spread))]


def only(comparison, figure="output_tok_s"):
    (row,) = [each for each in comparison.figures if each.figure == figure]
    return row


def test_a_planted_shift_is_told_with_its_interval():
    generator = np.random.default_rng(1)
    a, b = session(cell(noisy(generator, 100))), session(cell(noisy(generator, 120)))
    row = only(compare(sides(a, b), Options()))
    assert row.verdict is Verdict.FASTER
    assert row.is_primary
    assert row.shift_percent == pytest.approx(20, abs=2)
    low, high = row.interval
    assert low < math.log(1.2) < high
    assert (row.n_a, row.n_b) == (6, 6)
    assert row.a_value == pytest.approx(100, rel=0.02)
    back = only(compare(sides(b, a), Options()))
    assert back.verdict is Verdict.SLOWER
    assert back.is_regression
    assert back.shift.log_shift == pytest.approx(-row.shift.log_shift)


def test_a_shift_inside_the_spread_is_not_enough_data():
    generator = np.random.default_rng(1)
    a, b = session(cell(noisy(generator, 100))), session(cell(noisy(generator, 103)))
    wide = {"output_tok_s": SessionSpread(0.02**2, 0.0, 10)}
    learned = only(compare(sides(a, b, wide), Options()))
    assert learned.verdict is Verdict.NOT_ENOUGH_DATA
    assert "inside what sessions and repetitions differ by" in learned.reason
    assert learned.sessions_needed or learned.repetitions_needed
    assumed = only(compare(sides(a, b, {}), Options()))
    assert "not learned yet" in assumed.reason
    assert assumed.spread_a.is_assumed


def test_one_degree_of_freedom_is_not_held_to_be_learned():
    a, b = session(cell()), session(cell())
    row = only(compare(sides(a, b, {"output_tok_s": SessionSpread(1e-6, 0.0, 1)}), Options()))
    assert row.spread_a.is_assumed


def test_what_is_missing_is_told_and_never_zero():
    a = session(cell(), cell(concurrency=2), cell(concurrency=4), cell(concurrency=8))
    unstable = cell((None,) * 6, concurrency=2)
    partly = cell((100.0, None, 100.0), concurrency=4)
    b = session(cell((0.0, 1.0, 1.0)), unstable, partly, cell((), concurrency=8))
    zero, withheld, some, none = compare(sides(a, b), Options()).figures
    assert zero.reason == "b has a output_tok_s of 0 or less, of which no ratio can be taken."
    assert withheld.reason == "b has no output_tok_s."
    assert some.reason == "b has output_tok_s in 2 of 3 runs only."
    assert none.reason == "b has no valid run of this cell."
    for row in (withheld, some, none):
        assert row.b_value is None
        assert row.shift is None
        assert row.verdict is Verdict.NOT_ENOUGH_DATA
    assert withheld.a_value == pytest.approx(100)


def test_the_primary_figure_is_the_first_limits():
    assert primary_figure(session(plan={"need": {"slo": "ttft_ms.p95<=100,tpot_ms.p95<=9"}})) == "ttft_ms.p95"
    assert primary_figure(session()) == "output_tok_s"
    assert primary_figure(session(plan={"need": {"slo": "rubbish"}})) == "output_tok_s"


def test_the_family_holds_primary_figures_only():
    """Five cells, of which one differs: alone it would count, among five it may be chance."""
    cells = [cell((100.0, 101.0), concurrency=users) for users in range(1, 6)]
    a = session(*cells)
    shifted = [cell((110.5, 111.5), concurrency=1), *cells[1:]]
    comparison = compare(sides(a, session(*shifted), {"output_tok_s": SessionSpread(0.03**2, 0.0, 1e6)}), Options())
    assert comparison.family_size == 5
    first = comparison.figures[0]
    assert 0.05 / 5 < first.shift.p_value < 0.05
    assert first.verdict is Verdict.NOT_ENOUGH_DATA
    assert "among so many" in first.reason
    alone = compare(
        sides(session(a.cells[0]), session(shifted[0]), {"output_tok_s": SessionSpread(0.03**2, 0.0, 1e6)}), Options()
    )
    assert alone.figures[0].verdict is Verdict.FASTER


def test_too_few_sessions_for_the_family_are_out_of_reach():
    """Four sessions a side reach p = 0.029 at best: enough for one comparison, not for two."""
    generator = np.random.default_rng(4)

    def several(typical, cells):
        return tuple(
            session(*(cell(noisy(generator, typical), concurrency=users) for users in range(1, cells + 1))) for _ in range(4)
        )

    one = compare([(Side("a", several(100, 1)), Side("b", several(150, 1)))], Options())
    assert one.figures[0].verdict is Verdict.FASTER
    assert (one.figures[0].sessions_a, one.figures[0].n_a) == (4, 24)
    two = compare([(Side("a", several(100, 2)), Side("b", several(150, 2)))], Options())
    assert {row.verdict for row in two.figures} == {Verdict.NOT_ENOUGH_DATA}
    assert all(row.finding.is_out_of_reach and "So few sessions" in row.reason for row in two.figures)
    assert two.figures[0].sessions_needed == 5


def test_within_a_session_cells_are_paired_by_block():
    drift = [100 * factor for factor in (1.0, 1.3, 0.8, 1.1, 0.7, 1.2, 0.9)]
    fast = [value * factor for value, factor in zip(drift, (1.05, 1.051, 1.049, 1.05, 1.052, 1.05, 1.048), strict=True)]
    measured = session(cell(drift, quant="Q8_0"), cell(fast, quant="Q4_0"))
    row = only(compare_within(measured, "quant", Options()))
    assert row.verdict is Verdict.FASTER
    assert row.shift_percent == pytest.approx(5, abs=0.2)
    assert row.spread_a is None
    # Two sessions of the same figures are drowned in their own drift.
    other = session(cell(fast))
    assert only(compare(sides(session(cell(drift)), other), Options())).verdict is Verdict.NOT_ENOUGH_DATA


def test_flags_of_both_sides_are_told():
    a, b = session(cell(flags=("short window: x",))), session(cell())
    assert only(compare(sides(a, b), Options())).flags == ("a: short window: x",)
