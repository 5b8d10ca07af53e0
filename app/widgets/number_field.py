"""Fields for numbers: as Qt's own, with air before the digits, and deaf to the wheel until they are in use."""

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

_AIR_PX = 6
"""The stylesheet's left padding does not reach the editor inside a spin box (Qt 6.11), so it is given here."""


class WholeField(QSpinBox):
    """A whole number with its unit."""

    def __init__(self, least: int, most: int, unit: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(least, most)
        self.setSuffix(f" {unit}" if unit else "")
        self.lineEdit().setTextMargins(_AIR_PX, 0, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setLocale(QLocale.c())
        self.setGroupSeparatorShown(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolling the page must not change the plan."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class RealField(QDoubleSpinBox):
    """A number with its unit, with a point as in the plan file and no more decimals than it needs."""

    def __init__(self, least: float, most: float, unit: str = "", decimals: int = 1, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(decimals)
        self.setRange(least, most)
        self.setSuffix(f" {unit}" if unit else "")
        self.lineEdit().setTextMargins(_AIR_PX, 0, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setLocale(QLocale.c())

    def textFromValue(self, value: float) -> str:
        """7, not 7.0."""
        return f"{value:.{self.decimals()}f}".rstrip("0").rstrip(".") if self.decimals() else f"{value:.0f}"

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolling the page must not change the plan."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
