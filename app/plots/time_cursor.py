"""The crosshair that all plots of a page share."""

from PySide6.QtCore import QObject, Signal


class TimeCursor(QObject):
    """An instant that somebody points at, in seconds before now (0 to the page's span), or nothing.

    Signals:
        moved: it is elsewhere now.
    """

    moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ago_s: float | None = None

    @property
    def ago_s(self) -> float | None:
        """Seconds before now, None while nobody points."""
        return self._ago_s

    def point_at(self, ago_s: float | None) -> None:
        """Point there; None points nowhere."""
        if ago_s != self._ago_s:
            self._ago_s = ago_s
            self.moved.emit()
