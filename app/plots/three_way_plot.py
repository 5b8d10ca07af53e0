"""Speed, memory and quality of a few model files: quality over speed and quality over memory, side by side on one scale.

Positions and whiskers tell all three figures alike, which the size or the shade of a marker would not; each model has its marker,
its colour and its name in both planes, and pointing at it in one draws the crosshair in both.
"""

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.plots.loss_scale import loss_scale
from app.plots.point_plane import PlanePoint, PointPlane
from app.widgets.elided_label import ElidedLabel
from app.widgets.sentence import set_tone
from profiler.exchange.findings.marks import AxisWords, Reading, ThreeWayMark

_GIGA_FROM = 2e9


class ThreeWayPlot(QWidget):
    """The two planes; where no quality is known one plane of speed over memory. Names at the points are the legend.

    Signals:
        chosen: the key of a model that was clicked.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Speed, memory and quality")
        self.first = PointPlane("Quality over speed")
        self.second = PointPlane("Quality over memory")
        self._up_words = ElidedLabel(role="label")
        set_tone(self._up_words, "muted")
        planes = QHBoxLayout()
        planes.setSpacing(12)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._up_words)
        layout.addLayout(planes, 1)
        for plane in (self.first, self.second):
            planes.addWidget(plane, 1)
            plane.pointed.connect(self._on_pointed)
            plane.chosen.connect(self.chosen)

    def show_marks(self, marks: Sequence[ThreeWayMark], axes: AxisWords) -> None:
        """Show these models, all with a loss or all without one."""
        unit, unit_name = (1e9, "GB") if max((mark.memory.value for mark in marks), default=0.0) >= _GIGA_FROM else (1e6, "MB")
        memory_title = f"{axes.memory}, {unit_name} · ← less is better"
        has_loss = bool(marks) and all(mark.loss is not None for mark in marks)
        self.second.setVisible(has_loss)
        if not has_loss:
            self.first.setAccessibleName("Speed over memory")
            self._up_words.show_text(f"↑ {axes.speed}: more is better")
            self.first.set_x_label(memory_title)
            self.first.show_points([_point(mark, mark.memory.scaled(unit), mark.speed) for mark in marks])
            return
        self.first.setAccessibleName("Quality over speed")
        self._up_words.show_text(f"↓ {axes.loss}: less is better")
        self.first.set_x_label(f"{axes.speed} · more is better →")
        self.second.set_x_label(memory_title)
        others = [mark.loss for mark in marks if mark.loss is not None and not mark.is_base]
        ends = [end for loss in others if loss.interval is not None for end in loss.interval if end >= loss.value / 2]
        scale = loss_scale(
            [*(loss.value for loss in others), *ends],
            has_base=any(mark.is_base for mark in marks),
            is_from_zero=axes.is_loss_from_zero,
        )
        break_at = (scale.zero + (scale.ticks[1][0] if len(scale.ticks) > 1 else scale.top)) / 2 if scale.is_log else None
        break_at = break_at if any(mark.is_base for mark in marks) else None
        for plane, is_speed in ((self.first, True), (self.second, False)):
            points = []
            for mark in marks:
                assert mark.loss is not None
                placed = Reading(
                    scale.place(mark.loss.value),
                    None
                    if mark.loss.interval is None
                    else (scale.place(mark.loss.interval[0]), scale.place(mark.loss.interval[1])),
                )
                points.append(_point(mark, mark.speed if is_speed else mark.memory.scaled(unit), placed))
            plane.show_points(points, (scale.bottom, scale.top), scale.ticks, break_at)

    def select(self, keys: Sequence[int]) -> None:
        """Ring these models."""
        for plane in (self.first, self.second):
            plane.select(frozenset(keys))

    def point_at(self, key: int | None) -> None:
        """Draw the crosshairs through this model; through none with None."""
        for plane in (self.first, self.second):
            plane.point_at(key)

    @Slot(object)
    def _on_pointed(self, key: int | None) -> None:
        self.point_at(key)


def _point(mark: ThreeWayMark, x: Reading, y: Reading) -> PlanePoint:
    name = f"{mark.name} · base" if mark.is_base else mark.name
    return PlanePoint(mark.key, mark.index, x.value, y.value, name, mark.words, x.interval, y.interval, mark.is_beaten)
