"""A tile: one figure in large type, its unit, and one line that says what it means."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.tokens import tokens
from app.typeface import font
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Tone, marked
from app.widgets.surface import paint_surface

_PADDING_PX = 13
_HEIGHT_PX = 90
_LEAST_WIDTH_PX = 184
_MOST_WIDTH_PX = 212
"""Six tiles beside each other fill a window of 1440; longer words end in … and are told by the tooltip."""
_UNKNOWN = "–"


class Tile(QWidget):
    """One figure with its label. It paints itself, so that a new figure costs one small repaint and no layout.

    Args:
        label: words a user would say.
        term: the field's own term, told by the tooltip.
    """

    def __init__(self, label: str, term: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = label
        self._term = term
        self._figure = _UNKNOWN
        self._unit = ""
        self._context = ""
        self._tone: Tone = "muted"
        self._width_px = _LEAST_WIDTH_PX
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(label)
        self._tell()

    @property
    def figure(self) -> str:
        """The figure that is shown, "–" while there is none."""
        return self._figure

    @property
    def context(self) -> str:
        """The line under the figure, with its mark."""
        return marked(self._context, self._tone)

    def show_figure(self, figure: str, unit: str, context: str = "", tone: Tone = "muted") -> None:
        """Show this figure; nothing is repainted when it is the same as before."""
        if (figure, unit, context, tone) == (self._figure, self._unit, self._context, self._tone):
            return
        self._figure, self._unit, self._context, self._tone = figure, unit, context, tone
        self._grow()
        self._tell()
        self.update()

    def show_unknown(self, reason: str) -> None:
        """Show that there is no figure, and why."""
        self.show_figure(_UNKNOWN, "", reason, "muted")

    def _grow(self) -> None:
        """Widen for longer words, never narrow again: a tile that breathes makes its neighbours jump."""
        context_px = QFontMetricsF(font("small")).horizontalAdvance(self.context)
        figure_px = QFontMetricsF(font("figure")).horizontalAdvance(self._figure)
        unit_px = QFontMetricsF(font("unit")).horizontalAdvance(self._unit) + 4
        wanted = round(max(context_px, figure_px + unit_px)) + 2 * _PADDING_PX + 2
        if self._width_px < wanted and self._width_px < _MOST_WIDTH_PX:
            self._width_px = min(wanted, _MOST_WIDTH_PX)
            self.updateGeometry()

    def _tell(self) -> None:
        figure = "not available" if self._figure == _UNKNOWN else f"{self._figure} {self._unit}"
        self.setAccessibleDescription(f"{figure}. {self.context}")
        self.setToolTip(plain_tip("\n".join(filter(None, (self._term, self.context)))))

    def sizeHint(self) -> QSize:
        """Room for its words."""
        return QSize(self._width_px, _HEIGHT_PX)

    def minimumSizeHint(self) -> QSize:
        """The same: figures are not to be clipped."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint surface, label, figure with unit, and the line of context."""
        colors = tokens()
        painter = QPainter(self)
        paint_surface(painter, QRectF(self.rect()), colors)
        inner_px = self.width() - 2 * _PADDING_PX
        painter.setFont(font("label"))
        painter.setPen(QColor(colors.muted))
        painter.drawText(QPointF(_PADDING_PX, 23), self._elided(painter, self._label, inner_px))
        figure_font = font("figure")
        painter.setFont(figure_font)
        painter.setPen(QColor(colors.muted if self._figure == _UNKNOWN else colors.text))
        painter.drawText(QPointF(_PADDING_PX, 53), self._figure)
        painter.setFont(font("unit"))
        painter.setPen(QColor(colors.muted))
        painter.drawText(QPointF(_PADDING_PX + QFontMetricsF(figure_font).horizontalAdvance(self._figure) + 4, 53), self._unit)
        painter.setFont(font("small"))
        tones = {"met": colors.met, "broken": colors.broken, "caution": colors.caution, "plain": colors.text}
        painter.setPen(QColor(tones.get(self._tone, colors.muted)))
        painter.drawText(QPointF(_PADDING_PX, 76), self._elided(painter, self.context, inner_px))
        painter.end()

    @staticmethod
    def _elided(painter: QPainter, text: str, width_px: int) -> str:
        return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width_px + 1)
