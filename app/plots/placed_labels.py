"""Labels beside the points of a figure, placed anew whenever its range or its size changes."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyqtgraph
from PySide6.QtCore import QObject, QPointF, QRectF, QTimer, Slot

from app.plots.label_places import Box, Pixels, Wanted, is_led_to, label_places
from app.tokens import Tokens
from app.typeface import font

Place = tuple[float, float]
_ALONG_LINE = 12


class PlacedLabels(QObject):
    """The labels of one plot, by `label_places`: none covers another one or a point; one without room is left out.

    Args:
        plot: pyqtgraph's PlotItem, which is cleared before `show`.
    """

    def __init__(self, plot: pyqtgraph.PlotItem, parent: QObject) -> None:
        super().__init__(parent)
        self._plot = plot
        self._labels: list[tuple[Place, pyqtgraph.TextItem]] = []
        self._points: list[Place] = []
        self._lines: list[list[Place]] = []
        self._leaders = pyqtgraph.PlotCurveItem(connect="pairs")
        plot.vb.addItem(self._leaders, ignoreBounds=True)  # not one of those that clearing the plot takes away
        self._placing = QTimer(self)
        self._placing.setSingleShot(True)
        self._placing.setInterval(0)
        self._placing.timeout.connect(self._place)
        plot.vb.sigRangeChanged.connect(self._on_changed)
        plot.vb.sigResized.connect(self._on_changed)

    @property
    def words(self) -> list[str]:
        """The labels that have room."""
        return [label.toPlainText() for _, label in self._labels if label.isVisible()]

    def show(
        self, labels: Sequence[tuple[Place, str]], points: Sequence[Place], lines: Sequence[Sequence[Place]], colors: Tokens
    ) -> None:
        """Put these labels into the plot.

        Args:
            labels: the point and the words of each, those that come first choosing their places first.
            points: all marks, which no label may cover.
            lines: corners of the lines that labels keep off where they can.
            colors: of the theme.
        """
        self._points, self._lines = list(points), [list(line) for line in lines]
        self._labels = []
        for place, words in labels:
            label = pyqtgraph.TextItem(words, color=colors.muted, anchor=(0.0, 0.0))
            label.setFont(font("label"))
            label.textItem.document().setDocumentMargin(0)
            label.setPos(*place)
            self._labels.append((place, label))
            self._plot.addItem(label, ignoreBounds=True)
        self._leaders.setData([], [])
        self._leaders.setPen(pyqtgraph.mkPen(colors.muted, width=1))
        self._placing.start()

    @Slot()
    def _on_changed(self) -> None:
        self._placing.start()

    @Slot()
    def _place(self) -> None:
        view = self._plot.vb
        frame: QRectF = view.sceneBoundingRect()
        if not self._labels or frame.width() < 1 or frame.height() < 1:
            return

        def pixels(places: Sequence[Place]) -> Pixels:
            found = [view.mapViewToScene(QPointF(*place)) for place in places]
            return np.array([(place.x(), place.y()) for place in found]).reshape(-1, 2)

        wanted = []
        for place, label in self._labels:
            size = label.textItem.boundingRect()
            ((x, y),) = pixels([place]).tolist()
            wanted.append(Wanted(x, y, size.width(), size.height()))
        shares = np.linspace(0.0, 1.0, _ALONG_LINE)[:, None]
        along = [start * (1 - shares) + end * shares for line in self._lines for start, end in pairwise(pixels(line))]
        lines = np.concatenate([np.empty((0, 2)), *along])
        plane = Box(frame.left(), frame.top(), frame.width(), frame.height())
        ends: list[Place] = []
        places = label_places(wanted, pixels(self._points), lines, (), plane)
        for of, box, (place, label) in zip(wanted, places, self._labels, strict=True):
            label.setVisible(box is not None)
            if box is None:
                continue
            at = view.mapSceneToView(QPointF(box.left, box.top))
            label.setPos(at.x(), at.y())
            if is_led_to(of, box):
                end = view.mapSceneToView(QPointF(*box.nearest(of.x, of.y)))
                ends += [place, (end.x(), end.y())]
        self._leaders.setData([x for x, _ in ends], [y for _, y in ends])
