"""What a timeline looks like: lanes, tracks, axis, chosen range and crosshair, painted from what is in sight alone."""

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.plots.timeline_raster import Argb, Palette, lanes_pixels, track_pixels
from app.plots.timeline_span import Span, ticks
from app.tokens import Tokens, mixed, tokens
from app.typeface import font
from profiler.analysis.timeline import Lane, RunTimeline
from profiler.analysis.timeline_tracks import Track
from profiler.units import significant

GUTTER_PX = 128
_AIR_PX = 8
_AXIS_PX = 20
_LANE_PX = 17
_LEAST_LANE_PX = 6
_LANES_PX = 238
_TRACK_PX = 36
_TRACK_GAP_PX = 4
_TICK_PX = 110
_SERIES = {"batch": 0, "prompt": 1, "decode": 0, "KV cache": 2, "read": 3}
_POWER_SERIES, _CLOCK_SERIES = 1, 2
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_MIDDLE = Qt.AlignmentFlag.AlignCenter


class TimelineSurface(QWidget):
    """A run's lanes and tracks over one axis of time, with a crosshair and a chosen range where there are some.

    Signals:
        span_changed: another stretch is in sight now, a `Span`.
    """

    span_changed = Signal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lanes: tuple[Lane, ...] = ()
        self._tracks: tuple[Track, ...] = ()
        self._whole = Span(0.0, 1.0)
        self._span = self._whole
        self._first_lane = 0.0
        self._cursor: tuple[float, int, int] | None = None  # instant, lane, token
        self._range: Span | None = None
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def span(self) -> Span:
        """What is in sight."""
        return self._span

    @property
    def chosen_range(self) -> Span | None:
        """What was chosen."""
        return self._range

    def show_timeline(self, timeline: RunTimeline, tracks: Sequence[Track], whole: Span | None = None) -> None:
        """Show all of a run, or a longer stretch that also holds others'."""
        self._lanes, self._tracks = timeline.lanes, tuple(tracks)
        self._whole = whole_of(timeline) if whole is None else whole
        self._first_lane, self._cursor, self._range = 0.0, None, None
        self._span = self._whole
        self.updateGeometry()
        self.update()

    def show_span(self, span: Span) -> None:
        """Look at this stretch."""
        shown = span.within(self._whole)
        self.update()
        if shown != self._span:
            self._span = shown
            self.span_changed.emit(shown)

    def show_instant(self, time_ns: float) -> None:
        """Put the crosshair there, as if one pointed beneath the lanes; nobody is told."""
        self._cursor = time_ns, -1, -1
        self.update()

    @property
    def instant_pointed_at(self) -> int:
        """In nanoseconds; at a token the last instant of the step that made it, since the stamp is where the step is over."""
        if self._cursor is None:
            return round(self._span.start_ns)
        return round(self._cursor[0]) - (self._cursor[2] >= 0)

    def time_at(self, x_px: float) -> float:
        """The instant at a place."""
        return self._span.start_ns + (x_px - GUTTER_PX) / self._width_px * self._span.length_ns

    def x_at(self, time_ns: float) -> float:
        """The place of an instant."""
        return GUTTER_PX + (time_ns - self._span.start_ns) / self._span.length_ns * self._width_px

    def lane_at(self, y_px: float) -> int:
        """The lane there, -1 beneath and above them."""
        inside = _AXIS_PX <= y_px < _AXIS_PX + self._lanes_height
        lane = int(self._first_lane) + int((y_px - _AXIS_PX) // self._lane_px)
        return lane if inside and lane < len(self._lanes) else -1

    @property
    def _width_px(self) -> int:
        return max(self.width() - GUTTER_PX - _AIR_PX, 1)

    @property
    def _lane_px(self) -> int:
        return max(_LEAST_LANE_PX, min(_LANE_PX, _LANES_PX // max(len(self._lanes), 1)))

    @property
    def _lanes_height(self) -> int:
        return min(self._lane_px * max(len(self._lanes), 1), _LANES_PX // self._lane_px * self._lane_px)

    @property
    def _lanes_in_sight(self) -> int:
        return self._lanes_height // self._lane_px

    def sizeHint(self) -> QSize:
        """As high as its lanes and tracks."""
        return QSize(640, _AXIS_PX + self._lanes_height + len(self._tracks) * (_TRACK_PX + _TRACK_GAP_PX) + _AIR_PX)

    def minimumSizeHint(self) -> QSize:
        """Narrow is possible."""
        return QSize(320, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Axis, lanes, tracks, range, crosshair."""
        colors = tokens()
        painter = QPainter(self)
        painter.setFont(font("label"))
        self._paint_axis(painter, colors)
        self._paint_lanes(painter, colors)
        self._paint_tracks(painter, colors)
        self._paint_range(painter, colors)
        if self._cursor is not None:
            x = self.x_at(self._cursor[0])
            if GUTTER_PX <= x <= self.width() - _AIR_PX:
                painter.setPen(QColor(colors.text))
                painter.drawLine(QPointF(x, _AXIS_PX), QPointF(x, self.height() - _AIR_PX))
        if self.hasFocus():
            painter.setPen(QColor(colors.accent))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -1.5, -1.5))
        painter.end()

    def _paint_axis(self, painter: QPainter, colors: Tokens) -> None:
        for time_ns, words in ticks(self._span, self._width_px // _TICK_PX):
            x = self.x_at(time_ns)
            half = QFontMetricsF(painter.font()).horizontalAdvance(words) / 2
            painter.setPen(QColor(colors.line))
            painter.drawLine(QPointF(x, _AXIS_PX - 3), QPointF(x, _AXIS_PX))
            painter.setPen(QColor(colors.muted))
            middle = min(max(x, GUTTER_PX + half), self.width() - _AIR_PX - half)
            painter.drawText(QRectF(middle - half - 2, 0, 2 * half + 4, _AXIS_PX - 3), _MIDDLE, words)
        painter.setPen(QColor(colors.muted))
        painter.drawText(QRectF(_AIR_PX, 0, GUTTER_PX - 2 * _AIR_PX, _AXIS_PX - 3), _RIGHT, "time since start")

    def _paint_lanes(self, painter: QPainter, colors: Tokens) -> None:
        first, tall = int(self._first_lane), self._lane_px
        shown = self._lanes[first : first + self._lanes_in_sight]
        _paint_pixels(painter, _AXIS_PX, lanes_pixels(shown, self._span, self._width_px, tall, Palette.of(colors)))
        painter.setPen(QColor(colors.muted))
        stride = max(1, math.ceil(13 / tall))
        for row in range(0, len(shown), stride):
            place = QRectF(_AIR_PX, _AXIS_PX + row * tall + (tall - 16) / 2, GUTTER_PX - 2 * _AIR_PX, 16)
            painter.drawText(place, _RIGHT, f"lane {first + row + 1}" if row == 0 else str(first + row + 1))
        if len(self._lanes) > len(shown):
            place = QRectF(_AIR_PX, _AXIS_PX + self._lanes_height / 2 - 16, 60, 32)
            painter.drawText(place, _LEFT, f"of {len(self._lanes)}")

    def _paint_tracks(self, painter: QPainter, colors: Tokens) -> None:
        palette = Palette.of(colors)
        for number, track in enumerate(self._tracks):
            top = self._track_top(number)
            _paint_pixels(painter, top, track_pixels(track, self._span, self._width_px, _TRACK_PX, palette, _series_of(track)))
            room = QRectF(_AIR_PX, top + 2, GUTTER_PX - 2 * _AIR_PX, 16)
            metrics = QFontMetricsF(painter.font())
            painter.setPen(QColor(colors.text))
            painter.drawText(room, _RIGHT, metrics.elidedText(track.name, Qt.TextElideMode.ElideRight, room.width()))
            painter.setPen(QColor(colors.muted))
            value = None if self._cursor is None else track.at(self.instant_pointed_at)
            told = f"0 to {significant(track.highest)}" if value is None else significant(value)
            words = metrics.elidedText(f"{told} {track.unit}".strip(), Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room.translated(0, 15), _RIGHT, words)

    def _track_top(self, number: int) -> int:
        return _AXIS_PX + self._lanes_height + _TRACK_GAP_PX + number * (_TRACK_PX + _TRACK_GAP_PX)

    def _paint_range(self, painter: QPainter, colors: Tokens) -> None:
        if self._range is None:
            return
        left, right = (min(max(self.x_at(each), GUTTER_PX), self.width() - _AIR_PX) for each in self._range.ends)
        shade = mixed(colors.surface, colors.ground, 0.5)
        shade.setAlpha(170)
        bottom = self.height() - _AIR_PX - _AXIS_PX
        painter.fillRect(QRectF(GUTTER_PX, _AXIS_PX, left - GUTTER_PX, bottom), shade)
        painter.fillRect(QRectF(right, _AXIS_PX, self.width() - _AIR_PX - right, bottom), shade)
        painter.setPen(QColor(colors.accent))
        for x in (left, right):
            painter.drawLine(QPointF(x, _AXIS_PX), QPointF(x, _AXIS_PX + bottom))

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()


def whole_of(timeline: RunTimeline) -> Span:
    """All of a run."""
    return Span(float(timeline.start_ns), float(max(timeline.end_ns, timeline.start_ns + 1)))


def _series_of(track: Track) -> int:
    return _SERIES.get(track.name, _POWER_SERIES if track.unit == "W" else _CLOCK_SERIES)


def _paint_pixels(painter: QPainter, top_px: int, pixels: Argb) -> None:
    if pixels.size:
        height, width = pixels.shape
        painter.drawImage(GUTTER_PX, top_px, QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32))
