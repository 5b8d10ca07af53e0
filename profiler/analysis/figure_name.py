"""Figures by one flat name: "output_tok_s" for a single one, "ttft_ms.p95" for a statistic of a latency."""

from profiler.records.metric import METRICS, STATISTICS
from profiler.records.run_record import Figures

FIGURE_NAMES: tuple[str, ...] = tuple(
    f"{metric.name}.{statistic}" if metric.is_distribution else metric.name
    for metric in METRICS
    for statistic in (STATISTICS if metric.is_distribution else ("",))
    if statistic != "n"
)
"""All of them but the counts."""


def figure_value(figures: Figures, name: str) -> float | None:
    """The figure of that name; None when it was not measured or is not there."""
    metric, _, statistic = name.partition(".")
    value = figures.get(metric)
    if isinstance(value, dict):
        return value.get(statistic)
    return None if statistic else value
