"""A layout that goes on in the next row when a row is full: for chips, and as columns of one width for tiles."""

import math

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class FlowLayout(QLayout):
    """Left to right, then down.

    Args:
        spacing_px: between items, both ways.
        equal_columns: give all items one width and spread them over as many columns as their widest minimum allows, evenly over
            the rows (six items on room for four make three and three); otherwise each item keeps its own width.
    """

    def __init__(self, parent: QWidget | None = None, *, spacing_px: int = 8, equal_columns: bool = False) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._spacing_px = spacing_px
        self._equal_columns = equal_columns
        self.setContentsMargins(0, 0, 0, 0)

    def _visible(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _rectangles(self, items: list[QLayoutItem], width: int) -> list[QRect]:
        if self._equal_columns:
            return self._grid_rectangles(items, width)
        return self._row_rectangles(items, width)

    def _grid_rectangles(self, items: list[QLayoutItem], width: int) -> list[QRect]:
        gap = self._spacing_px
        widest = max(item.minimumSize().width() for item in items)
        most_columns = max(1, min(len(items), (width + gap) // (widest + gap)))
        columns = math.ceil(len(items) / math.ceil(len(items) / most_columns))
        height = max(item.sizeHint().height() for item in items)
        edges = [round(column * (width + gap) / columns) for column in range(columns + 1)]
        return [
            QRect(edges[i % columns], (i // columns) * (height + gap), edges[i % columns + 1] - edges[i % columns] - gap, height)
            for i in range(len(items))
        ]

    def _row_rectangles(self, items: list[QLayoutItem], width: int) -> list[QRect]:
        rectangles: list[QRect] = []
        rows: list[list[int]] = [[]]
        x = y = row_height = 0
        for index, item in enumerate(items):
            size = item.sizeHint().boundedTo(QSize(max(width, item.minimumSize().width()), item.sizeHint().height()))
            if item.hasHeightForWidth():
                size.setHeight(item.heightForWidth(size.width()))
            if x > 0 and x + size.width() > width:
                x, y, row_height = 0, y + row_height + self._spacing_px, 0
                rows.append([])
            rectangles.append(QRect(QPoint(x, y), size))
            rows[-1].append(index)
            x += size.width() + self._spacing_px
            row_height = max(row_height, size.height())
        for row in rows:
            tallest = max(rectangles[index].height() for index in row)
            for index in row:
                rectangles[index].translate(0, (tallest - rectangles[index].height()) // 2)
        return rectangles

    def addItem(self, item: QLayoutItem) -> None:
        """Qt's way in; `addWidget` ends here."""
        self._items.append(item)

    def count(self) -> int:
        """How many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """The item at `index`, None beyond the end."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Remove and return the item at `index`."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """It takes the width that there is, and only the height that it needs."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Fewer columns make more rows."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height of all rows at this width."""
        items = self._visible()
        return max(rect.bottom() + 1 for rect in self._rectangles(items, width)) if items else 0

    def setGeometry(self, rect: QRect) -> None:
        """Place the items."""
        super().setGeometry(rect)
        items = self._visible()
        if items:
            for item, place in zip(items, self._rectangles(items, rect.width()), strict=True):
                item.setGeometry(place.translated(rect.topLeft()))

    def sizeHint(self) -> QSize:
        """Everything in one row."""
        sizes = [item.sizeHint() for item in self._visible()]
        width = sum(size.width() for size in sizes) + self._spacing_px * max(0, len(sizes) - 1)
        return QSize(width, max((size.height() for size in sizes), default=0))

    def minimumSize(self) -> QSize:
        """The widest item by itself."""
        sizes = [item.minimumSize() for item in self._visible()]
        return QSize(max((size.width() for size in sizes), default=0), max((size.height() for size in sizes), default=0))
