"""The selected cell: every figure that was measured, and what casts doubt on it."""

from app.pages.results.cell_columns import value_words
from app.pages.results.session_view import CellView
from app.tables.figure_delegate import half_width_text
from app.widgets.card import Card
from app.widgets.fact_rows import Fact, FactRows
from app.widgets.sentence import Sentence, Tone
from profiler.analysis.figure_name import figure_value
from profiler.records.metric import METRICS, Metric
from profiler.records.run_record import CellStatus, Figures

_PERCENTILES = ("p50", "p95", "p99")


class CellCard(Card):
    """Figures and remarks of one cell."""

    def __init__(self) -> None:
        super().__init__("Selected cell")
        self._remarks: list[Sentence] = []
        self._rows = FactRows()
        self.body.addWidget(self._rows)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The figures."""
        return self._rows.facts

    @property
    def remarks(self) -> list[str]:
        """Reasons and flags."""
        return [sentence.accessibleName() for sentence in self._remarks if sentence.isVisibleTo(self)]

    def show_cell(self, cell: CellView) -> None:
        """Tell everything of this cell."""
        runs = "1 run" if cell.runs == 1 else f"{cell.runs} runs"
        self.set_title(cell.title, runs if cell.runs else "")
        remarks: list[tuple[str, Tone]] = []
        if cell.reason:
            remarks.append((cell.reason, "broken" if cell.status is CellStatus.FAILED else "caution"))
        remarks += [(flag, "caution") for flag in cell.flags]
        remarks += [(aside, "muted") for aside in cell.asides]
        while len(self._remarks) < len(remarks):
            self._remarks.append(Sentence(role="small"))
            self.body.insertWidget(self.body.count() - 1, self._remarks[-1])
        for number, sentence in enumerate(self._remarks):
            sentence.setVisible(number < len(remarks))
        for sentence, (words, tone) in zip(self._remarks, remarks, strict=False):
            sentence.show_text(words, tone)
        self._rows.show_facts(_facts(cell, cell.figures) if cell.figures is not None else [])


def _facts(cell: CellView, figures: Figures) -> list[Fact]:
    facts = []
    for metric in METRICS:
        words = _percentile_words(figures, metric) if metric.is_distribution else _single_words(cell, figures, metric)
        if words:
            label = f"{metric.label} {' · '.join(_PERCENTILES)}" if metric.is_distribution else metric.label
            facts.append(Fact(label, words, term=metric.term))
    return facts


def _percentile_words(figures: Figures, metric: Metric) -> str:
    values = [figure_value(figures, f"{metric.name}.{statistic}") for statistic in _PERCENTILES]
    if all(value is None for value in values):
        return ""
    count = figure_value(figures, f"{metric.name}.n")
    told = " · ".join(
        "–" if value is None else value_words(metric.name, value).removesuffix(f" {metric.unit}") for value in values
    )
    return f"{told} {metric.unit}, n {count:.0f}"


def _single_words(cell: CellView, figures: Figures, metric: Metric) -> str:
    value = figure_value(figures, metric.name)
    if value is None:
        return ""
    interval = cell.intervals.get(metric.name)
    if interval is None or metric.unit == "bytes":
        return value_words(metric.name, value)
    number, _, unit = value_words(metric.name, value).partition(" ")
    return f"{number} {half_width_text(value, interval)} {unit}".strip()
