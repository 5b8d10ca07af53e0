"""What the cards of a session hold, as tables to copy; cards that say themselves what they show are not among these."""

import math

from app.pages.results.energy_card import EnergyCard
from app.pages.results.queue_card import QueueCard
from app.pages.results.roofline_card import RooflineCard
from app.plots.stacked_bars import StackedBars
from app.tables.column import Column
from app.tables.table_view import TableView
from app.widgets.card import Card
from profiler.exchange.findings.copied import CopiedTable, CopiedValue
from profiler.exchange.findings.marks import PHASE_WORDS


def copied_records(view: TableView, title: str) -> CopiedTable:
    """All rows of a table in its order, figures with all their digits and each interval in columns of its own."""
    table = view.table
    columns, records = table.columns, table.records
    with_interval = [any(column.interval(record) is not None for record in records) for column in columns]
    titles: list[str] = []
    for column, has_interval in zip(columns, with_interval, strict=True):
        titles += [column.title, *([f"{column.title}, 95 % interval from", "to"] if has_interval else [])]
    rows = []
    for record in records:
        row: list[CopiedValue] = []
        for column, has_interval in zip(columns, with_interval, strict=True):
            row.append(_value(column, record))
            row += list(column.interval(record) or (None, None)) if has_interval else []
        rows.append(tuple(row))
    return CopiedTable(title, tuple(titles), tuple(rows))


def copied_roofline(card: RooflineCard) -> CopiedTable:
    """The cells' places under the roofs."""
    rows = tuple(
        (path.name, mark.label, PHASE_WORDS[mark.phase], mark.intensity, mark.gflop_s)
        for path in card.plot.paths
        for mark in path.marks
    )
    return CopiedTable(card.accessibleName(), ("Line", "Number", "Phase", "FLOPs for a byte", "GFLOP/s"), rows)


def copied_bars(card: Card, *figures: StackedBars) -> CopiedTable:
    """The parts of the bars that are shown, of the first of these figures that is."""
    bars = next((each for each in figures if each.isVisibleTo(card)), figures[0])
    shown = bars.bars if bars.isVisibleTo(card) else ()
    rows = tuple(
        (bar.label, kind.words, part) for bar in shown for kind, part in zip(bars.kinds, bar.parts, strict=True) if part > 0
    )
    return CopiedTable(card.accessibleName(), ("Bar", "Part", bars.axis), rows)


def copied_queue(card: QueueCard) -> CopiedTable:
    """The counts over the run's time."""
    times_s, in_system, waiting = card.plot.counts
    rows = tuple(zip(times_s.tolist(), in_system.tolist(), waiting.tolist(), strict=True))
    return CopiedTable(card.accessibleName(), ("Seconds", "Requests in the system", "Waiting"), rows)


def copied_energy(card: EnergyCard) -> CopiedTable:
    """The facts of the current cell."""
    return CopiedTable(card.accessibleName(), ("Figure", "Value"), tuple((fact.label, fact.value) for fact in card.facts))


def _value(column: Column[object], record: object) -> CopiedValue:
    raw = column.raw(record)
    if raw is None:
        return None
    is_number = column.is_figure and isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw)
    return raw if is_number else column.text(raw)
