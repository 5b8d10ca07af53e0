"""The table of verdicts, a choice of figures above it, and the selected row in words below it."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction

from app.pages.compare.comparing import Outcome
from app.pages.compare.shift_delegate import scale_of
from app.pages.compare.verdict_columns import (
    EXPLORATORY,
    PRIMARY,
    VerdictRow,
    explanation,
    verdict_columns,
    verdict_rows,
)
from app.pages.compare.verdict_view import VerdictView
from app.pages.compare.words import figure_words, interval_percents, touching_flags
from app.tables.record_table import RecordTable
from app.widgets.card import Card
from app.widgets.choice_field import ChoiceField
from app.widgets.sentence import Sentence

MOST_ROWS_IN_SIGHT = 8
"""A longer table scrolls within its card."""

_EXPLAINED_LINES = 3
ALL_FIGURES, PRIMARY_ONLY = "all", "primary"


class VerdictCard(Card):
    """Verdicts.

    Args:
        actions: of the table's context menu.

    Signals:
        row_chosen: another row is selected (`ComparedFigure`), or none (None).
    """

    row_chosen = Signal(object)

    def __init__(self, actions: list[QAction]) -> None:
        super().__init__("Verdicts")
        self._rows: list[VerdictRow] = []
        self.table: RecordTable[VerdictRow] = RecordTable(())
        self.view = VerdictView(self.table, actions)
        self.view.chosen.connect(self._on_row_chosen)
        self.figure_field = ChoiceField([(ALL_FIGURES, "All figures")])
        self.figure_field.setAccessibleName("Figures that are shown")
        self.figure_field.setMinimumWidth(190)
        self.figure_field.currentIndexChanged.connect(self._on_figure_chosen)
        self._explained = Sentence(role="small")
        self._explained.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Room for the longest, lest the table jump while one goes from row to row.
        self._explained.setMinimumHeight(_EXPLAINED_LINES * self._explained.fontMetrics().lineSpacing())
        self.header.addWidget(self.figure_field)
        self.body.addWidget(self.view, 1)
        self.body.addWidget(self._explained)

    @property
    def explained(self) -> str:
        """What is said of the selected row."""
        return self._explained.accessibleName()

    def show_outcome(self, outcome: Outcome) -> None:
        """Show these verdicts; the chosen figure stays chosen where it is still there."""
        comparison = outcome.comparison
        self._rows = verdict_rows(comparison)
        has_flags = any(touching_flags(row.figure) for row in self._rows)
        columns = verdict_columns(outcome.names, has_flags=has_flags)
        self.table.show_records([], columns)
        intervals = (interval_percents(row.figure) for row in self._rows)
        self.view.show_scale(
            outcome.names, scale_of([ends for ends in intervals if ends is not None], comparison.same_within_percent)
        )
        size = comparison.family_size
        family = f"{PRIMARY} primary, corrected for {size} comparisons" if size > 1 else f"{PRIMARY} primary"
        self.set_title("Verdicts", f"{family} · {EXPLORATORY} exploratory, each judged alone")
        self._offer_figures(self._rows)
        self._show_rows()

    def _offer_figures(self, rows: Sequence[VerdictRow]) -> None:
        kept = self.figure_field.value()
        names = list(dict.fromkeys(row.figure.figure for row in rows))
        choices = [(ALL_FIGURES, f"All figures ({len(rows)})"), (PRIMARY_ONLY, f"{PRIMARY} Primary only")]
        choices += [(name, figure_words(name)) for name in names]
        self.figure_field.blockSignals(True)
        self.figure_field.clear()
        for value, label in choices:
            self.figure_field.addItem(label, value)
        self.figure_field.choose(kept if kept in dict(choices) else ALL_FIGURES)
        self.figure_field.blockSignals(False)

    def _show_rows(self) -> None:
        chosen = self.figure_field.value()
        shown = [
            row
            for row in self._rows
            if chosen == ALL_FIGURES or row.figure.figure == chosen or (chosen == PRIMARY_ONLY and row.figure.is_primary)
        ]
        self.table.show_records(shown)
        self.view.setMinimumHeight(self.view.height_of_rows(MOST_ROWS_IN_SIGHT))
        if shown:
            self.view.select_rows([0])
        self._on_row_chosen()

    @Slot()
    def _on_figure_chosen(self) -> None:
        self._show_rows()

    @Slot()
    def _on_row_chosen(self) -> None:
        rows = self.view.selected_rows()
        self._explained.show_text(explanation(self.table.record(rows[0])) if rows else "", "muted")
        self.row_chosen.emit(self.table.record(rows[0]).figure if rows else None)
