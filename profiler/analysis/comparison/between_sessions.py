"""The shift between sessions: the repetition is not the replicate, since boot, page layout and heat are shared within a session.

The model: the logarithm of a figure in repetition r of session s is μ + u_s + e_sr, u_s with variance σ_s² (between sessions of
this machine), e_sr with variance σ_r² (between repetitions). The mean of n repetitions then has variance σ_s² + σ_r²/n, which
never falls below σ_s². One session a side says nothing of σ_s: it is learned from other sessions
(`profiler.hardware.session_spread`), and the shift between sides of k_a and k_b sessions has variance

    σ_s² (1/k_a + 1/k_b) + Σ σ_r²/n / k²    (1/k is 1 for single sessions: 2σ_s² + σ_ra²/n_a + σ_rb²/n_b),

each machine with its own σ_s. Its degrees of freedom follow Welch and Satterthwaite (Biometrics Bulletin 2, 1946). The learned
σ_s² is itself a difference, of the variance of session means and the repetitions' part in it, and both enter with their own
degrees of freedom: an estimate of σ_s near 0 from few sessions so does not pass for knowledge.

With four or more sessions on each side their means are the replicates, and the rank-sum test needs no learned spread.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.comparison.rank_tests import rank_sum
from profiler.analysis.comparison.shift import Shift, StudentShift
from profiler.records.metric import BY_NAME
from profiler.records.session_figures import SessionSpread

ENOUGH_SESSIONS = 4
"""So many on each side need no learned spread."""

LEAST_LEARNED_DEGREES = 2
"""With fewer degrees of freedom a learned spread says less than the assumed one."""

LEAST_LOG_STD = 0.001
"""No machine is trusted to repeat itself better than to 0.1 %, however alike few sessions were."""

_ASSUMED_THROUGHPUT, _ASSUMED_LATENCY = 0.05, 0.10
_ASSUMED_DEGREES = 4.0
_MEDIAN_LOSS = math.pi / 3  # variance of a Hodges–Lehmann estimate over that of the mean, for normal values


@dataclass(frozen=True, slots=True)
class SessionLogs:
    """One side: for each of its sessions the logarithms of a figure's repetitions.

    Attributes:
        spread: of the side's machine; both sides hold the same object when the machine is the same.
    """

    sessions: tuple[NDArray[np.float64], ...]
    spread: SessionSpread


def assumed_spread(figure: str) -> SessionSpread:
    """What is assumed of a machine of which nothing was learned.

    A log standard deviation of 5 % for throughput and memory and of 10 % for latencies, held as surely as if five sessions had
    told it: on the wide side of what boots and page layouts are known to do, since a shift that was never there is worse than one
    not seen. The 95 % interval of two single sessions then reaches 20 % to either side (latencies: 48 %) at least, so that they
    decide about large shifts only.
    """
    metric = BY_NAME.get(figure.partition(".")[0])
    log_std = _ASSUMED_LATENCY if metric is not None and metric.is_distribution else _ASSUMED_THROUGHPUT
    return SessionSpread(log_std**2, 0.0, _ASSUMED_DEGREES, is_assumed=True)


def shift_between(a: SessionLogs, b: SessionLogs) -> Shift | None:
    """The shift of side b against side a.

    None when it cannot be known how far repetitions vary: a session of a side has fewer than two, and there are not four sessions
    a side.
    """
    if min(len(a.sessions), len(b.sessions)) >= ENOUGH_SESSIONS:
        return rank_sum(_means(a.sessions), _means(b.sessions))
    if any(len(logs) < 2 for logs in (*a.sessions, *b.sessions)):
        return None
    if len(a.sessions) == len(b.sessions) == 1:
        middle = rank_sum(a.sessions[0], b.sessions[0]).log_shift
    else:
        middle = rank_sum(_means(a.sessions), _means(b.sessions)).log_shift
    variance, degrees = _variance([*_session_parts(a, b), *_repetition_parts(a), *_repetition_parts(b)])
    return StudentShift("sessions", middle, math.sqrt(variance), degrees)


@dataclass(frozen=True, slots=True)
class _Part:
    """A summand of the variance: its value, and the squared estimates over their degrees of freedom that it rests on."""

    variance: float
    doubt: float


def session_part(spread: SessionSpread, weight: float) -> tuple[float, float]:
    """σ_s² times `weight`, and (weight · V)² / degrees summed over the two estimates it is the difference of."""
    doubt = (weight * spread.means_variance) ** 2 / spread.degrees
    doubt += (weight * spread.repetitions_part) ** 2 / spread.repetitions_degrees
    return weight * max(spread.variance, LEAST_LOG_STD**2), doubt


def _session_parts(a: SessionLogs, b: SessionLogs) -> list[_Part]:
    weights = (1 / len(a.sessions), 1 / len(b.sessions))
    if a.spread == b.spread:
        return [_Part(*session_part(a.spread, sum(weights)))]
    return [_Part(*session_part(side.spread, weight)) for side, weight in zip((a, b), weights, strict=True)]


def _repetition_parts(side: SessionLogs) -> list[_Part]:
    parts = []
    for logs in side.sessions:
        variance = _MEDIAN_LOSS * float(np.var(logs, ddof=1)) / len(logs) / len(side.sessions) ** 2
        parts.append(_Part(variance, variance**2 / (len(logs) - 1)))
    return parts


def _variance(parts: Sequence[_Part]) -> tuple[float, float]:
    """The sum, and its degrees of freedom: total² / Σ (part² / its degrees)."""
    total = sum(part.variance for part in parts)
    doubt = sum(part.doubt for part in parts)
    return total, max(1.0, total**2 / doubt) if doubt > 0 else math.inf


def _means(sessions: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.array([float(np.mean(logs)) for logs in sessions])
