"""All figures of a run and of a cell: the one place where they are computed."""

import statistics
from collections.abc import Sequence

from profiler.analysis import bandwidth, caching, energy, memory, occupancy, reading, slo, stability, throughput
from profiler.analysis.context import RunContext
from profiler.analysis.distribution import distribution
from profiler.analysis.energy_account import run_energy
from profiler.analysis.figure_name import figure_value
from profiler.analysis.latency import LatencyValues, pooled, window_latencies
from profiler.analysis.load_shape import is_stationary
from profiler.analysis.window import Window, measurement_window
from profiler.records.metric import LATENCIES, METRICS, SINGLES
from profiler.records.run_record import Distribution, Figures
from profiler.records.timing import RunData

__all__ = ["RunContext", "cell_figures", "independent_counts", "latency_figures", "run_figures", "single_medians"]


def run_figures(data: RunData, context: RunContext, window: Window | None = None) -> Figures:
    """Every figure of `metric.METRICS` for one run, None where it was not measured.

    Latencies are of the requests due in the window, rates and energy of the window itself, memory peaks and evictions of the
    whole run. See `latency_figures` for a run that did not keep up with its arrivals.

    Args:
        data: its rows.
        context: its surroundings.
        window: another stretch than the one that is measured; None takes that.
    """
    window = measurement_window(data, context) if window is None else window
    latencies = window_latencies(data, window)
    read = bandwidth.achieved(data.steps, context.costs, window) if context.costs else None
    kv_cells = context.facts.kv_cells if context.facts else None
    attained = slo.attainment(data, window, context.slo, context.class_slo)
    gap_ms = latencies["itl_ms"].values_ms
    measured: Figures = {
        **latency_figures(latencies, is_unstable=stability.is_unstable(data, context, window)),
        **_cache_figures(data, context, window),
        "output_tok_s": throughput.output_tok_s(data.tokens, window),
        "prompt_tok_s": throughput.prompt_tok_s(data.steps, window),
        "requests_s": throughput.requests_s(data.requests, window),
        "goodput_s": slo.goodput_s(data, window, context.slo, context.class_slo),
        "attainment": None if attained is None else 100 * attained,
        "user_tok_s": throughput.user_tok_s(data.requests, window),
        "low1_tok_s": reading.low1_tok_s(gap_ms),
        "below_reading_share": reading.below_reading_share(gap_ms),
        "queue_growth_s": stability.queue_growth_s(data, window) if is_stationary(context.specification.load) else None,
        "batch_occupancy": occupancy.batch_occupancy(data.steps, window),
        "kv_occupancy": occupancy.kv_occupancy(data.steps, window, kv_cells),
        "bandwidth_gb_s": read.useful_gb_s if read else None,
        "bandwidth_share": (
            bandwidth.share_percent(read, context.peak_bandwidth_gb_s, context.last_level_cache_bytes) if read else None
        ),
        "rss_peak_bytes": memory.rss_peak_bytes(data.samples),
        "vram_peak_bytes": memory.vram_peak_bytes(data.samples),
        **_energy_figures(data, context, window),
    }
    return {metric.name: measured.get(metric.name) for metric in METRICS}


def latency_figures(latencies: dict[str, LatencyValues], *, is_unstable: bool) -> dict[str, Distribution]:
    """The distribution of each latency.

    In an unstable run those that count from due would grow with its length, so nothing but their count is told: a percentile
    that is None though values stand behind it reads as "never got there".
    """
    figures = {name: distribution(values.values_ms, values.missing) for name, values in latencies.items()}
    if is_unstable:
        for name in slo.UNBOUNDED & figures.keys():
            figures[name] = {statistic: value if statistic == "n" else None for statistic, value in figures[name].items()}
    return figures


def _energy_figures(data: RunData, context: RunContext, window: Window) -> Figures:
    """All that was spent, and what of it was above idle, the share of this work."""
    run = run_energy(data, window, context.idle_power)
    spent = run.spent
    if spent is None:
        return {}
    figures: Figures = {
        "energy_j": spent.gross.joules,
        "tokens_per_joule": energy.tokens_per_joule(run.output_tokens, spent.gross.joules),
    }
    if spent.net is None:
        return figures
    shares = energy.shares(spent.net, output_tokens=run.output_tokens, prompt_tokens=run.prompt_tokens, requests=run.requests)
    return figures | {
        "energy_net_j": spent.net.joules,
        "joules_per_output_token": shares.per_output_token.joules if shares.per_output_token else None,
        "joules_per_request": shares.per_request.joules if shares.per_request else None,
    }


def _cache_figures(data: RunData, context: RunContext, window: Window) -> Figures:
    if not context.specification.load.prefix_cache:
        return {}
    return {
        "cache_hit_rate": caching.cache_hit_rate(data.requests, window),
        "cached_tok_s": caching.cached_tok_s(data.requests, window),
        "evictions": caching.evictions(data.steps),
    }


def cell_figures(runs: Sequence[tuple[RunData, RunContext, Figures]]) -> Figures:
    """The figures of a cell: latencies pool the raw values of the runs' windows, a single figure is the median.

    A run that lacks a single figure is left out of that figure's median. One unstable run makes the cell unstable
    (`latency_figures`).

    Args:
        runs: the cell's *valid* runs only. A run with an invalidating flag (`validity.Flag`) is measured again, never
            averaged in; the caller leaves it out and says so.
    """
    latencies = _pooled_latencies([(data, context) for data, context, _ in runs])
    is_unstable = any(stability.is_unstable(data, context, measurement_window(data, context)) for data, context, _ in runs)
    pools = latency_figures(latencies, is_unstable=is_unstable)
    measured: Figures = {**pools, **single_medians([figures for _, _, figures in runs])}
    return {metric.name: measured[metric.name] for metric in METRICS}


def single_medians(figures_of_runs: Sequence[Figures]) -> Figures:
    """The median of each single figure over the runs that have it; None where none has."""
    medians: Figures = {}
    for name in SINGLES:
        values = [value for figures in figures_of_runs if (value := figure_value(figures, name)) is not None]
        medians[name] = statistics.median(values) if values else None
    return medians


def independent_counts(runs: Sequence[tuple[RunData, RunContext]]) -> dict[str, int]:
    """How many independent values stand behind each latency's percentiles, for `distribution.is_stated`.

    It is the distribution's `n`, but for gaps between tokens the number of decode steps that made them.
    """
    return {name: values.independent for name, values in _pooled_latencies(runs).items()}


def _pooled_latencies(runs: Sequence[tuple[RunData, RunContext]]) -> dict[str, LatencyValues]:
    parts = [window_latencies(data, measurement_window(data, context)) for data, context in runs]
    return {name: pooled([part[name] for part in parts]) for name in LATENCIES}
