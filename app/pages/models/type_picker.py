"""A list of quantizations to choose from, each with what is known of it before it is made."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from app.pages.models.type_rows import TypeRow
from app.typeface import font
from app.widgets.elided_label import ElidedLabel
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Tone, set_tone

_HEADS = (
    ("Type", "llama.cpp's name of the file type"),
    ("Bits", "Bits per weight that the file would have"),
    ("Size", "Of the file, by llama.cpp's own dry run"),
    ("Here", "Whether weights, KV cache and buffers fit into the free memory"),
    ("Loss", "KL divergence against a base model, where it was measured"),
    ("", ""),
)
_FIGURES = (1, 2)
_STATE = 5


class _Cell(ElidedLabel):
    """A text that may have more to say than itself."""

    _tip = ""

    def __init__(self) -> None:
        super().__init__("", "small", least_px=28)

    def show_cell(self, text: str, tone: Tone, tip: str = "") -> None:
        """Show this; `tip` stands in the tooltip."""
        self._tip = _capital(tip)
        self.show_text(text)
        self._tell_in_full()
        set_tone(self, tone)

    def _tell_in_full(self) -> None:
        super()._tell_in_full()
        if self._tip:
            whole = "" if self._elided() == self.text() else self.text()
            self.setToolTip(plain_tip("\n".join(filter(None, (whole, self._tip)))))


class _Line:
    """The widgets of one row."""

    def __init__(self, grid: QGridLayout, number: int) -> None:
        self.box = QCheckBox()
        self.type = ""
        self._cells = [_Cell() for _ in _HEADS[1:]]
        grid.addWidget(self.box, number, 0)
        for column, cell in enumerate(self._cells, 1):
            is_figure = column in _FIGURES
            grid.addWidget(cell, number, column, Qt.AlignmentFlag.AlignRight if is_figure else Qt.AlignmentFlag.AlignLeft)

    def show_row(self, row: TypeRow | None, *, is_chosen: bool) -> None:
        """Show this type, or nothing."""
        for widget in (self.box, *self._cells):
            widget.setVisible(row is not None)
        if row is None:
            self.type = ""
            return
        self.type = row.type
        self.box.setText(row.label)
        self.box.setChecked(is_chosen)
        # What was chosen before the obstacle came can be taken out again.
        self.box.setEnabled(not row.obstacle or is_chosen)
        self.box.setToolTip(plain_tip(_capital(row.obstacle)))
        self.box.setAccessibleName(row.label)
        self.box.setAccessibleDescription(row.in_words)
        bits, size, fits, quality, state = self._cells
        bits.show_cell(row.bits, "muted")
        size.show_cell(row.size, "plain", row.size_tip)
        fits.show_cell(row.fits, row.fits_tone, row.fits_tip)
        quality.show_cell(row.quality, "plain" if row.quality[:1].isdigit() else "muted", row.quality_tip)
        state.show_cell(row.state, "caution" if row.obstacle and is_chosen else "muted", row.state_tip)


class TypePicker(QWidget):
    """Rows with a check box each; the arrow keys go from one to the next.

    Signals:
        chosen: the person changed the choice (not sent by `show_rows`).
    """

    chosen = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._rows: tuple[TypeRow, ...] = ()
        self._chosen: tuple[str, ...] = ()
        self._lines: list[_Line] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(_STATE, 1)
        for column, (text, term) in enumerate(_HEADS):
            head = QLabel(text)
            head.setFont(font("label"))
            head.setToolTip(plain_tip(term))
            set_tone(head, "muted")
            side = Qt.AlignmentFlag.AlignRight if column in _FIGURES else Qt.AlignmentFlag.AlignLeft
            self._grid.addWidget(head, 0, column, side)

    @property
    def rows(self) -> tuple[TypeRow, ...]:
        """What is shown."""
        return self._rows

    def box(self, type_name: str) -> QCheckBox:
        """The check box of a type that is shown."""
        return next(line.box for line in self._lines if line.type == type_name)

    def values(self) -> tuple[str, ...]:
        """The chosen types: those that `show_rows` named in their order, then those that the person added."""
        return self._chosen

    def show_rows(self, rows: Sequence[TypeRow], chosen: Sequence[str]) -> None:
        """Show these types, and have exactly these chosen."""
        self._rows, self._chosen = tuple(rows), tuple(chosen)
        while len(self._lines) < len(rows):
            line = _Line(self._grid, len(self._lines) + 1)
            line.box.clicked.connect(self._on_clicked)
            self._lines.append(line)
        for number, line in enumerate(self._lines):
            row = rows[number] if number < len(rows) else None
            line.show_row(row, is_chosen=row is not None and row.type in self._chosen)

    @Slot()
    def _on_clicked(self) -> None:
        checked = [line.type for line in self._lines if line.type and line.box.isChecked()]
        kept = [name for name in self._chosen if name in checked]
        self._chosen = (*kept, *(name for name in checked if name not in kept))
        self.chosen.emit()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
