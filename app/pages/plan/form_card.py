"""What every card of the plan's form has: rows that belong to fields of the plan, and a signal when one was edited."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from PySide6.QtCore import Signal, Slot

from app.widgets.card import Card
from app.widgets.fold import Fold
from app.widgets.form_row import FormRow
from profiler.plan.plan import Plan

Document = dict[str, Any]
"""A plan's sections with their fields, as they are typed."""


class FormCard(Card):
    """A card whose rows answer fields of the plan.

    Signals:
        edited: the person changed something.
    """

    edited = Signal()

    def __init__(self, title: str = "") -> None:
        super().__init__(title)
        self._rows: dict[str, FormRow] = {}
        self._folded: dict[FormRow, Fold] = {}
        self._is_showing = False

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's values."""
        raise NotImplementedError

    def document(self) -> Document:
        """The values as they are typed now."""
        raise NotImplementedError

    def add_row(self, row: FormRow, *fields: str, fold: Fold | None = None) -> FormRow:
        """Put a row below the others, or into `fold`; it shows the problems of `fields` ("load.concurrency")."""
        (fold or self).body.addWidget(row)
        self.register_row(row, *fields)
        if fold is not None:
            self._folded[row] = fold
        return row

    def register_row(self, row: FormRow, *fields: str) -> None:
        """Have a row that stands in a part of the card show the problems of `fields`."""
        self._rows.update(dict.fromkeys(fields, row))

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Tell what is wrong beside each field, and that nothing is wrong with the others; nothing wrong stays folded."""
        for row in dict.fromkeys(self._rows.values()):
            told = [as_sentence(problems[field]) for field, owner in self._rows.items() if owner is row and field in problems]
            row.show_problem(" ".join(told))
            if told and row in self._folded:
                self._folded[row].set_open(True)

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Values that change meanwhile were changed by us, not by the person."""
        self._is_showing = True
        try:
            yield
        finally:
            self._is_showing = False

    @Slot()
    def on_edited(self) -> None:
        """A control of this card has another value."""
        if not self._is_showing:
            self.edited.emit()


def as_sentence(text: str) -> str:
    """What is wrong with a field, with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
