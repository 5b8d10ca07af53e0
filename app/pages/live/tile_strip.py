"""The figures that matter while a run is measured, in large type, each with what it means."""

from collections.abc import Sequence

from PySide6.QtWidgets import QSizePolicy, QWidget

from app.pages.live.gpu_tiles import GpuTiles
from app.widgets.flow_layout import FlowLayout
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Tone
from app.widgets.tile import Tile
from profiler.analysis.gpu_readings import gpus_now
from profiler.analysis.live_figures import LiveFigures, LiveTiles
from profiler.analysis.reading import READING_TOK_S
from profiler.analysis.validity import FITS_IN_CACHE
from profiler.plan.slo import Limit, Slo
from profiler.records.metric import BY_NAME
from profiler.records.run_record import CellRecord, RunRecord
from profiler.units import bytes_text, count_text, percent_text, significant

_WAITING = "waiting for the first answer"
_UNKNOWN = "–"
_MOST_GPUS = 2  # with tiles of their own, else the plots have no room; all have plots
_BATCH_TERM = (
    "sequences in the newest step · requests due and not yet started; with a prefix cache: prompt tokens taken from it as a "
    "share of all so far, and entries that it gave up (evictions)"
)


def _number(value: float) -> str:
    return significant(value, 3)


def _losses(now: LiveTiles) -> str:
    """Requests that got no whole answer, by how they ended; empty when there are none."""
    counts = ((now.failed, "failed"), (now.refused, "refused"), (now.timed_out, "timed out"))
    return " · ".join(f"{count_text(count)} {words}" for count, words in counts if count)


