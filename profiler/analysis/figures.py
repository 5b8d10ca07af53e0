"""All figures of a run and of a cell: the one place where they are computed."""

import statistics
from collections.abc import Sequence

import numpy as np

from profiler.analysis import bandwidth, energy, memory, occupancy, slo, throughput
from profiler.analysis.context import RunContext
from profiler.analysis.distribution import distribution
from profiler.analysis.figure_name import figure_value
from profiler.analysis.latency import LatencyValues, pooled, window_latencies
from profiler.analysis.window import measurement_window
from profiler.records.metric import LATENCIES, METRICS, SINGLES
from profiler.records.run_record import Figures
from profiler.records.timing import RunData

__all__ = ["RunContext", "cell_figures", "independent_counts", "run_figures"]


def run_figures(data: RunData, context: RunContext) -> Figures:
    """Every figure of `metric.METRICS` for one run, None where it was not measured.

    Latencies are of the requests due in the window, rates and energy of the window itself, memory peaks of the whole run.
    """
    window = measurement_window(data, context)
    latencies = window_latencies(data, window)
    joules = energy.energy_j(data.samples, window)
    stamped = int(np.count_nonzero(window.stamped(data.tokens["time_ns"])))
    read = bandwidth.achieved(data.steps, context.costs, window) if context.costs else None
    kv_cells = context.facts.kv_cells if context.facts else None
    measured: Figures = {
        **{name: distribution(values.values_ms, values.missing) for name, values in latencies.items()},
        "output_tok_s": throughput.output_tok_s(data.tokens, window),
        "prompt_tok_s": throughput.prompt_tok_s(data.steps, window),
        "requests_s": throughput.requests_s(data.requests, window),
        "goodput_s": slo.goodput_s(data, window, context.slo),
        "user_tok_s": throughput.user_tok_s(data.requests, window),
        "batch_occupancy": occupancy.batch_occupancy(data.steps, window),
        "kv_occupancy": occupancy.kv_occupancy(data.steps, window, kv_cells),
        "bandwidth_gb_s": read.useful_gb_s if read else None,
        "bandwidth_share": (
            bandwidth.share_percent(read, context.peak_bandwidth_gb_s, context.last_level_cache_bytes) if read else None
        ),
        "rss_peak_bytes": memory.rss_peak_bytes(data.samples),
        "vram_peak_bytes": memory.vram_peak_bytes(data.samples),
        "energy_j": joules,
        "tokens_per_joule": energy.tokens_per_joule(stamped, joules),
    }
    return {metric.name: measured.get(metric.name) for metric in METRICS}


def cell_figures(runs: Sequence[tuple[RunData, RunContext, Figures]]) -> Figures:
    """The figures of a cell: latencies pool the raw values of the runs' windows, a single figure is the median.

    A run that lacks a single figure is left out of that figure's median.

    Args:
        runs: the cell's *valid* runs only. A run with an invalidating flag (`validity.Flag`) is measured again, never
            averaged in; the caller leaves it out and says so.
    """
    latencies = _pooled_latencies([(data, context) for data, context, _ in runs])
    singles = {name: [value for _, _, figures in runs if (value := figure_value(figures, name)) is not None] for name in SINGLES}
    medians = {name: statistics.median(values) if values else None for name, values in singles.items()}
    pools = {name: distribution(values.values_ms, values.missing) for name, values in latencies.items()}
    measured: Figures = {**pools, **medians}
    return {metric.name: measured[metric.name] for metric in METRICS}


def independent_counts(runs: Sequence[tuple[RunData, RunContext]]) -> dict[str, int]:
    """How many independent values stand behind each latency's percentiles, for `distribution.is_stated`.

    It is the distribution's `n`, but for gaps between tokens the number of decode steps that made them.
    """
    return {name: values.independent for name, values in _pooled_latencies(runs).items()}


def _pooled_latencies(runs: Sequence[tuple[RunData, RunContext]]) -> dict[str, LatencyValues]:
    parts = [window_latencies(data, measurement_window(data, context)) for data, context in runs]
    return {name: pooled([part[name] for part in parts]) for name in LATENCIES}
