"""Facts below each other: what, how much, and what that is held against; faint lines between."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.typeface import font
from app.widgets.elided_label import ElidedLabel
from app.widgets.plain_label import PlainLabel
from app.widgets.plain_tip import plain_tip
from app.widgets.rule import Rule
from app.widgets.sentence import Tone, marked, set_tone

_SPACING_PX = 6


@dataclass(frozen=True, slots=True)
class Fact:
    """One row.

    Attributes:
        value: with its unit.
        held_against: behind it where there is a third column, in `tone` and with its mark.
        term: for the tooltip.
    """

    label: str
    value: str
    held_against: str = ""
    tone: Tone = "muted"
    term: str = ""


class FactRows(QWidget):
    """The rows; labels at the left, figures at the right.

    Args:
        heads: over three columns; without them there are two.
    """

    def __init__(self, heads: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heads = tuple(heads)
        self._facts: tuple[Fact, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(_SPACING_PX)
        self._grid.setColumnStretch(0, 1)
        for column, text in enumerate(self._heads):
            head = PlainLabel(text)
            head.setFont(font("label"))
            set_tone(head, "muted")
            self._grid.addWidget(head, 0, column, _side(column))
        self._rows: list[_Row] = []

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is shown."""
        return self._facts

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these instead."""
        self._facts = tuple(facts)
        while len(self._rows) < len(facts):
            self._rows.append(_Row(self._grid, len(self._rows), has_third=bool(self._heads)))
        for number, row in enumerate(self._rows):
            row.show_fact(facts[number] if number < len(facts) else None, has_rule=bool(number or self._heads))


class _Row:
    """The widgets of one row.

    Args:
        grid: where they go.
        number: from 0.
        has_third: a third column says what the value is held against; else the value takes its place.
    """

    def __init__(self, grid: QGridLayout, number: int, *, has_third: bool) -> None:
        self._rule = Rule()
        self._name, self._value = PlainLabel(), ElidedLabel(least_px=120 if has_third else 72)
        self._third = PlainLabel() if has_third else None
        set_tone(self._name, "muted")
        row = 2 * number + 2
        grid.addWidget(self._rule, row - 1, 0, 1, 3)
        grid.addWidget(self._name, row, 0)
        grid.addWidget(self._value, row, 1, 1, 1 if has_third else 2, _side(1))
        if self._third is not None:
            grid.addWidget(self._third, row, 2, _side(2))

    def show_fact(self, fact: Fact | None, *, has_rule: bool) -> None:
        """Show a fact, or with None nothing."""
        self._rule.setVisible(fact is not None and has_rule)
        for label in filter(None, (self._name, self._value, self._third)):
            label.setVisible(fact is not None)
        if fact is None:
            return
        held_against = marked(fact.held_against, fact.tone)
        self._name.setText(fact.label)
        self._name.setToolTip(plain_tip(fact.term))
        self._value.show_text(fact.value)
        self._value.setAccessibleName(f"{fact.label}: {fact.value} {held_against}".strip())
        if self._third is not None:
            self._third.setText(held_against)
            set_tone(self._third, fact.tone)


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