class TileStrip(QWidget):
    """Six tiles that wrap, and three more for each GPU that telemetry reads.

    An open loop has no users who wait for each other: there the third one tells of each answer.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first_token = Tile("First token, p50 · p95", BY_NAME["ttft_ms"].term)
        self.output = Tile("Output", BY_NAME["output_tok_s"].term)
        self.each_user = Tile("Each user", BY_NAME["user_tok_s"].term)
        self.each_answer = Tile("Each answer", BY_NAME["user_tok_s"].term)
        self.batch = Tile("Batch · waiting", _BATCH_TERM)
        self.memory = Tile("Memory", "resident set of the engine process")
        self.bandwidth = Tile("Bandwidth", "bytes a decode step must read over its seconds, as a share of the measured peak")
        self.gpus: dict[str, GpuTiles] = {}
        layout = FlowLayout(self, spacing_px=12, equal_columns=True)
        for tile in (self.first_token, self.output, self.each_user, self.each_answer, self.batch, self.memory, self.bandwidth):
            layout.addWidget(tile)
        self.each_answer.hide()
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)  # Fixed would be one row high
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._slo: Slo = ()
        self._slots = 0
        self._peak_gb_s: float | None = None
        self._weights_bytes: int | None = None
        self._has_costs = False
        self._has_cache = False
        self._shown: dict[Tile, tuple[str, str]] = {}
        self.clear("nothing measured yet")

    def clear(self, reason: str) -> None:
        """Show no figures, and why."""
        self._shown.clear()
        for tile in self.findChildren(Tile):
            tile.show_unknown(reason)

    def set_slo(self, slo: Slo, peak_gb_s: float | None) -> None:
        """The limits of the plan and the measured peak of the machine."""
        self._slo, self._peak_gb_s = slo, peak_gb_s

    def begin_run(self, run: RunRecord, cell: CellRecord, weights_bytes: int | None) -> None:
        """A run's clock has started; the tiles empty themselves."""
        load = run.specification.load
        is_closed = all(each.arrival == "closed" for each in load.classes)
        self.each_user.setVisible(is_closed)
        self.each_answer.setVisible(not is_closed)
        self._has_cache = load.prefix_cache
        self._slots = run.specification.context.slots
        self._has_costs = cell.costs is not None
        self._weights_bytes = weights_bytes
        self.clear(_WAITING)

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        now = figures.tiles
        self._show_first_token(now)
        if now.output_tok_s is not None:
            context = _losses(now) or (
                f"prompt {_number(now.prompt_tok_s)} tok/s · {count_text(now.completed)} done"
                if now.prompt_tok_s
                else f"{count_text(now.completed)} done"
            )
            self._put(self.output, _number(now.output_tok_s), "tok/s", context, "caution" if _losses(now) else "muted")
        if now.user_tok_s is not None:
            context, tone = self._each_user_context(now.user_tok_s)
            for tile in (self.each_user, self.each_answer):
                self._put(tile, _number(now.user_tok_s), "tok/s", context, tone)
        if now.sequences is not None:
            self._put(self.batch, f"{now.sequences} · {now.waiting}", "", self._batch_context(now))
        self._show_memory(now)
        self._show_bandwidth(now)
        self._show_gpus(figures)

    def show_flags(self, flags: Sequence[str]) -> None:
        """What casts doubt on the run that has just ended, beside the figures that it touches, until the next one begins."""
        on_bandwidth = [flag for flag in flags if flag.partition(":")[0] == FITS_IN_CACHE]
        on_all = [flag for flag in flags if flag not in on_bandwidth]
        for tile in self.findChildren(Tile):
            found = [*on_all, *(on_bandwidth if tile is self.bandwidth else ())]
            if found and tile in self._shown:
                names = dict.fromkeys(flag.partition(":")[0] for flag in found)
                tile.show_figure(*self._shown[tile], ", ".join(names), "caution")
                tile.setToolTip(plain_tip("\n".join(f"▲ {flag}" for flag in found)))

    def _put(self, tile: Tile, figure: str, unit: str, context: str, tone: Tone = "muted") -> None:
        self._shown[tile] = figure, unit
        tile.show_figure(figure, unit, context, tone)

    def _batch_context(self, now: LiveTiles) -> str:
        """How full it is; with a prefix cache, what that has spared and given up, since the plot tells the rest."""
        if self._has_cache and now.cached_share is not None:
            given_up = f" · {count_text(now.evictions)} evicted" if now.evictions else ""
            return f"{percent_text(now.cached_share / 100)} from cache{given_up}"
        occupied = f" · KV {percent_text(now.kv_occupancy / 100)} used" if now.kv_occupancy is not None else ""
        return f"of {self._slots} slot{'' if self._slots == 1 else 's'}{occupied}"

    def _show_first_token(self, now: LiveTiles) -> None:
        ended = now.completed + now.failed + now.refused + now.timed_out
        if not ended:
            return
        limit = next((limit for limit in self._slo if limit.metric == "ttft_ms"), None)
        context = f"over {count_text(ended)} requests"
        tone: Tone = "muted"
        if limit is not None:
            context, tone = self._against(limit, now)
        figures = [_UNKNOWN if value is None else f"{value:.0f}" for value in (now.ttft_p50_ms, now.ttft_p95_ms)]
        self._put(self.first_token, " · ".join(figures), "ms", context, tone)

    @staticmethod
    def _against(limit: Limit, now: LiveTiles) -> tuple[str, Tone]:
        """A percentile that falls on a request without a first token breaks every limit; others are not kept here."""
        words = f"{limit.statistic} limit {limit.threshold:g} ms"
        values_ms = {"p50": now.ttft_p50_ms, "p95": now.ttft_p95_ms}
        if limit.statistic not in values_ms:
            return words, "muted"
        value_ms = values_ms[limit.statistic]
        is_met = value_ms is not None and value_ms <= limit.threshold
        return (f"{words}, met so far", "met") if is_met else (f"{words}, broken", "broken")

    def _each_user_context(self, user_tok_s: float) -> tuple[str, Tone]:
        limit = next((limit for limit in self._slo if limit.metric == "tpot_ms"), None)
        if limit is not None:
            return f"{limit.statistic} limit {limit.threshold:g} ms a token", "muted"
        if user_tok_s >= READING_TOK_S:
            return f"faster than reading ({READING_TOK_S:g})", "muted"
        return f"slower than reading ({READING_TOK_S:g})", "caution"

    def _show_memory(self, now: LiveTiles) -> None:
        if now.rss_bytes is None:
            return
        figure, unit = bytes_text(now.rss_bytes).split(" ")
        weights = f"weights {bytes_text(self._weights_bytes)} · " if self._weights_bytes is not None else ""
        vram = "no VRAM" if now.vram_bytes is None else f"VRAM {bytes_text(now.vram_bytes)}"
        self._put(self.memory, figure, unit, weights + vram)

    def _show_bandwidth(self, now: LiveTiles) -> None:
        if not self._has_costs:
            self.bandwidth.show_unknown("not known for this model")
        elif now.bandwidth_gb_s is None:
            return
        elif now.bandwidth_share is None:
            self._put(self.bandwidth, _number(now.bandwidth_gb_s), "GB/s", "peak not measured")
        else:
            context = f"{_number(now.bandwidth_gb_s)} of {_number(self._peak_gb_s or 0)} GB/s"
            self._put(self.bandwidth, f"{now.bandwidth_share:.0f}", "%", context)

    def _show_gpus(self, figures: LiveFigures) -> None:
        for now in gpus_now(figures.samples)[:_MOST_GPUS]:
            if now.device not in self.gpus:
                self.gpus[now.device] = GpuTiles(now.device)
                for tile in self.gpus[now.device].tiles:
                    self._add(tile)
            for tile, (figure, unit, context, tone) in self.gpus[now.device].words(now).items():
                self._put(tile, figure, unit, context, tone)

    def _add(self, tile: Tile) -> None:
        layout = self.layout()
        assert layout is not None
        layout.addWidget(tile)
        self.updateGeometry()
