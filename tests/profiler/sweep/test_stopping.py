import math

import numpy as np

from profiler.analysis.student import student_quantile
from profiler.plan.slo import parse_slo
from profiler.sweep.stopping import LEAST_RUNS, VERDICT_CONFIDENCE, CellEvidence, is_settled, limit_standing, undecided

TARGET_PERCENT = 2.0
SLO = parse_slo("ttft_ms.p95<=100")
(LIMIT,) = SLO


def runs_of(speeds, ttft_p95=None):
    """Runs with these throughputs, and first tokens where they are given."""
    latencies = ttft_p95 if ttft_p95 is not None else [50.0] * len(speeds)
    return [{"output_tok_s": speed, "ttft_ms": {"p95": value, "n": 40}} for speed, value in zip(speeds, latencies, strict=True)]


def around(middle, percent, count=6):
    """Values that lie alternately that far above and below."""
    return [middle * (1 + percent / 100 * (-1) ** number) for number in range(count)]


def cell(speeds, ttft_p95=None):
    return CellEvidence(runs_of(speeds, ttft_p95))


def test_a_cell_is_settled_when_half_its_interval_is_within_the_target():
    # Six values ± 1 %: s = 1.095 %, half the interval 2.571 × 1.095 / √6 = 1.15 %; at six runs 2 % × √(6/8) = 1.73 % is allowed.
    assert is_settled(cell(around(100, 1)), TARGET_PERCENT)
    assert is_settled(cell(around(100, 1.49)), TARGET_PERCENT)
    assert not is_settled(cell(around(100, 1.53)), TARGET_PERCENT)
    assert is_settled(cell(around(100, 1.53)), 3.0)


def test_no_cell_is_settled_before_six_runs_or_without_its_throughput():
    assert not is_settled(cell([100.0] * (LEAST_RUNS - 1)), TARGET_PERCENT)
    assert is_settled(cell([100.0] * LEAST_RUNS), TARGET_PERCENT)
    assert not is_settled(CellEvidence([{"output_tok_s": None}] * 8), TARGET_PERCENT)


def test_a_limit_keeps_a_cell_open_only_where_it_is_straddled_and_uncertain():
    steady = [100.0] * 6
    assert is_settled(cell(steady, around(50, 10)), TARGET_PERCENT, SLO)
    assert is_settled(cell(steady, around(200, 10)), TARGET_PERCENT, SLO)
    assert not is_settled(cell(steady, around(100, 10)), TARGET_PERCENT, SLO)
    assert is_settled(cell(steady, around(100, 0.5)), TARGET_PERCENT, SLO)


def test_on_which_side_of_a_limit_a_figure_lies():
    assert limit_standing(runs_of([1] * 6, around(50, 10)), LIMIT) == "met"
    assert limit_standing(runs_of([1] * 6, around(150, 10)), LIMIT) == "broken"
    assert limit_standing(runs_of([1] * 6, around(100, 10)), LIMIT) == "open"
    assert limit_standing(runs_of([1], [50.0]), LIMIT) == "open"
    assert limit_standing(runs_of([1] * 3, [None] * 3), LIMIT) == "broken"
    assert limit_standing(runs_of([1] * 3, [50.0, None, 50.0]), LIMIT) == "open"
    assert limit_standing([{"ttft_ms": {"p95": None, "n": 0}}] * 3, LIMIT) == "unknown"
    # 95 % of the interval would end at 100.0 x 1.006; a verdict needs 99 %.
    assert limit_standing(runs_of([1] * 6, around(90, 10)), LIMIT) == "open"


def test_cells_on_which_the_answer_hangs_come_first():
    noisy = 4
    cells = {
        1: cell(around(100, noisy), around(50, 1)),  # the best
        2: cell(around(99, noisy), around(50, 1)),  # overlaps it
        3: cell(around(60, noisy), around(50, 1)),  # cannot win
        4: cell(around(110, noisy), around(100, 6)),  # may win, its limit is open
        5: cell(around(50, noisy), around(100, 6)),  # cannot win, its limit is open
        6: cell(around(120, noisy), around(150, 1)),  # breaks the limit
        7: cell([97.0] * 6, around(50, 1)),  # settled
        8: cell(around(96, noisy), around(50, 1)),  # overlaps less: fewer runs tell it from the best
    }
    assert undecided(cells, SLO, TARGET_PERCENT) == [4, 5, 1, 8, 2]
    assert undecided({1: cells[1], 3: cells[3]}, SLO, TARGET_PERCENT) == []
    assert undecided({}, SLO, TARGET_PERCENT) == []


