"""A figure to pan and zoom, for results that stand still: pyqtgraph in the theme's colours, its legend for the card's title."""

from collections.abc import Callable

import pyqtgraph
from PySide6.QtCore import QEvent, QPointF, Qt, Slot
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from app.plots.legend import LegendLine
from app.plots.round_axis import RoundAxis
from app.tokens import Tokens, tokens
from app.typeface import font

SYMBOLS = {"circle": "o", "square": "s", "triangle": "t1", "diamond": "d"}
"""pyqtgraph's names of the legend's markers."""

_ZOOM = 0.8
_PAN_SHARE = 0.1


class Figure(QWidget):
    """Axes, grid and theme; a subclass puts curves into `self.plot` in `paint_content`, which is called again for a new theme.

    Wheel and drag zoom and pan, + and − zoom, the arrow keys pan, F or a double click show everything again.

    Args:
        x_label, y_label: at the axes; empty where the card's title line says it.

    Attributes:
        plot: pyqtgraph's PlotItem.
        legend: the figure's legend, to be put into its card's header.
    """

    def __init__(self, name: str, x_label: str, y_label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.legend = LegendLine()
        self._labels = {"bottom": x_label, "left": y_label}
        axes = {side: RoundAxis(side) for side in ("bottom", "left")}
        self._view = pyqtgraph.PlotWidget(self, axisItems=axes)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.setMinimumSize(240, 150)
        self._view.setFrameShape(self._view.Shape.NoFrame)
        self.plot = self._view.getPlotItem()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.showGrid(x=False, y=True, alpha=1.0)
        self.plot.getAxis("left").setZValue(-1000)  # showing the grid lifted it above the curves; they vanish there
        self.plot.vb.setDefaultPadding(0.04)
        self.plot.layout.setContentsMargins(0, 8, 16, 0)  # room for the half of the words of the last ticks
        self._view.scene().sigMouseClicked.connect(self._on_clicked)
        self._view.scene().sigMouseMoved.connect(self._on_pointer_moved)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(self._view)
        self._wear_theme()

    def paint_content(self, colors: Tokens) -> None:
        """Fill the empty `self.plot`; subclasses do."""

    def redraw(self) -> None:
        """Build the content anew and show all of it."""
        self.plot.clear()
        self.paint_content(tokens())
        self.fit()

    def fit(self) -> None:
        """Show everything; subclasses that start at 0 say so."""
        self.plot.enableAutoRange()

    def words_at(self, position: QPointF, is_near: Callable[[QPointF], bool]) -> str:
        """The tooltip at a place in the plot's own units; subclasses know. `is_near` tells whether a point is in reach."""
        return ""

    def chosen_at(self, is_near: Callable[[QPointF], bool]) -> None:
        """A click; subclasses that choose something know what."""

    def _wear_theme(self) -> None:
        colors = tokens()
        self._view.setBackground(QColor(colors.surface))
        for side, text in self._labels.items():
            axis = self.plot.getAxis(side)
            axis.setPen(pyqtgraph.mkPen(colors.grid if side == "left" else colors.line))
            axis.setTextPen(pyqtgraph.mkPen(colors.muted))
            axis.setStyle(tickFont=font("label"), tickLength=0, tickAlpha=255, hideOverlappingLabels=False)
            axis.enableAutoSIPrefix(False)
            if text:
                axis.setLabel(text, **{"color": colors.muted, "font-size": "11px"})
        self.redraw()

    def _nearness(self, scene_position: QPointF, reach_px: float = 12.0) -> Callable[[QPointF], bool]:
        def is_near(point: QPointF) -> bool:
            offset: QPointF = self.plot.vb.mapViewToScene(point) - scene_position
            return abs(offset.x()) <= reach_px and abs(offset.y()) <= reach_px

        return is_near

    @Slot(object)
    def _on_clicked(self, event: "pyqtgraph.GraphicsScene.mouseEvents.MouseClickEvent") -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.double():
            self.fit()
        else:
            self.chosen_at(self._nearness(event.scenePos()))

    @Slot(object)
    def _on_pointer_moved(self, scene_position: QPointF) -> None:
        if not self.plot.vb.sceneBoundingRect().contains(scene_position):
            return
        words = self.words_at(self.plot.vb.mapSceneToView(scene_position), self._nearness(scene_position))
        if words:
            point = self._view.viewport().mapToGlobal(self._view.mapFromScene(scene_position))
            QToolTip.showText(point, words, self)
        else:
            QToolTip.hideText()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, pan and fit by keyboard."""
        pans = {
            Qt.Key.Key_Left: (-_PAN_SHARE, 0.0),
            Qt.Key.Key_Right: (_PAN_SHARE, 0.0),
            Qt.Key.Key_Up: (0.0, _PAN_SHARE),
            Qt.Key.Key_Down: (0.0, -_PAN_SHARE),
        }
        key = Qt.Key(event.key())
        if key in pans:
            rect = self.plot.vb.viewRect()
            right, up = pans[key]
            self.plot.vb.translateBy(x=right * rect.width(), y=up * rect.height())
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.plot.vb.scaleBy((_ZOOM, _ZOOM))
        elif key == Qt.Key.Key_Minus:
            self.plot.vb.scaleBy((1 / _ZOOM, 1 / _ZOOM))
        elif key == Qt.Key.Key_F:
            self.fit()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: other colours everywhere."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._wear_theme()
