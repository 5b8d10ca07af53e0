"""A few figures of one kind below each other, each with a bar as long as it is large."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from app.tokens import tokens
from app.widgets.plain_label import PlainLabel
from app.widgets.sentence import set_tone

_BAR_PX = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One row.

    Attributes:
        label: whose figure.
        value: 0 or more.
        figure: the value with its unit.
    """

    label: str
    value: float
    figure: str


class BarRows(QWidget):
    """The rows; the largest value's bar takes all the room. Hidden without rows."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._bars: tuple[Bar, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, 120)
        self._grid.setColumnStretch(1, 1)

    @property
    def bars(self) -> tuple[Bar, ...]:
        """What is shown."""
        return self._bars

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Show these instead."""
        self._bars = tuple(bars)
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.setParent(None)
                widget.deleteLater()
        self.setVisible(bool(self._bars))
        most = max((bar.value for bar in self._bars), default=0.0)
        for row, bar in enumerate(self._bars):
            label, figure = PlainLabel(bar.label), PlainLabel(bar.figure)
            set_tone(label, "muted")
            figure.setAccessibleName(f"{bar.label}: {bar.figure}")
            self._grid.addWidget(label, row, 0)
            self._grid.addWidget(_BarShape(bar.value / most if most > 0 else 0.0), row, 1)
            self._grid.addWidget(figure, row, 2, Qt.AlignmentFlag.AlignRight)


class _BarShape(QWidget):
    """The bar itself, on its track; the figure beside it says the same."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """A line."""
        return QSize(200, _BAR_PX)

    def minimumSizeHint(self) -> QSize:
        """Still a bar."""
        return QSize(40, _BAR_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track and bar."""
        colors = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        for share, color in ((1.0, colors.raised), (self._share, colors.series[0])):
            painter.setBrush(QColor(color))
            painter.drawRoundedRect(QRectF(0, 0, share * self.width(), self.height()), 3, 3)
        painter.end()
