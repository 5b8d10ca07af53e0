"""The raw latencies behind a cell's percentiles, for the distributions. On a worker thread."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.context import RunContext
from profiler.analysis.distribution import STATED_AT_MOST, ecdf
from profiler.analysis.latency import pooled, window_latencies
from profiler.analysis.window import measurement_window
from profiler.records.run_record import RunStatus
from profiler.session.reader import SessionReader


@dataclass(frozen=True, slots=True)
class CellDistribution:
    """One latency of one cell, ready to be drawn.

    Attributes:
        values_ms, shares: ascending; the last share is below 1 where some requests never got there.
        stated_share: the highest percentile that so many independent values can state.
        independent: how many these are.
    """

    values_ms: NDArray[np.float64]
    shares: NDArray[np.float64]
    stated_share: float
    independent: int


def read_distributions(path: Path, cell_ids: tuple[int, ...], metrics: tuple[str, ...]) -> dict[int, dict[str, CellDistribution]]:
    """The distributions of these latencies in these cells, over the windows of their valid runs, as the figures pool them."""
    with SessionReader.open(path) as reader:
        return {cell_id: _distributions(reader, cell_id, metrics) for cell_id in cell_ids}


def _distributions(reader: SessionReader, cell_id: int, metrics: tuple[str, ...]) -> dict[str, CellDistribution]:
    parts = []
    for run in reader.runs(cell_id):
        if run.status is RunStatus.DONE and run.is_valid:
            data = reader.run_data(run.run_id)
            context = RunContext(run.specification, run.facts, None, None)
            parts.append(window_latencies(data, measurement_window(data, context)))
    found = {}
    for name in metrics:
        values = pooled([part[name] for part in parts])
        ordered, shares = ecdf(values.values_ms)
        whole = len(ordered) + values.missing
        reached_share = len(ordered) / whole if whole else 1.0
        stated_share = STATED_AT_MOST ** (1 / values.independent) if values.independent else 0.0
        found[name] = CellDistribution(ordered, shares * reached_share, stated_share, values.independent)
    return found
