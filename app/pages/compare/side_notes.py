"""What casts doubt on a comparison: flags, cells without a partner, and where machines and plans differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.pages.compare.words import cell_words, flag_parts, is_aside, telling_axes
from app.widgets.card import Card
from app.widgets.rule import Rule
from app.widgets.sentence import Sentence, Tone
from app.widgets.two_columns import GAP_PX
from profiler.analysis.comparison.cause import causes
from profiler.analysis.comparison.machine import Difference
from profiler.analysis.comparison.result import Comparison
from profiler.plan.cell_words import cell_title
from profiler.plan.cells import varying_axes

Fact = tuple[str, str, str]
"""What it is, and how it is on the base and on the other side."""

_PLAN_FIELDS = {"need.slo": "Limits"}
_MOST_CELLS_TOLD = 3
_MOST_ALONE_TOLD = 20


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence and its tone."""

    sentence: str
    tone: Tone


def doubts(comparison: Comparison) -> list[Note]:
    """Each kind of flag once for each side, with the cells that it touches."""
    axes = telling_axes(comparison.figures)
    cells: dict[tuple[str, str], list[str]] = {}
    sentences: dict[tuple[str, str], str] = {}
    asides = set()
    for figure in comparison.figures:
        if not figure.is_primary:
            continue  # flags are those of the cell's runs, whatever the figure
        for flag in figure.flags:
            side, name, sentence = flag_parts(flag, figure)
            touched = cells.setdefault((side, name), [])
            sentences.setdefault((side, name), sentence)
            if (words := cell_words(figure, axes)) not in touched:
                touched.append(words)
            if is_aside(flag, figure):
                asides.add((side, name))
    notes = [
        Note(f"**{side}**, {_some(touched)}: {sentences[side, name]}", "muted" if (side, name) in asides else "caution")
        for (side, name), touched in sorted(cells.items(), key=lambda item: item[0] in asides)
    ]
    return [*_left_out(comparison), *notes]


def _left_out(comparison: Comparison) -> list[Note]:
    """Runs that were disturbed twice: they are valid for want of better ones, and are not compared."""
    counts: dict[str, dict[int, int]] = {}
    for figure in comparison.figures:
        for side, cell in ((figure.a_name, figure.a), (figure.b_name, figure.b)):
            counts.setdefault(side, {})[id(cell)] = cell.disturbed
    totals = {side: sum(of_cells.values()) for side, of_cells in counts.items()}
    return [
        Note(f"**{side}**: {count} disturbed run{' is' if count == 1 else 's are'} left out", "caution")
        for side, count in totals.items()
        if count
    ]


def likely_causes(comparison: Comparison) -> list[Note]:
    """What may have made the sides differ, where they do."""
    has_several = len(comparison.differences) > 1
    return [
        Note(f"**{each.b_name}**: {each.sentence}" if has_several else each.sentence, "plain")
        for each in causes(comparison)
        if each.sentence
    ]


def alone(comparison: Comparison) -> list[Note]:
    """The cells without a partner, with the reason."""
    cells = [each.unmatched.cell.configuration for each in comparison.alone]
    cells += [figure.a.configuration for figure in comparison.figures]
    axes = [axis.name for axis in varying_axes(cells)] if cells else []
    notes = [
        Note(f"Only in **{each.name}**: {cell_title(each.unmatched.cell.configuration, axes)}. {each.unmatched.reason}", "plain")
        for each in comparison.alone[:_MOST_ALONE_TOLD]
    ]
    more = len(comparison.alone) - len(notes)
    return [*notes, Note(f"And {more} more.", "muted")] if more else notes


def _some(cells: Sequence[str]) -> str:
    more = len(cells) - _MOST_CELLS_TOLD
    return ", ".join(cells[:_MOST_CELLS_TOLD]) + (f" and {more} more" if more > 0 else "")


