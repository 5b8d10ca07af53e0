"""Limits that a plan states, "ttft_ms.p95<=1000,tpot_ms.p95<=100", as values."""

import re
from dataclasses import dataclass

from profiler.records.metric import LATENCIES

PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "max": 1.0}

_LIMIT = re.compile(r"^\s*([a-z0-9_]+)\.([a-z0-9]+)\s*<=\s*([0-9]+(?:\.[0-9]+)?)\s*$")


@dataclass(frozen=True, slots=True)
class Limit:
    """One latency, the percentile that must keep to it, and the threshold.

    Attributes:
        metric: a latency's name ("ttft_ms").
        statistic: "p50", "p90", "p95", "p99" or "max".
        threshold: in the metric's unit.
    """

    metric: str
    statistic: str
    threshold: float

    @property
    def share(self) -> float:
        """Share of the requests that must keep to the threshold."""
        return PERCENTILES[self.statistic]

    def __str__(self) -> str:
        threshold = f"{self.threshold:.6g}"
        if "e" in threshold:  # parse_slo reads no exponents
            threshold = f"{self.threshold:f}".rstrip("0").rstrip(".")
        return f"{self.metric}.{self.statistic}<={threshold}"


Slo = tuple[Limit, ...]


def parse_slo(text: str) -> Slo:
    """The limits in `text`, separated by commas; raises ValueError with what is wrong and how it is written."""
    limits = []
    for part in filter(str.strip, text.split(",")):
        match = _LIMIT.match(part)
        if match is None:
            raise ValueError(f"'{part.strip()[:60]}' is not a limit; write ttft_ms.p95<=1000")
        metric, statistic, threshold = match.groups()
        if metric not in LATENCIES:
            raise ValueError(f"{metric} is not a latency; there are {', '.join(LATENCIES)}")
        if statistic not in PERCENTILES:
            raise ValueError(f"{statistic} is not a percentile; there are {', '.join(PERCENTILES)}")
        limits.append(Limit(metric, statistic, float(threshold)))
    return tuple(limits)
