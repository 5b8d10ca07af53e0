"""How often a comparison finds what is there, and what is not: `python tests/benchmarks/comparison_power.py`.

Two cells of one interleaved session, whose repetitions vary by a coefficient of variation with or without a part that a block
shares, and two sessions whose machine's spread was learned from others. A shift of 0 % is the rate of false alarms.
"""

import argparse
import math

import numpy as np

from profiler.analysis.comparison.between_sessions import SessionLogs, shift_between
from profiler.analysis.comparison.within_session import paired_shift
from profiler.hardware.session_spread import Repetitions, SessionSummary, learn

SHIFTS_PERCENT = (0, 1, 2, 3, 5, 10)
REPETITIONS = (3, 6, 8, 12, 20)
LEVEL = 0.05


def within_session(cv: float, common: float, shift_percent: float, repetitions: int, trials: int) -> float:
    """Share of trials in which two cells of a session are called different."""
    generator = np.random.default_rng(1)
    found = 0
    for _ in range(trials):
        block = generator.normal(0, cv * math.sqrt(common), (repetitions, 1))
        logs = block + generator.normal(0, cv * math.sqrt(1 - common), (repetitions, 2))
        shift = paired_shift(logs[:, 0], logs[:, 1] + math.log1p(shift_percent / 100))
        found += shift is not None and shift.p_value <= LEVEL
    return found / trials


def two_sessions(between: float, cv: float, shift_percent: float, others: int, trials: int) -> float:
    """Share of trials in which two sessions of six repetitions are called different, the spread learned from `others`."""
    generator = np.random.default_rng(1)
    found = 0
    for _ in range(trials):
        logs = generator.normal(0, between, (others + 2, 1)) + generator.normal(0, cv, (others + 2, 6))
        known = [_summary(str(place), each) for place, each in enumerate(logs[2:])]
        spread = learn([known])["x"]
        moved = logs[1] + math.log1p(shift_percent / 100)
        shift = shift_between(SessionLogs((logs[0],), spread), SessionLogs((moved,), spread))
        found += shift is not None and shift.p_value <= LEVEL
    return found / trials


def _summary(name: str, logs: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> SessionSummary:
    repetitions = Repetitions(float(logs.mean()), float(logs.var(ddof=1)), len(logs))
    return SessionSummary(name, "", {"cell": {"x": repetitions}})


def _print_row(title: str, shares: list[float]) -> None:
    print(f"{title:<44}" + "".join(f"{share:>8.1%}" for share in shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    trials = parser.parse_args().trials
    print("Called different, by the true shift" + " " * 9 + "".join(f"{shift:>6} %" for shift in SHIFTS_PERCENT))
    for cv in (0.01, 0.02, 0.05):
        for common in (0.0, 0.5):
            for repetitions in REPETITIONS:
                title = f"one session, CV {cv:.0%}, {common:.0%} by block, n = {repetitions}"
                _print_row(title, [within_session(cv, common, shift, repetitions, trials) for shift in SHIFTS_PERCENT])
    for between in (0.0, 0.01, 0.02):
        for others in (3, 4, 8, 20):
            title = f"two sessions, {between:.0%} apart, CV 2%, {others} known"
            _print_row(title, [two_sessions(between, 0.02, shift, others, trials) for shift in SHIFTS_PERCENT])


if __name__ == "__main__":
    main()
