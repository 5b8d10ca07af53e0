import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis.comparison.shift import StudentShift, log_of_percent, percent
from profiler.analysis.comparison.verdict import Verdict, judge, verdict_text
from profiler.records.metric import BY_NAME

SPEED, TIME, MEMORY = BY_NAME["output_tok_s"], BY_NAME["ttft_ms"], BY_NAME["rss_peak_bytes"]


def sure(shift_percent, error=1e-4):
    return StudentShift("sessions", log_of_percent(shift_percent), error, math.inf)


@pytest.mark.parametrize(
    ("metric", "shift_percent", "verdict"),
    [
        (SPEED, 20, Verdict.FASTER),
        (SPEED, -20, Verdict.SLOWER),
        (TIME, 20, Verdict.SLOWER),
        (TIME, -20, Verdict.FASTER),
        (MEMORY, 20, Verdict.WORSE),
        (MEMORY, -20, Verdict.BETTER),
        (BY_NAME["queue_growth_s"], 20, Verdict.WORSE),
        (BY_NAME["attainment"], 20, Verdict.BETTER),
    ],
)
def test_the_direction_is_the_metrics(metric, shift_percent, verdict):
    finding = judge(sure(shift_percent), metric, 0.05, 5)
    assert finding.verdict is verdict
    assert not finding.is_same


def test_both_may_hold():
    finding = judge(sure(2), SPEED, 0.05, 5)
    assert (finding.verdict, finding.is_same) == (Verdict.FASTER, True)
    assert verdict_text(finding, 5) == "faster, by less than 5 %"
    assert verdict_text(judge(sure(20), SPEED, 0.05, 5), 5) == "faster"


def test_same_needs_the_90_percent_interval_within_the_bounds():
    # ±1.645 standard errors reach 4.88 % in logarithms at 0.02966.
    reach = log_of_percent(5) / 1.644854
    assert judge(StudentShift("sessions", 0.0, reach * 0.999, math.inf), SPEED, 0.05, 5).verdict is Verdict.SAME
    assert judge(StudentShift("sessions", 0.0, reach * 1.001, math.inf), SPEED, 0.05, 5).verdict is Verdict.NOT_ENOUGH_DATA


def test_the_level_decides_what_differs():
    shift = StudentShift("sessions", 0.2, 0.1, math.inf)  # p = 0.0455
    assert judge(shift, SPEED, 0.05, 5).verdict is Verdict.FASTER
    assert judge(shift, SPEED, 0.04, 5).verdict is Verdict.NOT_ENOUGH_DATA


def test_a_metric_without_a_direction_is_refused():
    with pytest.raises(ValueError, match="batch_occupancy"):
        judge(sure(3), BY_NAME["batch_occupancy"], 0.05, 5)


@settings(max_examples=200, deadline=None)
@given(st.floats(-0.3, 0.3), st.floats(1e-6, 0.3), st.floats(1, 50), st.sampled_from([0.05, 0.01]))
def test_swapping_the_sides_turns_the_verdict(log_shift, error, degrees, level):
    there = judge(StudentShift("sessions", log_shift, error, degrees), SPEED, level, 5)
    back = judge(StudentShift("sessions", -log_shift, error, degrees), SPEED, level, 5)
    turned = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}
    assert back.verdict is turned.get(there.verdict, there.verdict)
    assert back.is_same == there.is_same


def test_percentages_and_logarithms():
    assert percent(log_of_percent(5)) == pytest.approx(5)
    assert percent(-log_of_percent(5)) == pytest.approx(-100 / 21)
