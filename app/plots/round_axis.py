"""An axis of a figure: one level of round ticks, as many as there is room for their words."""

from collections.abc import Sequence

import pyqtgraph
from PySide6.QtCore import QRectF

from app.plots.axis import round_step, tick_text

_HALF_WORD_PX = 8
_LEAST_GAP_PX = {"left": 30.0, "bottom": 64.0}


class RoundAxis(pyqtgraph.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """The left or the bottom axis."""

    def boundingRect(self) -> QRectF:
        """Room for the half of the first and last words that stands beyond the ends; pyqtgraph leaves none beside a grid."""
        rect: QRectF = super().boundingRect()
        return rect.adjusted(0, -_HALF_WORD_PX, 0, _HALF_WORD_PX)

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:  # noqa: N803
        """The one level of ticks."""
        most = max(2, int(size // _LEAST_GAP_PX[self.orientation]))
        return [(round_step(maxVal - minVal, most), 0.0)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Their words, with the decimals that the step needs."""
        return [tick_text(value, spacing) for value in values]
