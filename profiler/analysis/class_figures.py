"""Figures of each class of requests in a mixed load: what one kind of request does to the others shows only apart."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis import reading, slo, stability, throughput
from profiler.analysis.context import RunContext
from profiler.analysis.figures import latency_figures, single_medians
from profiler.analysis.latency import pooled, window_latencies
from profiler.analysis.load_shape import class_names
from profiler.analysis.window import Window, measurement_window
from profiler.records.metric import LATENCIES, METRICS
from profiler.records.run_record import ClassFigures, Figures
from profiler.records.timing import RunData, reached


def class_figures(data: RunData, context: RunContext) -> ClassFigures:
    """For each class of a load with several: its latencies, speeds, gaps, goodput and attainment, within the run's window.

    Everything else is None: steps are shared by all classes. So the prompt throughput cannot be had from the steps either; it
    holds the evaluated prompt tokens (cached ones left out) of the class's requests whose first token fell in the window.
    """
    window = measurement_window(data, context)
    is_unstable = stability.is_unstable(data, context, window)
    return {name: _figures(part, number, context, window, is_unstable) for name, number, part in _parts(data, context)}


def cell_class_figures(runs: Sequence[tuple[RunData, RunContext]]) -> ClassFigures:
    """The classes' figures over a cell's *valid* runs, pooled as `figures.cell_figures` does; empty without runs."""
    if not runs:
        return {}
    figures_of_runs = [class_figures(data, context) for data, context in runs]
    windows = [measurement_window(data, context) for data, context in runs]
    is_unstable = any(stability.is_unstable(data, context, window) for (data, context), window in zip(runs, windows, strict=True))
    parts_of_runs = [{name: part for name, _, part in _parts(data, context)} for data, context in runs]
    cell: ClassFigures = {}
    for class_name in figures_of_runs[0]:
        latencies = [window_latencies(parts[class_name], window) for parts, window in zip(parts_of_runs, windows, strict=True)]
        pools = {name: pooled([each[name] for each in latencies]) for name in LATENCIES}
        measured: Figures = {
            **latency_figures(pools, is_unstable=is_unstable),
            **single_medians([figures[class_name] for figures in figures_of_runs]),
        }
        cell[class_name] = {metric.name: measured[metric.name] for metric in METRICS}
    return cell


def _parts(data: RunData, context: RunContext) -> list[tuple[str, int, RunData]]:
    """Each class's name, number, requests and tokens; none where there is nothing to tell apart."""
    load = context.specification.load
    if len(load.classes) < 2:
        return []
    parts = []
    for number, name in enumerate(class_names(load)):
        requests = data.requests[data.requests["class"] == number]
        tokens = data.tokens[np.isin(data.tokens["request"], requests["request"])]
        parts.append((name, number, replace(data, requests=requests, tokens=tokens)))
    return parts


def _figures(part: RunData, number: int, context: RunContext, window: Window, is_unstable: bool) -> Figures:
    limits = context.class_slo.get(number, context.slo)
    attained = slo.attainment(part, window, limits)
    latencies = window_latencies(part, window)
    gap_ms = latencies["itl_ms"].values_ms
    measured: Figures = {
        **latency_figures(latencies, is_unstable=is_unstable),
        "low1_tok_s": reading.low1_tok_s(gap_ms),
        "below_reading_share": reading.below_reading_share(gap_ms),
        "output_tok_s": throughput.output_tok_s(part.tokens, window),
        "prompt_tok_s": _prompt_tok_s(part.requests, window),
        "requests_s": throughput.requests_s(part.requests, window),
        "goodput_s": slo.goodput_s(part, window, limits),
        "attainment": None if attained is None else 100 * attained,
        "user_tok_s": throughput.user_tok_s(part.requests, window),
    }
    return {metric.name: measured.get(metric.name) for metric in METRICS}


def _prompt_tok_s(requests: NDArray[Any], window: Window) -> float | None:
    if window.end_ns <= window.start_ns:
        return None
    rows = requests[reached(requests["first_token_ns"]) & window.stamped(requests["first_token_ns"])]
    tokens = int(rows["prompt_tokens"].sum(dtype=np.int64)) - int(rows["cached_tokens"].sum(dtype=np.int64))
    return tokens / window.seconds
