"""What the steps of the last minute were made of: tokens of prompts against tokens of answers, and how full the KV cache was."""

from PySide6.QtWidgets import QWidget

from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis.live_figures import LiveFigures

_PROMPT, _DECODE, _CACHED, _KV = range(4)


class StepTokensPlot(TimePlot):
    """Prompt and decode tokens a step on the left axis, KV occupancy on the right one; what a prefix cache spares, if any."""

    def __init__(self, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        super().__init__(
            "Tokens a step",
            [
                CurveStyle("prompt", "", color=2, marker="square"),
                CurveStyle("decode", "", color=0),
                CurveStyle("from cache", "", color=3, marker="triangle"),
                CurveStyle("KV used", "%", color=1, marker="diamond", is_right=True),
            ],
            cursor,
            least_top=10.0,
            right_least_top=100.0,
            parent=parent,
        )
        self.set_cache(False)
        self.setToolTip(
            "Tokens that a step evaluates of prompts (prefill) and of answers (decode), weighted by time;\n"
            "KV occupancy: cells in use / cells allocated"
        )

    def set_cache(self, has_cache: bool) -> None:
        """Whether the present run has a prefix cache, so that what it spares is worth a curve."""
        self.set_shown(_CACHED, has_cache)

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        slices = figures.slices
        self.curve(_PROMPT).set_points(slices.times_s, slices.prefill_tokens_step)
        self.curve(_DECODE).set_points(slices.times_s, slices.decode_tokens_step)
        self.curve(_KV).set_points(slices.times_s, slices.kv_occupancy)
        if self.curve(_CACHED).is_shown:
            self.curve(_CACHED).set_points(slices.times_s, slices.cached_tokens_step)
        self.draw(figures.now_s)
