"""How a latency is spread over requests or gaps: the selected cells, their classes, and where the watch starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Slot

from app.plots.ecdf_plot import EcdfPlot, EcdfSeries, Line
from app.plots.legend import LegendItem, series_item
from app.plots.spectrum_plot import SpectrumPlot, value_at
from app.widgets.card import Card
from app.widgets.chips import Chips, Choice
from profiler.analysis.latency import Since
from profiler.exchange.findings.copied import CopiedTable
from profiler.exchange.findings.raw_latencies import ALL_CLASSES, DUE, CellDistributions, Which
from profiler.plan.slo import Limit, Slo
from profiler.units import milliseconds_text

_COPIED_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0)

MOST_SERIES = 4
"""One for each colour."""

_LINES: Mapping[Since, Line] = {"due": "solid", "sent": "dashed", "turn": "dash-dotted"}
_SINCE_WORDS: Mapping[Since, str] = {"due": "since due", "sent": "since sent", "turn": "since its turn"}
_SINCE_TIPS: Mapping[Since, str] = {
    "due": "What a user feels: the wait in the queue is part of it.",
    "sent": "From when the load generator got round to sending it.",
    "turn": "From when its prompt began to be read: what a client with as many connections as slots would have measured.",
}
_OMISSION = (
    "A client that sends its next request only when the last one is answered never sends those that should have come meanwhile, "
    "and so leaves their waiting out of its figures. That is coordinated omission; counting from when a request was due cures it."
)


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A selected cell: its name in the legend, what was read of it, and what casts doubt on it ("▲ foreign load")."""

    name: str
    distributions: CellDistributions
    doubt: str = ""


class DistributionCard(Card):
    """One latency.

    Args:
        title: words a user would say.
        latency: the latency's name.
        of: what has this latency ("requests").
        has_switch: whether the watch may be started elsewhere than at due.
    """

    def __init__(self, title: str, latency: str, of: str, *, has_switch: bool = False) -> None:
        super().__init__(title)
        self._words = title
        self._of = of
        self._cells: tuple[DrawnCell, ...] = ()
        self._slo: Slo = ()
        self.latency = latency
        self.plot = EcdfPlot(title)
        self.plot.setMinimumHeight(150)
        self.since = Chips(
            [Choice(value, words, f"{_SINCE_TIPS[value]}\n{_OMISSION}") for value, words in _SINCE_WORDS.items()], several=True
        )
        self.since.setAccessibleName("The watch starts")
        self.since.setToolTip(_OMISSION)
        self.since.choose(DUE)
        self.since.chosen.connect(self._on_since_chosen)
        self.since.setVisible(has_switch)
        self._has_switch = has_switch
        self.body.addWidget(self.since)
        self.plot.legend.set_wrapping()
        self.body.addWidget(self.plot.legend)
        self.body.addWidget(self.plot, 1)
        self.spectrum = SpectrumPlot(f"{title}: percentiles")
        self.spectrum.setMinimumHeight(170)
        self.body.addWidget(self.spectrum, 1)

    def show_cells(self, cells: Sequence[DrawnCell], slo: Slo, *, has_queue: bool = False) -> None:
        """Show the distributions of these cells.

        Args:
            cells: as selected.
            slo: limits of the plan.
            has_queue: requests come whether or not there is room, so that it matters where the watch starts.
        """
        self._cells, self._slo = tuple(cells), slo
        self.since.setVisible(self._has_switch and has_queue)
        if not has_queue:
            self.since.choose(DUE)
        self._show()

    def copied(self) -> CopiedTable:
        """Percentiles of what is shown, by nearest rank, as a table."""
        rows = tuple(
            (item.name, 100 * share, value_at(item, share), share <= item.stated_share, item.independent)
            for item in self._series()
            for share in _COPIED_SHARES
        )
        columns = ("Cell", "Percentile, %", f"{self._words}, ms", "Enough values to state it", "Independent values")
        return CopiedTable(self._words, columns, rows)

    @Slot()
    def _on_since_chosen(self) -> None:
        if not self.since.values():
            self.since.choose(DUE)
        self._show()

    def _show(self) -> None:
        series = self._series()
        limit: Limit | None = next((limit for limit in self._slo if limit.metric == self.latency), None)
        has_one_subject = len(self.since.values()) > 1
        self.plot.show_series(series, limit.threshold if limit else None, has_one_subject=has_one_subject)
        self.spectrum.show_series(series, limit.threshold if limit else None)
        told = [f"% of {self._of} over ms"]
        if limit is not None and not self.plot.is_limit_in_view:
            told.append(f"limit {milliseconds_text(limit.threshold)} far to the right")
        has_grown = any(item.stated_share == 0 and len(item.values_ms) for item in series)
        least = min((item for item in series if item.stated_share > 0), key=lambda item: item.independent, default=None)
        if least is not None:
            told.append(f"n {least.independent}, nearest rank: dotted beyond {100 * least.stated_share:.3g} %")
        if has_grown:
            told.append("dotted: grew with the run")
        doubts = dict.fromkeys(item.doubt for item in series if item.doubt)
        told += [next(iter(doubts)) if len(doubts) == 1 else "▲ flagged"] if doubts else []
        if series and not any(len(item.values_ms) for item in series):
            told = ["not available: this session has no times of it"]
        self.set_title(self._words, " · ".join(told))

    def _series(self) -> list[EcdfSeries]:
        """At most four: first the watches, then the classes, then the cells share them out."""
        watches = [value for value in _SINCE_WORDS if value in self.since.values()]
        classes = self._classes()[: max(1, MOST_SERIES // len(watches))]
        cells = self._cells[: max(1, MOST_SERIES // (len(watches) * len(classes)))]
        places = [(cell, name, since) for cell in cells for name in classes for since in watches]
        series = []
        for number, (cell, name, since) in enumerate(places):
            found = cell.distributions.get(Which(self.latency, name, since))
            if found is None:
                continue
            parts = [f"{cell.name} ▲" if cell.doubt else cell.name] if len(cells) > 1 or not name else []
            parts += [name] if name else []
            parts = [] if len(cells) == len(classes) == 1 and len(watches) > 1 else parts
            parts += [_SINCE_WORDS[since]] if len(watches) > 1 else []
            # A colour for each cell and class, a dash for each watch; alone, the watches have the colours.
            color = number if len(places) == len(watches) else number // len(watches)
            look = series_item(" · ".join(parts), number)
            look = LegendItem(look.words, color % MOST_SERIES, look.marker)
            series.append(
                EcdfSeries(look, found.values_ms, found.shares, found.stated_share, found.independent, _LINES[since], cell.doubt)
            )
        return series

    def _classes(self) -> list[str]:
        """The classes of the cells that have several, else all requests together."""
        names = dict.fromkeys(which.class_name for cell in self._cells for which in cell.distributions if which.class_name)
        return list(names) or [ALL_CLASSES]
