"""A run's timeline under the hand: zooming, moving, pointing at tokens and choosing a range, by pointer and by keys."""

from typing import Literal

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.plots.timeline_span import Span
from app.plots.timeline_surface import GUTTER_PX, TimelineSurface

_ZOOM = 0.8
_PAN_SHARE = 0.15
_REACH_PX = 6
_DRAG_PX = 4

KEYS = (
    "W and S zoom, A and D move, arrows move, F shows all, comma and full stop go from token to token, R chooses what is in sight"
)


class TimelineView(TimelineSurface):
    """Lanes and tracks over one axis of time.

    The wheel zooms at the pointer, dragging moves, Shift and dragging chooses a range; the keys are `KEYS`, Escape gives the
    range up.

    Signals:
        pointed: the pointer or the keys are at this instant (nanoseconds) of this lane (-1: beneath the lanes); the number of
            the token there (-1: none).
        left: nobody points any more.
        range_chosen: its start and end in nanoseconds.
        range_dropped: there is none any more.
    """

    pointed = Signal(object, int, int)
    left = Signal()
    range_chosen = Signal(object, object)
    range_dropped = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._pressed: QPointF | None = None
        self._dragged_from: tuple[Span, float] | None = None
        self._chooses_from_ns: float | None = None
        self.setAccessibleDescription(KEYS)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def drop_range(self) -> None:
        """No range is chosen any more."""
        if self._range is not None:
            self._range = None
            self.range_dropped.emit()
            self.update()

    def choose_range(self, start_ns: float, end_ns: float) -> None:
        """Choose a range within the run, its ends in any order."""
        low, high = sorted((start_ns, end_ns))
        low, high = max(low, self._whole.start_ns), min(high, self._whole.end_ns)
        if high > low:
            self._range = Span(low, high)
            self.range_chosen.emit(round(low), round(high))
            self.update()

    def zoom(self, factor: float, at_ns: float | None = None) -> None:
        """Look at `factor` times as much time, the instant `at_ns` (or the crosshair, or the middle) in its place."""
        if at_ns is None:
            in_sight = self._cursor is not None and self._span.start_ns <= self._cursor[0] <= self._span.end_ns
            at_ns = self._cursor[0] if in_sight and self._cursor else self._span.start_ns + self._span.length_ns / 2
        self.show_span(self._span.zoomed(at_ns, factor, self._whole))

    def pan(self, share: float) -> None:
        """Look at what is later, by so much of what is in sight."""
        self.show_span(self._span.panned(share * self._span.length_ns, self._whole))

    def fit(self) -> None:
        """Look at the chosen range, and at the whole run where that is in sight already or nothing is chosen."""
        self.show_span(self._range if self._range is not None and self._range != self._span else self._whole)

    def _scroll_lanes(self, by: float) -> None:
        self._first_lane = min(max(self._first_lane + by, 0.0), float(max(len(self._lanes) - self._lanes_in_sight, 0)))
        self.update()

    def _point(self, time_ns: float, lane: int, token: int) -> None:
        self._cursor = time_ns, lane, token
        self.pointed.emit(round(time_ns), lane, token)
        self.update()

    def _step_token(self, by: int) -> None:
        """Go to the next or the previous token of the lane that is pointed at, or of the first in sight."""
        if not self._lanes:
            return
        lane_number = self._cursor[1] if self._cursor is not None and self._cursor[1] >= 0 else int(self._first_lane)
        lane = self._lanes[lane_number]
        time_ns = self._cursor[0] if self._cursor is not None else self._span.start_ns
        side: Literal["right", "left"] = "right" if by > 0 else "left"
        place = int(lane.token_ns.searchsorted(round(time_ns), side=side)) - (by < 0)
        if 0 <= place < len(lane.token_ns):
            at_ns = float(lane.token_ns[place])
            if not self._span.start_ns <= at_ns <= self._span.end_ns:
                self.show_span(self._span.panned(at_ns - self._span.start_ns - self._span.length_ns / 2, self._whole))
            self._point(at_ns, lane_number, int(lane.token[place]))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        turned = event.angleDelta().y() / 120
        if turned:
            self.zoom(_ZOOM**turned, self.time_at(event.position().x()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to move, or with Shift to choose a range."""
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        self._pressed = event.position()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._chooses_from_ns = self.time_at(event.position().x())
        else:
            self._dragged_from = self._span, self._first_lane

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move, choose, or point."""
        at = event.position()
        if self._chooses_from_ns is not None:
            low, high = sorted((self._chooses_from_ns, self.time_at(at.x())))
            self._range = Span(low, high) if high > low else None
            self.update()
        elif self._dragged_from is not None and self._pressed is not None:
            span, first_lane = self._dragged_from
            moved = at - self._pressed
            self.show_span(span.panned(-moved.x() / self._width_px * span.length_ns, self._whole))
            self._scroll_lanes(first_lane - moved.y() / self._lane_px - self._first_lane)
        elif at.x() >= GUTTER_PX:
            lane, time_ns = self.lane_at(at.y()), self.time_at(at.x())
            reach_ns = _REACH_PX / self._width_px * self._span.length_ns
            token = self._lanes[lane].token_near(round(time_ns), reach_ns) if lane >= 0 else None
            self._point(time_ns, lane, -1 if token is None else token)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The range is chosen; a Shift-click gives it up."""
        if self._chooses_from_ns is not None and self._pressed is not None:
            start_ns, self._chooses_from_ns = self._chooses_from_ns, None
            if abs(event.position().x() - self._pressed.x()) >= _DRAG_PX:
                self.choose_range(start_ns, self.time_at(event.position().x()))
            else:
                self._range = None
                self.range_dropped.emit()
        self._pressed = self._dragged_from = None
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything."""
        self.show_span(self._whole)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """As in Perfetto, and the arrows of the other plots."""
        match Qt.Key(event.key()):
            case Qt.Key.Key_W | Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(_ZOOM)
            case Qt.Key.Key_S | Qt.Key.Key_Minus:
                self.zoom(1 / _ZOOM)
            case Qt.Key.Key_A | Qt.Key.Key_Left:
                self.pan(-_PAN_SHARE)
            case Qt.Key.Key_D | Qt.Key.Key_Right:
                self.pan(_PAN_SHARE)
            case Qt.Key.Key_Up:
                self._scroll_lanes(-1)
            case Qt.Key.Key_Down:
                self._scroll_lanes(1)
            case Qt.Key.Key_F:
                self.fit()
            case Qt.Key.Key_Comma:
                self._step_token(-1)
            case Qt.Key.Key_Period:
                self._step_token(1)
            case Qt.Key.Key_R:
                self.choose_range(*self._span.ends)
            case Qt.Key.Key_Escape if self._range is not None:
                self.drop_range()
            case _:
                super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Nobody points."""
        self._cursor = None
        self.left.emit()
        self.update()
