"""A field for the values of an axis, "1, 2, 4": what is typed is kept, the plan's own checks say what is wrong with it."""

import re
from collections.abc import Sequence

from PySide6.QtWidgets import QLineEdit, QWidget


def typed_values(text: str) -> list[str]:
    """The values in "1, 2, 4" or "1 2 4", as they were typed."""
    return [part for part in re.split(r"[\s,;]+", text) if part]


class AxisField(QLineEdit):
    """One value or several.

    Args:
        width_px: of the field.
        default: words for what holds while nothing is typed; empty where a value is needed.
    """

    def __init__(self, width_px: int = 140, default: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(width_px)
        self.setPlaceholderText(default)

    def values(self) -> list[str]:
        """What is typed, value by value."""
        return typed_values(self.text())

    def show_values(self, values: Sequence[object] | None) -> None:
        """Show these values, or with None that the default holds."""
        self.setText(", ".join(_typed(value) for value in values or ()))


def _typed(value: object) -> str:
    """A value as a person would type it: 20, not 20.0."""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
