"""Two columns that scroll by themselves; where the window is narrow the second one folds under the first."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

GAP_PX = 12


class ScrollColumn(QScrollArea):
    """A column as wide as there is room, scrolled down only."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(name)
        canvas = QWidget()
        canvas.setProperty("look", "canvas")
        self.column = QVBoxLayout(canvas)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(GAP_PX)
        self.setWidget(canvas)


class TwoColumns(QWidget):
    """A main column and a side column.

    Args:
        main, side: their content, each one widget.
        shares: how the width is divided.
        side_px: the side column is never narrower.
        narrow_px: below this width the side's content goes under the main one's.
    """

    def __init__(
        self,
        main: QWidget,
        side: QWidget,
        *,
        shares: tuple[int, int],
        side_px: int,
        narrow_px: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._side = side
        self._narrow_px = narrow_px
        self._main_column = ScrollColumn(main.accessibleName())
        self._side_column = ScrollColumn(side.accessibleName())
        self._side_column.setMinimumWidth(side_px)
        for widget in (main, side):
            widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._main_column.column.addWidget(main, 1)
        self._side_column.column.addWidget(side, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        layout.addWidget(self._main_column, shares[0])
        layout.addWidget(self._side_column, shares[1])

    @property
    def is_narrow(self) -> bool:
        """Whether the side's content is under the main one's."""
        return self._side_column.isHidden()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold or unfold the side column."""
        super().resizeEvent(event)
        is_narrow = event.size().width() < self._narrow_px
        if is_narrow != self.is_narrow:
            self._side_column.setVisible(not is_narrow)
            (self._main_column if is_narrow else self._side_column).column.addWidget(self._side, 0 if is_narrow else 1)
