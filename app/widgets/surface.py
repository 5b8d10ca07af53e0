"""What cards, tiles and cells are painted with: the bordered rounded surface and the hatching of what is not known yet."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPixmap

from app.tokens import Tokens

RADIUS_PX = 8
_HATCH_PERIOD_PX = 8


def paint_surface(painter: QPainter, rect: QRectF, colors: Tokens, stripe: str | None = None) -> None:
    """Fill `rect` with the ground and a bordered rounded surface upon it; `stripe` colours its left edge."""
    painter.fillRect(rect, QColor(colors.ground))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    inner = rect.adjusted(0.5, 0.5, -0.5, -0.5)
    if stripe:
        # The stripe is the surface's own outline, shown where the surface begins three pixels further right.
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(stripe))
        painter.drawRoundedRect(inner.adjusted(0, 0, -inner.width() / 2, 0), RADIUS_PX, RADIUS_PX)
        inner.adjust(3, 0, 0, 0)
    painter.setPen(QPen(QColor(colors.line), 1))
    painter.setBrush(QColor(colors.surface))
    painter.drawRoundedRect(inner, RADIUS_PX, RADIUS_PX)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def hatching(colors: Tokens) -> QBrush:
    """Diagonal stripes, wide enough to be seen as such at every scale."""
    tile = QPixmap(_HATCH_PERIOD_PX, _HATCH_PERIOD_PX)
    tile.fill(QColor(colors.surface))
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(QColor(colors.grid if colors.name == "dark" else colors.line), 2.5))
    for shift in (-_HATCH_PERIOD_PX, 0, _HATCH_PERIOD_PX):
        painter.drawLine(shift - 1, _HATCH_PERIOD_PX + 1, shift + _HATCH_PERIOD_PX + 1, -1)
    painter.end()
    return QBrush(tile)
