"""The runs of the selected cell in each compared session, one beneath the other over one axis of time."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, Signal, Slot

from app.bridge.job import Job
from app.pages.compare.overlays import Drawn
from app.pages.results.timeline_reading import LoadedRun, load_run
from app.pages.results.timeline_words import LEGEND, instant_words, request_words, token_words
from app.plots.timeline_span import Span
from app.plots.timeline_surface import whole_of
from app.plots.timeline_view import KEYS, TimelineView
from app.widgets.card import Card
from app.widgets.sentence import Sentence

HINT = "Point at a token to read what it waited for; all of them zoom and move together."

_TRACKS = ("batch", "prompt")
"""Beneath the lanes: what a step served. The other tracks stand on the Results page."""


class TimelineOverlay(Card):
    """Reads the runs when the card comes into sight, on a worker thread; hidden without a run on two sides or more.

    Signals:
        failed: a sentence: a run could not be read.
    """

    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__("Timelines")
        self.set_title("Timelines", "the last run of the selected cell on each side, from its start")
        self._wanted: tuple[Drawn, ...] = ()
        self._shown: tuple[Drawn, ...] = ()
        self._reading: Job | None = None
        self._was_seen = False
        self.runs: list[LoadedRun | None] = []
        self.titles: list[Sentence] = []
        self.views: list[TimelineView] = []
        self.legend = Sentence(LEGEND, "muted", "small")
        self.readout = Sentence(HINT, "muted", "small")
        self.readout.setMinimumHeight(2 * self.readout.fontMetrics().lineSpacing())
        self.body.addWidget(self.legend)
        self.body.addWidget(self.readout)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether runs are being read."""
        return self._reading is not None

    def show_cells(self, cells: Sequence[Drawn]) -> None:
        """Show a run of each; the last ones asked for count."""
        self._wanted = tuple(cells)
        self.setVisible(len(cells) > 1)
        self._read()

    def event(self, event: QEvent) -> bool:
        """What nobody looks at is not read."""
        if event.type() == QEvent.Type.Paint and not self._was_seen:
            self._was_seen = True
            self._read()
        return super().event(event)

    def _read(self) -> None:
        cells = self._wanted
        if self._reading is not None or cells == self._shown or len(cells) < 2 or not self._was_seen:
            return
        self._shown = cells

        def work(line: Any) -> list[LoadedRun | None]:
            return [load_run(cell.path, cell.cell_id, None, (), line.cancel) for cell in cells]

        self._reading = Job(work, self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self.failed)
        self._reading.ended.connect(self._on_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, found: list[LoadedRun | None]) -> None:
        if self._wanted != self._shown:
            return
        self.runs = found
        there = [run for run in found if run is not None]
        self._make_rows(len(found))
        wholes = [whole_of(run.timeline) for run in there]
        common = Span(min((one.start_ns for one in wholes), default=0.0), max((one.end_ns for one in wholes), default=1.0))
        for cell, run, title, view in zip(self._shown, found, self.titles, self.views, strict=True):
            title.show_text(f"**{cell.name}** · {_told(run)}{f' · {cell.doubt}' if cell.doubt else ''}")
            view.setAccessibleName(f"Timeline of {cell.name}")
            view.setVisible(run is not None)
            if run is not None:
                view.show_timeline(run.timeline, [each for each in run.tracks if each.name in _TRACKS], common)
        self.readout.show_text(HINT, "muted")
        self.setVisible(len(there) > 1)

    def _make_rows(self, count: int) -> None:
        """As many titles and views as there are sides."""
        while len(self.views) < count:
            title, view = Sentence(), TimelineView("")
            view.setToolTip(f"Wheel zooms, dragging moves, in all of them at once. {KEYS}.")
            view.span_changed.connect(self._on_span_changed)
            view.pointed.connect(partial(self._on_pointed, len(self.views)))
            view.left.connect(self._on_left)
            for widget in (title, view):
                self.body.insertWidget(self.body.count() - 2, widget)
            self.titles.append(title)
            self.views.append(view)
        while len(self.views) > count:
            for widget in (self.titles.pop(), self.views.pop()):
                widget.hide()
                widget.deleteLater()

    @Slot(object)
    def _on_span_changed(self, span: Span) -> None:
        for view in self.views:
            view.show_span(span)

    def _on_pointed(self, number: int, time_ns: int, lane: int, token: int) -> None:
        """Tell what is pointed at, and show where that instant lies in the others."""
        run = self.runs[number]
        for other, view in enumerate(self.views):
            if other != number:
                view.show_instant(time_ns)
        if run is None:
            return
        row = run.timeline.lanes[lane].request_at(time_ns) if lane >= 0 else None
        words = token_words(run.tokens.read(token)) if token >= 0 else "" if row is None else request_words(run, row)
        told = [instant_words(time_ns), self._shown[number].name, words]
        self.readout.show_text(" · ".join(each for each in told if each))

    @Slot()
    def _on_left(self) -> None:
        self.readout.show_text(HINT, "muted")

    @Slot()
    def _on_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()


def _told(run: LoadedRun | None) -> str:
    if run is None:
        return "no run has ended"
    data = run.timeline.data
    return f"{len(data.requests)} requests, {len(data.tokens)} tokens, {len(data.steps)} steps"
