"""A figure's name in a user's words, for axes, choosers and tables."""

from collections.abc import Sequence

from profiler.analysis.figure_name import figure_value
from profiler.exchange.findings.session_view import CellView
from profiler.records.metric import BY_NAME, METRICS
from profiler.units import bytes_text, significant

SHOWN_STATISTICS = ("p50", "p95", "p99", "mean", "max")
"""Those of a latency that are offered, in this order."""


def figure_title(name: str, of_class: str = "") -> str:
    """A flat figure name with its unit: "First token p95, ms", "Output, tok/s"; `of_class` are the requests it is of."""
    metric, _, statistic = name.partition(".")
    unit = BY_NAME[metric].unit
    words = " ".join(filter(None, (BY_NAME[metric].label, statistic, f"of {of_class}" if of_class else "")))
    return f"{words}, {unit}" if unit and unit != "bytes" else words


def figure_text(name: str, value: float) -> str:
    """A figure's value without its unit, except bytes, whose unit goes by their size."""
    return bytes_text(value) if BY_NAME[name.partition(".")[0]].unit == "bytes" else significant(value)


def known_figures(cells: Sequence[CellView]) -> tuple[str, ...]:
    """The flat names of all figures that some cell has."""
    names = [
        f"{metric.name}.{statistic}" if metric.is_distribution else metric.name
        for metric in METRICS
        for statistic in (SHOWN_STATISTICS if metric.is_distribution else ("",))
    ]
    return tuple(name for name in names if any(figure_value(cell.figures or {}, name) is not None for cell in cells))
