import math

import numpy as np
import pytest

from profiler.analysis.comparison import needed
from profiler.analysis.comparison.between_sessions import LEAST_LOG_STD, SessionLogs, assumed_spread, shift_between
from profiler.hardware.session_spread import Repetitions, SessionSummary, learn
from profiler.records.session_figures import SessionSpread


def side(*sessions, spread):
    return SessionLogs(tuple(np.array(session) for session in sessions), spread)


def summaries(logs):
    """One cell, one figure: a row of logarithms a session."""
    return [
        SessionSummary(f"{row}", "", {"cell": {"x": Repetitions(float(values.mean()), float(values.var(ddof=1)), len(values))}})
        for row, values in enumerate(logs)
    ]


def called_different(*, between, within, n=6, others=4, trials=1000):
    """How often two sessions without a shift are called different, with a spread learned from others of the machine."""
    generator = np.random.default_rng(11)
    count = 0
    for _ in range(trials):
        logs = generator.normal(0, between, (others + 2, 1)) + generator.normal(0, within, (others + 2, n))
        spread = learn([summaries(logs[2:])])["x"]
        count += shift_between(side(logs[0], spread=spread), side(logs[1], spread=spread)).p_value <= 0.05
    return count


@pytest.mark.parametrize(("between", "within"), [(0.0, 0.02), (0.01, 0.02), (0.02, 0.02), (0.05, 0.02)])
def test_two_sessions_with_a_learned_spread_are_seldom_called_different(between, within):
    assert called_different(between=between, within=within) <= 1000 * 17 / 200


def test_without_the_spread_they_would_be():
    """What the widening is for: repetitions alone would call half of all pairs different."""
    generator = np.random.default_rng(11)
    logs = generator.normal(0, 0.02, (500, 2, 1)) + generator.normal(0, 0.02, (500, 2, 6))
    blind = SessionSpread(0.0, 0.0, math.inf)
    found = [shift_between(side(a, spread=blind), side(b, spread=blind)).p_value <= 0.05 for a, b in logs]
    assert sum(found) > 150


def test_the_variance_by_hand():
    # Repetitions: variances 1e-4 and 4e-4 over three and four, times π/3; sessions: 2 · 9e-4.
    a, b = np.array([-1, 0, 1]) * 0.01, np.array([-3, -1, 1, 3]) * 0.02 * math.sqrt(3 / 20) + 0.2
    spread = SessionSpread(9e-4, 0.0, 5)
    shift = shift_between(side(a, spread=spread), side(b, spread=spread))
    parts = [18e-4, math.pi / 3 * 1e-4 / 3, math.pi / 3 * 4e-4 / 4]
    assert shift.standard_error == pytest.approx(math.sqrt(sum(parts)))
    assert shift.degrees == pytest.approx(sum(parts) ** 2 / (parts[0] ** 2 / 5 + parts[1] ** 2 / 2 + parts[2] ** 2 / 3))
    assert shift.log_shift == pytest.approx(0.2)


def test_two_machines_have_a_spread_each():
    small, large = SessionSpread(1e-4, 0.0, 5), SessionSpread(9e-4, 0.0, 2)
    still = [0.0, 0.0]
    shift = shift_between(side(still, spread=small), side(still, spread=large))
    assert shift.standard_error == pytest.approx(math.sqrt(10e-4))
    assert shift.degrees == pytest.approx(10e-4**2 / (1e-4**2 / 5 + 9e-4**2 / 2))


def test_an_estimate_near_zero_is_no_knowledge():
    """Means as close as repetitions explain leave σ_s at its floor, but with the doubt of both estimates."""
    spread = SessionSpread(1e-4, 1.2e-4, 3, 20)
    assert spread.variance == 0
    still = [0.0, 0.0]
    shift = shift_between(side(still, spread=spread), side(still, spread=spread))
    assert shift.standard_error == pytest.approx(LEAST_LOG_STD * math.sqrt(2))
    assert shift.degrees == 1
    # σ_s² is 0.1e-4 here, but the doubt is that of V = 2e-4 and W = 1.9e-4, not of their difference.
    close = SessionSpread(2e-4, 1.9e-4, 3, 40)
    logs = np.array([-1, 1, -1, 1]) * 0.02
    shift = shift_between(side(logs, spread=close), side(logs, spread=close))
    repetitions = math.pi / 3 * 16e-4 / 3 / 4
    doubt = 4e-4**2 / 3 + 3.8e-4**2 / 40 + 2 * repetitions**2 / 3
    assert shift.degrees == pytest.approx((0.2e-4 + 2 * repetitions) ** 2 / doubt)
    assert 1 < shift.degrees < 3


def test_four_sessions_a_side_are_their_own_replicates():
    spread = assumed_spread("output_tok_s")
    a = [[value, value + 0.001] for value in (0.00, 0.01, 0.02, 0.03)]
    b = [[value + 0.1] for value in (0.00, 0.01, 0.02, 0.03)]
    shift = shift_between(side(*a, spread=spread), side(*b, spread=spread))
    assert shift.method == "rank-sum"
    assert shift.p_value == pytest.approx(2 / 70)
    assert shift.log_shift == pytest.approx(0.0995)
    three = shift_between(side(*a[:3], spread=spread), side(*a[:3], spread=spread))
    assert three.method == "sessions"


def test_one_repetition_tells_nothing():
    spread = assumed_spread("output_tok_s")
    assert shift_between(side([0.0], spread=spread), side([0.0, 0.1], spread=spread)) is None


def test_what_is_assumed_is_wide():
    still = [0.0, 0.0, 0.0]
    for figure, reach in (("output_tok_s", 0.05), ("ttft_ms.p95", 0.10)):
        spread = assumed_spread(figure)
        low, high = shift_between(side(still, spread=spread), side(still, spread=spread)).interval(0.95)
        assert high == -low == pytest.approx(2.776445 * math.sqrt(2) * reach, rel=1e-6)


def test_needed_repetitions_and_sessions():
    generator = np.random.default_rng(3)
    logs = generator.normal(0, 0.03, (2, 6))
    sure = SessionSpread(LEAST_LOG_STD**2, 0.0, 1000)
    a, b = side(logs[0], spread=sure), side(logs[1], spread=sure)
    repetitions = needed.repetitions_of_two_sessions(a, b, 0.05)
    variance = float(np.var(logs[0], ddof=1) + np.var(logs[1], ddof=1)) * math.pi / 3
    # (1.96 + 1.645)² · variance / ln(1.05)², a few more for the t's degrees of freedom.
    normal = 12.995 * variance / math.log(1.05) ** 2
    assert normal < repetitions < 1.4 * normal + 3
    wide = SessionSpread(0.05**2, 0.0, 50)
    a, b = side(logs[0], spread=wide), side(logs[1], spread=wide)
    assert needed.repetitions_of_two_sessions(a, b, 0.05) is None
    sessions = needed.sessions_a_side(a, b, 0.05)
    assert 12.995 * 2 * 0.05**2 / math.log(1.05) ** 2 < sessions < 50
