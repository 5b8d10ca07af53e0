"""A card for fields of one section of the plan: how each is shown and read back, and which of them have a meaning now."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pydantic import BaseModel
from PySide6.QtWidgets import QLineEdit

from app.pages.plan.form_card import FormCard
from app.widgets.axis_field import AxisField
from app.widgets.chips import Chips
from app.widgets.fold import Fold
from app.widgets.form_row import FormRow


class _Control(Protocol):
    """What answers one field."""

    def show_value(self, value: Any) -> None:
        """Show the plan's value."""

    def typed(self) -> Any:
        """The value as it is typed; None leaves the field to its default."""


class _Axis:
    """Several values in a line of text; where the field has a default, nothing typed means it."""

    def __init__(self, field: AxisField, *, has_default: bool) -> None:
        self._field = field
        self._has_default = has_default

    def show_value(self, value: Any) -> None:
        self._field.show_values(value)

    def typed(self) -> Any:
        return self._field.values() or (None if self._has_default else [])


class _Single:
    """One value in a line of text."""

    def __init__(self, field: QLineEdit) -> None:
        self._field = field

    def show_value(self, value: Any) -> None:
        self._field.setText("" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value))

    def typed(self) -> Any:
        return self._field.text().strip() or None


class _Choices:
    """Several chips; the order of the plan's values is kept, since tables and pictures follow it."""

    def __init__(self, chips: Chips) -> None:
        self._chips = chips
        self._order: tuple[Any, ...] = ()

    def show_value(self, value: Any) -> None:
        self._order = value
        self._chips.choose(*value)

    def typed(self) -> Any:
        chosen = self._chips.values()
        kept = [value for value in self._order if value in chosen]
        return [*kept, *(value for value in chosen if value not in kept)]


class SectionCard(FormCard):
    """Rows that answer fields of one section.

    Args:
        section: its name in the plan ("load").
        title: of the card; may be empty.
    """

    def __init__(self, section: str, title: str = "") -> None:
        super().__init__(title)
        self._section = section
        self._controls: dict[str, _Control] = {}
        self._unused: set[str] = set()
        self._names: dict[FormRow, tuple[str, ...]] = {}

    def axis(self, name: str, width_px: int = 140, default: str | None = None) -> AxisField:
        """A new control for the values of an axis; `default` are words for what holds while nothing is typed."""
        field = AxisField(width_px, default or "")
        field.textEdited.connect(self.on_edited)
        self._controls[name] = _Axis(field, has_default=default is not None)
        return field

    def single(self, name: str, width_px: int = 96, default: str = "–") -> AxisField:
        """A new control for a field of one value."""
        field = AxisField(width_px, default)
        field.textEdited.connect(self.on_edited)
        self._controls[name] = _Single(field)
        return field

    def choices(self, name: str, chips: Chips) -> Chips:
        """Have these chips answer the field."""
        chips.chosen.connect(self.on_edited)
        self._controls[name] = _Choices(chips)
        return chips

    def add_fields(self, row: FormRow, *names: str, fold: Fold | None = None) -> FormRow:
        """Put the row of these fields below the others, or into `fold`."""
        self._names[row] = names
        return self.add_row(row, *(f"{self._section}.{name}" for name in names), fold=fold)

    def use(self, row: FormRow, is_used: bool) -> None:
        """Show a row whose fields have a meaning beside the others; else hide it and leave them out of the plan."""
        row.setVisible(is_used)
        (self._unused.difference_update if is_used else self._unused.update)(self._names[row])

    def move_row(self, row: FormRow, fold: Fold | None, after: FormRow | None) -> None:
        """Put a row behind another one (None: in front of all), in the card or in a fold of it."""
        layout = (fold or self).body
        if self._folded.get(row) is fold and layout.indexOf(row) >= 0:
            return
        was_shown = not row.isHidden()
        (self._folded.get(row) or self).body.removeWidget(row)
        layout.insertWidget(0 if after is None else layout.indexOf(after) + 1, row)
        row.setVisible(was_shown)  # another parent hides it
        self._folded.pop(row, None)
        if fold is not None:
            self._folded[row] = fold

    def show_fields(self, section: BaseModel, names: Iterable[str] | None = None) -> None:
        """Show these fields of the section, by default all that the card has."""
        for name in self._controls if names is None else names:
            if name in self._controls:
                self._controls[name].show_value(getattr(section, name))

    def typed(self) -> dict[str, Any]:
        """The fields that have a meaning, as they are typed; what is left to its default is absent."""
        return {
            name: value
            for name, control in self._controls.items()
            if name not in self._unused and (value := control.typed()) is not None
        }


def told_values(values: Iterable[object], words: Mapping[str, str] | None = None) -> str:
    """The values of an axis in a summary: "1, 2, 0.5"."""
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return ", ".join((words or {}).get(text, text) for text in texts)