class NotesCard(Card):
    """A list of sentences; hidden while there are none."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._sentences: list[Sentence] = []

    @property
    def told(self) -> list[str]:
        """The sentences."""
        return [sentence.accessibleName() for sentence in self._sentences if sentence.isVisibleTo(self)]

    def show_notes(self, notes: Sequence[Note]) -> None:
        """Show these instead."""
        while len(self._sentences) < len(notes):
            self._sentences.append(Sentence(role="small"))
            self.body.addWidget(self._sentences[-1])
        for number, sentence in enumerate(self._sentences):
            sentence.setVisible(number < len(notes))
        for sentence, note in zip(self._sentences, notes, strict=False):
            sentence.show_text(note.sentence, note.tone)
        self.setVisible(bool(notes))


class DifferencesCard(Card):
    """Facts with what they are on the base and on the other side, in two columns."""

    def __init__(self, title: str, without: str) -> None:
        super().__init__(title)
        self._without = without
        self._table: QWidget | None = None
        self._rows: list[Fact] = []

    @property
    def rows(self) -> list[Fact]:
        """The rows, with one of heads for each pair of sides."""
        return self._rows

    def show_differences(self, pairs: Sequence[tuple[str, str, Sequence[Fact]]]) -> None:
        """Show these instead: (base, other, facts) of each pair of sides."""
        if self._table is not None:
            self.body.removeWidget(self._table)
            self._table.hide()
            self._table.deleteLater()
        self._rows = []
        self._table = QWidget()
        grid = QGridLayout(self._table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        for base, other, facts in pairs:
            if not facts:
                continue
            self._add_row(grid, ("", base, other), is_head=True)
            for fact in facts:
                self._add_row(grid, fact)
        if not self._rows:
            grid.addWidget(Sentence(self._without, "muted", "small"), 0, 0, 1, 3)
        self.body.addWidget(self._table)

    def _add_row(self, grid: QGridLayout, texts: Fact, *, is_head: bool = False) -> None:
        row = grid.rowCount()
        if not is_head:
            grid.addWidget(Rule(), row, 0, 1, 3)
            row += 1
        for column, text in enumerate(texts):
            label = Sentence(_breakable(text), "muted" if is_head or column == 0 else "plain", "label" if is_head else "small")
            label.setAccessibleName(text)
            grid.addWidget(label, row, column, Qt.AlignmentFlag.AlignTop)
        self._rows.append(texts)


class SideNotes(QWidget):
    """The cards below each other."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("What differs and what is doubtful")
        self.causes = NotesCard("Likely cause")
        self.doubts = NotesCard("Doubts")
        self.alone = NotesCard("Without a partner")
        self.machines = DifferencesCard("Machines", "No difference between the machines is known.")
        self.plans = DifferencesCard("Plans", "The plans differ in nothing but their axes.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        for card in (self.causes, self.alone, self.doubts, self.machines, self.plans):
            layout.addWidget(card)
        layout.addStretch(1)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show what belongs to this one."""
        self.causes.show_notes(likely_causes(comparison))
        self.doubts.show_notes(doubts(comparison))
        self.alone.show_notes(alone(comparison))
        sides = comparison.differences
        self.machines.show_differences([(each.a_name, each.b_name, _facts(each.machine)) for each in sides])
        self.plans.show_differences([(each.a_name, each.b_name, _facts(each.plan)) for each in sides])


def _facts(differences: Sequence[Difference]) -> list[Fact]:
    """Rows; a field of the plan is told in words."""
    return [(_PLAN_FIELDS.get(each.fact, _spelled(each.fact)), each.a, each.b) for each in differences]


def _spelled(fact: str) -> str:
    """The field load.rate_to as "Rate to"; what is words already stays as it is."""
    section, point, field = fact.partition(".")
    return field.replace("_", " ").capitalize() if point and section in ("load", "need", "trust") else fact


def _breakable(text: str) -> str:
    """Text that may be broken behind the marks that join words in names, too."""
    for mark in ("/", "_", "=", "|"):
        text = text.replace(mark, f"{mark}\u200b")
    return text
