"""The selected cell: every figure that was measured, its requests by how they ended, and what casts doubt on it."""

from app.pages.results.cell_columns import count_words, doubt_words, interval_words, value_words
from app.pages.results.class_table import ClassTable
from app.widgets.card import Card
from app.widgets.fact_rows import Fact, FactRows
from app.widgets.sentence import Sentence, Tone
from profiler.analysis.figure_name import figure_value
from profiler.analysis.slo import UNBOUNDED
from profiler.exchange.findings.session_view import CellView
from profiler.records.metric import BY_NAME, METRICS, Metric
from profiler.records.run_record import CellStatus, Figures
from profiler.units import half_width_text, milliseconds_text

_PERCENTILES = ("p50", "p95", "p99")

_ENDS = (
    ("completed", "Completed", "requests with a whole answer"),
    ("refused", "Refused", "found the queue full and were turned away"),
    ("timed_out", "Timed out", "were given up after the plan's time-out"),
    ("failed", "Failed", "were broken off by an error"),
    ("unfinished", "Unfinished", "were under way when the run ended"),
)


class CellCard(Card):
    """Figures and remarks of one cell."""

    def __init__(self) -> None:
        super().__init__("Selected cell")
        self._remarks: list[Sentence] = []
        self.classes = ClassTable()
        self._rows = FactRows()
        self.body.addWidget(self.classes)
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
            self.body.insertWidget(len(self._remarks) - 1, self._remarks[-1])
        for number, sentence in enumerate(self._remarks):
            sentence.setVisible(number < len(remarks))
        for sentence, (words, tone) in zip(self._remarks, remarks, strict=False):
            sentence.show_text(words, tone)
        self.classes.show_cell(cell)
        self._rows.show_facts(_facts(cell, cell.figures) if cell.figures is not None else [])


def _facts(cell: CellView, figures: Figures) -> list[Fact]:
    facts = _request_facts(cell)
    for metric in METRICS:
        words = _percentile_words(cell, figures, metric) if metric.is_distribution else _single_words(cell, figures, metric)
        if words:
            label = f"{metric.label} {' · '.join(_PERCENTILES)}" if metric.is_distribution else metric.label
            label = "Each answer" if metric.name == "user_tok_s" and not cell.is_closed else label
            facts.append(Fact(label, words, term=_term(cell, metric)))
        if metric.name == "cache_hit_rate":
            facts += _cache_facts(cell)
    return facts


def _request_facts(cell: CellView) -> list[Fact]:
    """How the requests of all valid runs ended; those that got no whole answer each by what became of them."""
    return [
        Fact(label, str(count), term=term)
        for name, label, term in _ENDS
        if (count := cell.requests.get(name, 0)) or (name == "completed" and cell.requests)
    ]


def _cache_facts(cell: CellView) -> list[Fact]:
    """What the prefix cache spared: tokens apart, and time against the cell without it that differs in nothing else."""
    if figure_value(cell.figures or {}, "cache_hit_rate") is None:
        return []
    cached, prompt = cell.tokens.get("cached"), cell.tokens.get("prompt")
    facts = []
    if cached is not None and prompt is not None:
        words = f"{cached} cached · {prompt - cached} prefilled"
        facts.append(Fact("Prompt tokens", words, term="of all requests that got a first token, the warm-up's too"))
    saved_ms = cell.cache.get("ttft_p50_saved_ms") if cell.cache else None
    if saved_ms is not None:
        words = milliseconds_text(abs(saved_ms))
        told = f"{words} earlier" if saved_ms >= 0 else f"{words} later"
        facts.append(Fact("First token p50, saved", told, term="against the cell without the prefix cache, all else equal"))
    return facts


def _term(cell: CellView, metric: Metric) -> str:
    """What the figure is, how many values stand behind it, and how its interval was made."""
    if not metric.is_distribution:
        return "\n".join(filter(None, (metric.term, interval_words(cell, metric.name))))
    names = [f"{metric.name}.{statistic}" for statistic in _PERCENTILES]
    doubts = [f"In brackets: {doubt}" for name in names if (doubt := doubt_words(cell, name))]
    return "\n".join((metric.term, count_words(cell, metric.name), *doubts))


def _percentile_words(cell: CellView, figures: Figures, metric: Metric) -> str:
    if cell.is_unstable and metric.name in UNBOUNDED:
        return f"not stated, n {figure_value(figures, f'{metric.name}.n') or 0:.0f}"
    names = [f"{metric.name}.{statistic}" for statistic in _PERCENTILES]
    if all(figure_value(figures, name) is None for name in names):
        return ""
    count = figure_value(figures, f"{metric.name}.n")
    return f"{' · '.join(_one_percentile(cell, figures, name) for name in names)} {metric.unit}, n {count:.0f}"


def _one_percentile(cell: CellView, figures: Figures, name: str) -> str:
    """Without its unit; in brackets when too few values stand behind it to be stated."""
    value = figure_value(figures, name)
    if value is None:
        return "–"
    unit = BY_NAME[name.partition(".")[0]].unit
    words = value_words(name, value).removesuffix(f" {unit}")
    return f"({words})" if doubt_words(cell, name) else words


def _single_words(cell: CellView, figures: Figures, metric: Metric) -> str:
    value = figure_value(figures, metric.name)
    if value is None:
        return ""
    interval = cell.intervals.get(metric.name)
    if interval is None or metric.unit == "bytes":
        return value_words(metric.name, value)
    number, _, unit = value_words(metric.name, value).partition(" ")
    half = half_width_text(value, interval)
    # "± over 100 %" is of the value, whatever its own unit.
    return f"{number} {unit} {half}" if half.endswith("%") else f"{number} {half} {unit}".strip()
