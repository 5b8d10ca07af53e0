"""Where the time of a session's requests went, as bars."""

from collections.abc import Sequence

from PySide6.QtCore import Qt

from app.plots.stacked_bars import PartKind, StackedBar
from profiler.analysis.decomposition import PART_NAMES, PART_TERMS, TimeSplit
from profiler.exchange.findings.session_view import CellView
from profiler.exchange.findings.where_time_went import SessionTimes, split_words
from profiler.units import milliseconds_text

KINDS = (
    PartKind(PART_NAMES[0], None, Qt.BrushStyle.SolidPattern),
    PartKind(PART_NAMES[1], 1, Qt.BrushStyle.SolidPattern),
    PartKind(PART_NAMES[2], 3, Qt.BrushStyle.BDiagPattern),
    PartKind(PART_NAMES[3], 0, Qt.BrushStyle.SolidPattern),
    PartKind(PART_NAMES[4], None, Qt.BrushStyle.DiagCrossPattern),
)
TIP = "\n".join(f"{name}: {term}" for name, term in zip(PART_NAMES, PART_TERMS, strict=True))


def bars(cells: Sequence[CellView], times: SessionTimes) -> list[StackedBar]:
    """A bar for each cell that tells, its parts in milliseconds of a request."""
    made = []
    for cell in cells:
        split = times.of_cell(cell.cell_id)
        if split is not None:
            made.append(split_bar(cell.legend, split))
    return made


def split_bar(label: str, split: TimeSplit) -> StackedBar:
    """The bar of a split that has requests."""
    parts = split.mean_ms
    assert parts is not None
    return StackedBar(label, parts, milliseconds_text(sum(parts)), split_words(label, split))