def test_the_nearer_verdict_comes_first_and_none_beyond_the_most_runs():
    far, near = cell(around(100, 4), around(92, 10)), cell(around(100, 4), around(99, 10))
    assert undecided({1: near, 2: far}, SLO, TARGET_PERCENT) == [2, 1]
    many = cell(around(100, 4, 30), around(99, 10, 30))
    assert undecided({1: many, 2: far}, SLO, TARGET_PERCENT) == [2]
    assert undecided({1: many, 2: far}, SLO, TARGET_PERCENT, most_runs=31) == [2, 1]
    assert undecided({1: many, 2: far}, SLO, TARGET_PERCENT, most_runs=6) == []


def test_without_limits_those_that_contend_for_the_best_are_left():
    cells = {1: cell(around(100, 4)), 2: cell(around(99, 4)), 3: cell(around(80, 4))}
    assert sorted(undecided(cells, (), TARGET_PERCENT)) == [1, 2]
    assert undecided({**cells, 4: cell([70.0])}, (), TARGET_PERCENT)[0] == 4  # one run says nothing of its spread


def test_classes_are_held_against_their_own_limits():
    def classes(ttft_p95):
        return [
            {"chat": {"ttft_ms": {"p95": value, "n": 20}}, "bulk": {"ttft_ms": {"p95": 5000.0, "n": 20}}} for value in ttft_p95
        ]

    class_slo = {"bulk": parse_slo("ttft_ms.p95<=9000")}
    runs = runs_of([100.0] * 6, [4000.0] * 6)
    assert is_settled(CellEvidence(runs, classes(around(50, 10))), TARGET_PERCENT, SLO, class_slo)
    open_cell = CellEvidence(runs, classes(around(100, 10)))
    assert not is_settled(open_cell, TARGET_PERCENT, SLO, class_slo)
    assert undecided({1: open_cell}, SLO, TARGET_PERCENT, class_slo=class_slo) == [1]


def interval_halves(values, confidence):
    """Running means of the rows' logs, and half the interval after each value."""
    count = np.arange(1, values.shape[1] + 1)
    sums, squares = np.cumsum(values, axis=1), np.cumsum(values**2, axis=1)
    deviation = np.sqrt(np.maximum(1e-12, squares - sums**2 / count) / np.maximum(1, count - 1))
    quantiles = np.array([1e9, *(student_quantile(0.5 + confidence / 2, int(n) - 1) for n in count[1:])])
    return sums / count, quantiles * deviation / np.sqrt(count)


def stopped_at(halves, target_percent):
    """The rule again: the place of the run after which each row stops, the last one at the latest."""
    count = np.arange(1, halves.shape[1] + 1)
    is_enough = halves <= math.log1p(target_percent / 100) * np.sqrt(count / (count + 2))
    is_enough[:, : LEAST_RUNS - 1] = False
    is_enough[:, -1] = True
    return is_enough.argmax(axis=1)


def test_the_interval_of_a_cell_that_stopped_by_this_rule_still_covers_the_truth():
    generator = np.random.default_rng(20_260_801)
    cells, most = 20_000, 30
    for cv_percent in (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 7, 10):
        spread = math.sqrt(math.log1p((cv_percent / 100) ** 2))
        means, halves = interval_halves(spread * generator.standard_normal((cells, most)), 0.95)
        last = stopped_at(halves, TARGET_PERCENT)
        rows = np.arange(cells)
        coverage = np.mean(np.abs(means[rows, last]) <= halves[rows, last])
        print(f"CV {cv_percent:4} %: {np.mean(last) + 1:5.1f} runs, coverage {100 * coverage:.1f} %")
        assert coverage >= 0.92


def test_that_simulation_stops_where_the_rule_stops():
    generator = np.random.default_rng(3)
    logs = 0.025 * generator.standard_normal((40, 15))
    last = stopped_at(interval_halves(logs, 0.95)[1], TARGET_PERCENT)
    for row, place in zip(logs, last, strict=True):
        speeds = np.exp(row).tolist()
        settled = [is_settled(cell(speeds[:count]), TARGET_PERCENT) for count in range(1, len(speeds) + 1)]
        assert (settled.index(True) if True in settled else len(speeds) - 1) == place


def test_a_verdict_that_is_looked_at_after_every_run_is_seldom_wrong():
    generator = np.random.default_rng(20_260_802)
    # The worst case: the truth lies at the limit itself, so that any decision is an error.
    means, halves = interval_halves(generator.standard_normal((20_000, 30)), VERDICT_CONFIDENCE)
    is_decided = (np.abs(means) > halves)[:, LEAST_RUNS - 1 :].any(axis=1)
    print(f"decided though undecidable: {100 * np.mean(is_decided):.1f} %")
    assert np.mean(is_decided) <= 0.07
