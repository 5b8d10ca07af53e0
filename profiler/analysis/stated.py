"""Which percentiles enough independent values stand behind to be stated (measurement.md §1); the others are shown greyed."""

from collections.abc import Mapping

from profiler.analysis.distribution import is_stated
from profiler.analysis.figure_name import figure_value
from profiler.plan.slo import PERCENTILES
from profiler.records.axis import AxisValue
from profiler.records.metric import LATENCIES
from profiler.records.run_record import Distribution, Figures

_OF_STEPS = "itl_ms"


def stated(figures: Figures, configuration: Mapping[str, AxisValue]) -> dict[str, dict[str, bool]]:
    """For each latency that has values, whether each of its percentiles is stated.

    Args:
        figures: of a cell or of a run.
        configuration: of the cell: its slots tell how many gaps between tokens one step can give.
    """
    told = {}
    for latency in LATENCIES:
        distribution = figures.get(latency)
        if isinstance(distribution, dict) and distribution.get("n"):
            told[latency] = stated_percentiles(distribution, independent_values(figures, latency, configuration))
    return told


def stated_percentiles(distribution: Distribution, independent: int) -> dict[str, bool]:
    """Whether so many independent values suffice for each percentile that the distribution has.

    The maximum is a value that was seen, and stated as such; a percentile that fell on requests that never got there is None, and
    that is as certain as a number would be.
    """
    return {name: name == "max" or is_stated(q, independent) for name, q in PERCENTILES.items() if name in distribution}


def is_figure_stated(figures: Figures, name: str, configuration: Mapping[str, AxisValue]) -> bool:
    """The same of one figure by its flat name ("ttft_ms.p95"); what is no percentile is always stated."""
    latency, _, statistic = name.partition(".")
    if statistic not in PERCENTILES or statistic == "max":
        return True
    return is_stated(PERCENTILES[statistic], independent_values(figures, latency, configuration))


def independent_values(figures: Figures, latency: str, configuration: Mapping[str, AxisValue]) -> int:
    """How many independent values stand behind a latency's percentiles, at the least.

    It is the number of its values; but a decode step gives a gap between tokens to each of its members, so that many gaps are one
    event. A file keeps the gaps' number and not the steps': there were at least as many as if every step had filled all slots.
    With the raw data at hand `figures.independent_counts` counts the steps themselves.
    """
    count = int(figure_value(figures, f"{latency}.n") or 0)
    if latency != _OF_STEPS:
        return count
    most = [value for name in ("slots", "concurrency") if isinstance(value := configuration.get(name), int) and value > 0]
    return count // (most[0] if most else 1)
