"""A light plot of the last minute: bare QPainter, since it is drawn while the processor is being measured.

A frame copies the backdrop's picture and draws one-pixel lines (measurement.md §4: a fifth of what a PlotWidget takes).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRect, QRectF, QSize, Qt, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.keyboard_focus import is_by_keyboard
from app.plots.axis import AxisRange
from app.plots.backdrop import Backdrop, BackdropContent, Limit
from app.plots.curve import EMPTY, Curve, CurveStyle, Series, finite_stretches
from app.plots.legend import paint_marker
from app.plots.time_cursor import TimeCursor
from app.tokens import Tokens, mixed, tokens
from app.typeface import font
from profiler.units import significant

SPAN_S = 60.0
_KEY_STEP_S = 0.25
_READING_WITHIN_S = 1.0
_MARKER_EVERY_S = 7.5
_BAND_SHARE = 0.25
_DOT_PX = 4


class TimePlot(QWidget):
    """Curves over the seconds before now, with a crosshair by pointer or arrow keys.

    Args:
        title: what it shows; also its accessible name.
        styles: its curves.
        cursor: shared by the plots of a page.
        least_top, right_least_top: the axes reach at least this far up.
        whole: the left axis counts things.
    """

    def __init__(
        self,
        title: str,
        styles: Sequence[CurveStyle],
        cursor: TimeCursor,
        *,
        least_top: float,
        right_least_top: float = 1.0,
        whole: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._title = title
        self._curves = [Curve(style) for style in styles]
        self._cursor = cursor
        self._whole = whole
        self._left = AxisRange(least_top, whole=whole)
        self._right = AxisRange(right_least_top)
        self._limit: Limit | None = None
        self._now_s = 0.0
        self._shows_focus = False
        self._backdrop: Backdrop | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(title)
        cursor.moved.connect(self._on_cursor_moved)

    @property
    def curve_count(self) -> int:
        """How many curves there are."""
        return len(self._curves)

    def add_curve(self, style: CurveStyle) -> None:
        """Have one more curve."""
        self._curves.append(Curve(style))
        self._stale()

    def curve(self, index: int) -> Curve:
        """A curve, to be given points; `draw` shows them."""
        return self._curves[index]

    def restyle(self, index: int, *, unit: str | None = None, is_available: bool = True) -> None:
        """Give a curve another unit, or say that nothing can be read of it here."""
        curve = self._curves[index]
        changed = replace(curve.style, unit=curve.style.unit if unit is None else unit, is_available=is_available)
        if changed != curve.style:
            curve.style = changed
            self._stale()

    def set_shown(self, index: int, is_shown: bool) -> None:
        """Leave a curve out, of the legend too, or have it again; what is left out loses its points."""
        curve = self._curves[index]
        if is_shown != curve.is_shown:
            curve.is_shown = is_shown
            curve.set_points(EMPTY, EMPTY)
            self._stale()

    def set_limit(self, limit: Limit | None) -> None:
        """Draw this line; None draws none."""
        if limit != self._limit:
            self._limit = limit
            self._stale()

    def draw(self, now_s: float) -> None:
        """Show the curves' points as of `now_s`, in the curves' time."""
        self._now_s = now_s
        left = [curve.highest() for curve in self._curves if not curve.style.is_right]
        right = [curve.highest() for curve in self._curves if curve.style.is_right]
        limit = self._limit.value if self._limit else 0.0
        is_new = [self._left.cover(max([*left, limit])), self._right.cover(max(right, default=0.0))]
        if any(is_new):
            self._stale()
        else:
            self.update(self._frame_rect())

    def clear(self) -> None:
        """Forget all points."""
        for curve in self._curves:
            curve.set_points(EMPTY, EMPTY)
        self.draw(0.0)

    def readings(self, ago_s: float) -> list[tuple[CurveStyle, str]]:
        """What every curve says at that many seconds before now; a curve without a reading there is left out."""
        found = []
        for curve in self._curves:
            value = curve.reading(self._now_s - ago_s, _READING_WITHIN_S)
            if value is not None:
                figure = f"{value:.3g}" if self._whole else significant(value)
                found.append((curve.style, f"{curve.style.name} {figure} {curve.style.unit}".strip()))
        return found

    def _stale(self) -> None:
        self._backdrop = None
        self.update()

    def _frame_rect(self) -> QRect:
        return self._standing().area.adjusted(-4, -4, 5, 4)

    def _standing(self) -> Backdrop:
        if self._backdrop is None:
            content = BackdropContent(
                self._title,
                tuple(curve.style.legend_item(self._right.ticks) for curve in self._curves if curve.is_shown),
                self._left.ticks,
                self._limit,
                SPAN_S,
                self._shows_focus,
            )
            self._backdrop = Backdrop(content, self.size(), self.devicePixelRatioF())
        return self._backdrop

    @Slot()
    def _on_cursor_moved(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        """A comfortable plot."""
        return QSize(420, 200)

    def minimumSizeHint(self) -> QSize:
        """The smallest that can still be read."""
        return QSize(280, 150)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The backdrop depends on the size."""
        super().resizeEvent(event)
        self._backdrop = None

    def changeEvent(self, event: QEvent) -> None:
        """So it does on the theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._stale()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus to who came by keyboard."""
        super().focusInEvent(event)
        self._shows_focus = is_by_keyboard(event)
        self._stale()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The focus, and the crosshair with it, go elsewhere."""
        super().focusOutEvent(event)
        self._cursor.point_at(None)
        self._shows_focus = False
        self._stale()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The crosshair follows the pointer while it is over the curves."""
        area = self._standing().area
        point = event.position().toPoint()
        if area.contains(point):
            self._cursor.point_at(SPAN_S * (1 - (point.x() - area.left()) / max(1, area.width() - 1)))
        else:
            self._cursor.point_at(None)

    def leaveEvent(self, event: QEvent) -> None:
        """Nobody points any more."""
        super().leaveEvent(event)
        self._cursor.point_at(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right move the crosshair, ten slices with Shift; Escape removes it."""
        steps = {Qt.Key.Key_Left: 1, Qt.Key.Key_Right: -1}
        key = Qt.Key(event.key())
        if key in steps:
            wide = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            ago_s = (self._cursor.ago_s or 0.0) + steps[key] * wide * _KEY_STEP_S
            self._cursor.point_at(min(SPAN_S, max(0.0, ago_s)))
            words = "; ".join(text for _, text in self.readings(self._cursor.ago_s or 0.0))
            self.setAccessibleDescription(f"{self._cursor.ago_s:g} s ago: {words or 'nothing measured'}")
        elif key == Qt.Key.Key_Escape and self._cursor.ago_s is not None:
            self._cursor.point_at(None)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Copy the backdrop and draw what moves."""
        standing = self._standing()
        colors = tokens()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, standing.picture)
        painter.save()
        painter.setClipRect(standing.area.adjusted(0, -4, 5, 4))
        for curve in reversed(self._curves):  # the first one on top
            if len(curve.times_s):
                self._paint_curve(painter, colors, standing.area, curve)
        painter.restore()
        if self._cursor.ago_s is not None:
            self._paint_crosshair(painter, colors, standing.area, self._cursor.ago_s)
        painter.end()

    def _paint_curve(self, painter: QPainter, colors: Tokens, area: QRect, curve: Curve) -> None:
        style = curve.style
        color = QColor(colors.series[style.color])
        top = (self._right if style.is_right else self._left).ticks.top
        px_per_s = (area.width() - 1) / SPAN_S
        x = area.right() + (curve.times_s - self._now_s) * px_per_s
        y = area.bottom() - curve.values * ((area.height() - 1) / top)
        if style.shape == "dots":
            painter.setPen(QPen(color, _DOT_PX, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.drawPoints(curve.polygon(x, y))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            return
        for stretch in finite_stretches(curve.values):
            if style.shape == "band":
                upper = area.bottom() - curve.upper[stretch] * ((area.height() - 1) / top)
                self._paint_band(painter, colors, curve, x[stretch], y[stretch], upper)
            painter.setPen(QPen(color, 1))
            painter.drawPolyline(curve.polygon(x[stretch], y[stretch]))
        if style.marker != "none":
            for place in np.flatnonzero(np.diff(np.floor(curve.times_s / _MARKER_EVERY_S))).tolist():
                if np.isfinite(y[place]):
                    paint_marker(painter, style.marker, QPointF(x[place], y[place]), color)

    @staticmethod
    def _paint_band(painter: QPainter, colors: Tokens, curve: Curve, x: Series, y: Series, upper: Series) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        # An opaque mixture: blending would take several times as long.
        painter.setBrush(mixed(colors.surface, colors.series[curve.style.color], _BAND_SHARE))
        painter.drawPolygon(curve.polygon(np.concatenate((x, x[::-1])), np.concatenate((y, upper[::-1]))))

    def _paint_crosshair(self, painter: QPainter, colors: Tokens, area: QRect, ago_s: float) -> None:
        x = area.right() - ago_s * (area.width() - 1) / SPAN_S
        painter.setPen(QPen(QColor(colors.muted), 1))
        painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
        lines = [(colors.muted, f"{ago_s:.1f} s ago")]
        lines += [(colors.series[style.color], text) for style, text in self.readings(ago_s)]
        painter.setFont(font("label"))
        metrics = QFontMetricsF(painter.font())
        width = max(metrics.horizontalAdvance(text) for _, text in lines) + 14
        box = QRectF(x + 8, area.top(), width, 16 * len(lines) + 6)
        if box.right() > self.width() - 4:
            box.moveRight(x - 8)
        painter.setPen(QPen(QColor(colors.line), 1))
        painter.setBrush(QColor(colors.raised))
        painter.drawRect(box)
        for row, (ink, text) in enumerate(lines):
            painter.setPen(QColor(ink))
            painter.drawText(QPointF(box.left() + 7, box.top() + 15 + 16 * row), text)
