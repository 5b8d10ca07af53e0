"""Chips: the choices of a form, all in sight, one or several of them on."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QButtonGroup, QPushButton, QSizePolicy, QWidget

from app.typeface import font
from app.widgets.flow_layout import FlowLayout
from app.widgets.plain_tip import plain_tip


@dataclass(frozen=True, slots=True)
class Choice:
    """One chip: what it stands for, its words, and what the tooltip adds."""

    value: Hashable
    label: str
    tip: str = ""


class Chip(QPushButton):
    """A button that is on or off, as wide on as off although its letters grow bolder."""

    def __init__(self, label: str, tip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(label, parent)
        self.setCheckable(True)
        self.setProperty("look", "chip")
        self.setFont(font("small"))
        self.setToolTip(plain_tip(tip))
        self.setAccessibleDescription(tip)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        """Room for the semibold letters."""
        bold = font("small")
        bold.setWeight(QFont.Weight.DemiBold)
        hint = super().sizeHint()
        wider = QFontMetrics(bold).horizontalAdvance(self.text()) - self.fontMetrics().horizontalAdvance(self.text())
        return QSize(hint.width() + max(0, wider), hint.height())


class Chips(QWidget):
    """A wrapping row of chips.

    Signals:
        chosen: the user changed the choice (not sent by `choose`).

    Args:
        choices: in order.
        several: any number may be on; otherwise exactly one is (the first at the start).
    """

    chosen = Signal()

    def __init__(self, choices: Sequence[Choice] = (), *, several: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._several = several
        self._chips: dict[Hashable, Chip] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(not several)
        self._group.buttonClicked.connect(self._on_clicked)
        self._layout = FlowLayout(self, spacing_px=6)
        self.set_choices(choices)

    def set_choices(self, choices: Sequence[Choice]) -> None:
        """Offer these; what was on stays on where it is still offered."""
        before = self.values()
        for chip in self._chips.values():
            self._group.removeButton(chip)
            self._layout.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = {choice.value: Chip(choice.label, choice.tip, self) for choice in choices}
        for chip in self._chips.values():
            self._group.addButton(chip)
            self._layout.addWidget(chip)
        kept = [value for value in before if value in self._chips]
        self.choose(*(kept or (() if self._several else tuple(self._chips)[:1])))

    def chip(self, value: Hashable) -> Chip:
        """The chip of a value."""
        return self._chips[value]

    def values(self) -> tuple[Hashable, ...]:
        """What is on, in the order of the choices."""
        return tuple(value for value, chip in self._chips.items() if chip.isChecked())

    def value(self) -> Hashable | None:
        """What is on where one is on; None where nothing is offered."""
        return next(iter(self.values()), None)

    def choose(self, *values: Hashable) -> None:
        """Have these on, all others off."""
        for value, chip in self._chips.items():
            if self._several or value in values:
                chip.setChecked(value in values)

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit()
