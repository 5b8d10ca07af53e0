"""Which of two or more sessions is faster, by how much, and whether that can be said at all."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.actions import Actions
from app.bridge.job import Job
from app.pages.compare.choice_card import MOST_OTHERS, ChoiceCard
from app.pages.compare.comparing import Outcome, Request, compared, session_files
from app.pages.compare.copied import as_markdown, as_text
from app.pages.compare.headline import headline
from app.pages.compare.library_pane import LibraryPane
from app.pages.compare.overlays import DistributionOverlay, FrontierOverlay, column, drawn_cells
from app.pages.compare.ranking_card import RankingCard
from app.pages.compare.side_field import FILTER
from app.pages.compare.side_notes import SideNotes
from app.pages.compare.timeline_overlay import TimelineOverlay
from app.pages.compare.verdict_card import VerdictCard
from app.pages.page import Page
from app.pages.results.answer_card import AnswerCard
from app.settings import Settings
from app.widgets.chips import Chips, Choice
from app.widgets.empty_state import EmptyState
from app.widgets.page_header import ActionButton, PageHeader
from app.widgets.sentence import Sentence, Tone
from app.widgets.two_columns import GAP_PX, TwoColumns
from profiler.analysis.comparison.result import ComparedFigure

_PROGRESS_AFTER_MS = 250
"""Most comparisons are there sooner; a line that comes and goes would only flicker."""

_PROGRESS_STEPS = 1000
_LIBRARY, _COMPARISON = "library", "comparison"


class ComparePage(Page):
    """The library of runs, and one comparison: once a base and another session are chosen, every further choice compares anew.

    `open_sessions(paths)`: compare these, the first as the base; a single one takes the first empty side.

    Signals:
        results_wanted: a session of the library (a path) shall be shown on Results.
    """

    TITLE = "Compare"

    results_wanted = Signal(object)

    def __init__(self, settings: Settings, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(settings, parent)
        self._actions = actions
        self._wanted: Request | None = None
        self._comparing: Job | None = None
        self._listing: Job | None = None
        self._outcome: Outcome | None = None
        self._header = PageHeader(self.TITLE)
        for action in (actions.copy_table, actions.copy_markdown):
            self._header.add(ActionButton(action))
        self.views = Chips(
            [Choice(_LIBRARY, "Library", "All sessions"), Choice(_COMPARISON, "Comparison", "Some, held together")]
        )
        self.views.setAccessibleName("What is shown")
        self.views.chosen.connect(self._on_view_chosen)
        self._header.add(self.views)
        actions.copy_table.triggered.connect(self._on_copy_table)
        actions.copy_markdown.triggered.connect(self._on_copy_markdown)

        self.library = LibraryPane(settings)
        self.library.open_wanted.connect(self.results_wanted)
        self.library.compare_wanted.connect(self.open_sessions)
        self.library.baseline_changed.connect(self._on_baseline_changed)
        self.choice = ChoiceCard(settings.sessions_folder)
        self.choice.changed.connect(self._on_changed)
        self._message = Sentence()
        self._message.hide()
        self._progress = self._progress_line()
        self._progress_due = QTimer(self)
        self._progress_due.setSingleShot(True)
        self._progress_due.setInterval(_PROGRESS_AFTER_MS)
        self._progress_due.timeout.connect(self._progress.show)

        self.empty = EmptyState(
            "Nothing is compared yet",
            "Choose two sessions above, or drop their files on this page. The first one is the base; the other is said to be "
            "faster, slower or the same, as far as the repetitions of both can tell.",
            "Choose sessions…",
        )
        self.empty.acted.connect(self._on_choose)
        self.answer = AnswerCard()
        self.verdicts = VerdictCard([actions.copy_table, actions.copy_markdown])
        self.verdicts.row_chosen.connect(self._on_row_chosen)
        self.ranking = RankingCard()
        self.frontier = FrontierOverlay()
        self.distributions = DistributionOverlay()
        self.distributions.failed.connect(self._on_distributions_failed)
        self.timelines = TimelineOverlay()
        self.timelines.failed.connect(self._on_distributions_failed)
        self.notes = SideNotes()
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._content())

        self._pages = QStackedWidget()
        self._pages.addWidget(self.library)
        self._pages.addWidget(self._comparison())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(GAP_PX)
        layout.addWidget(self._header)
        layout.addWidget(self._pages, 1)
        self._on_baseline_changed()

    def _comparison(self) -> QWidget:
        comparison = QWidget()
        layout = QVBoxLayout(comparison)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        for widget in (self.choice, self._message, self._progress):
            layout.addWidget(widget)
        layout.addWidget(self._stack, 1)
        return comparison

    def _progress_line(self) -> QWidget:
        self._progress_words = Sentence("", "muted")
        self._progress_bar = QProgressBar()
        self._progress_bar.setTextVisible(False)
        self._progress_bar.setAccessibleName("Progress of the comparison")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setAccessibleName("Cancel the comparison")
        self.cancel_button.clicked.connect(self._on_cancel)
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        layout.addWidget(self._progress_words, 1)
        layout.addWidget(self._progress_bar, 1)
        layout.addWidget(self.cancel_button)
        line.hide()
        return line

    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        layout.addWidget(self.answer)
        below = (self.distributions, self.frontier, self.timelines, self.ranking)
        main = column("Verdicts", (self.verdicts, 1), *((widget, 0) for widget in below))
        layout.addWidget(TwoColumns(main, self.notes, shares=(3, 1), side_px=320, narrow_px=1200), 1)
        return content

    @property
    def outcome(self) -> Outcome | None:
        """What is shown; None while nothing is."""
        return self._outcome

    @property
    def is_busy(self) -> bool:
        """Whether sessions are compared or looked for."""
        reading = self.library.is_busy or self.distributions.is_busy or self.timelines.is_busy
        return self._comparing is not None or self._listing is not None or reading

    @property
    def message(self) -> str:
        """What is told under the choice, empty when nothing is."""
        return self._message.accessibleName() if self._message.isVisibleTo(self) else ""

    @Slot(object)
    def open_sessions(self, paths: Sequence[Path]) -> None:
        """Choose these, the first as the base; a single one takes the first empty side, or else that of the last session."""
        self.show_view(_COMPARISON)
        self.choice.add_paths(paths[: MOST_OTHERS + 1])
        self._on_changed()
        if len(paths) > MOST_OTHERS + 1:
            self._tell(f"{len(paths)} sessions are too many for one table; the first {MOST_OTHERS + 1} are compared.", "caution")

    def show_view(self, view: str) -> None:
        """Show the "library" or the "comparison"."""
        self.views.choose(view)
        self._on_view_chosen()

    @Slot()
    def _on_view_chosen(self) -> None:
        self._pages.setCurrentIndex(1 if self.views.value() == _COMPARISON else 0)
        self._show_actions()

    @Slot()
    def _on_baseline_changed(self) -> None:
        """A comparison that has not begun begins with the pinned session."""
        baseline = self.settings.baseline
        self.choice.show_baseline(baseline)
        if baseline is not None and self.choice.paths == (None, None):
            self.choice.base.show_path(baseline)

    @Slot()
    def _on_changed(self) -> None:
        """What is shown no longer answers what is chosen, unless a new comparison says so."""
        self._message.hide()
        self._wanted = self.choice.request()
        if self._comparing is not None:
            self._comparing.cancel()
        elif self._wanted is None:
            self._show_nothing()
        else:
            self._compare()

    def _compare(self) -> None:
        """Make the wanted comparison; one at a time, the one that was wanted last."""
        request = self._wanted
        if request is None or self._comparing is not None:
            return
        self._wanted = None
        self._comparing = Job(lambda line: compared(line, request), self)
        self._comparing.progressed.connect(self._on_progressed)
        self._comparing.succeeded.connect(self._on_compared)
        self._comparing.failed.connect(self._on_failed)
        self._comparing.ended.connect(self._on_ended)
        self._on_progressed("Comparing", 0.0)
        self._progress_due.start()
        self._comparing.start()

    @Slot(str, object)
    def _on_progressed(self, sentence: str, share: object) -> None:
        self._progress_words.show_text(f"{sentence}…", "muted")
        self._progress_bar.setRange(0, _PROGRESS_STEPS if isinstance(share, float) else 0)
        self._progress_bar.setValue(round(share * _PROGRESS_STEPS) if isinstance(share, float) else 0)

    @Slot(object)
    def _on_compared(self, outcome: Outcome) -> None:
        if self.choice.request() != outcome.request:
            return  # something else was chosen meanwhile
        self._outcome = outcome
        base, *others = outcome.names
        self._header.show_text(self.TITLE, f"{', '.join(others)} against {base}")
        self.choice.show_axes(outcome.axes)
        self.answer.show_answer(headline(outcome.comparison, outcome.names))
        views = [each.view for each in outcome.contestants]
        self.frontier.show_sessions(outcome.names, views)
        self.ranking.show_contestants(outcome.contestants)
        self.verdicts.show_outcome(outcome)
        self.verdicts.setVisible(bool(outcome.comparison.figures))
        self.notes.show_comparison(outcome.comparison)
        self._stack.setCurrentIndex(1)
        self._show_actions()
        if outcome.notices:
            self._tell(" ".join(outcome.notices), "caution")

    @Slot(object)
    def _on_row_chosen(self, figure: ComparedFigure | None) -> None:
        """Draw how the row's cell is spread on each side."""
        outcome = self._outcome
        if figure is None or outcome is None:
            self.distributions.show_cells((), ())
            self.timelines.show_cells(())
            return
        places = dict(zip(outcome.names, outcome.request.paths, strict=True))
        cells = drawn_cells(figure, outcome.comparison, places)
        self.distributions.show_cells(cells, outcome.contestants[0].view.slo)
        self.timelines.show_cells(cells)

    @Slot(str)
    def _on_distributions_failed(self, sentence: str) -> None:
        self._tell(sentence, "broken")

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self._show_nothing()
        self._tell(sentence, "broken")

    @Slot()
    def _on_cancel(self) -> None:
        self._wanted = None
        if self._comparing is not None:
            self._comparing.cancel()

    @Slot()
    def _on_ended(self) -> None:
        assert self._comparing is not None
        self._comparing.deleteLater()
        self._comparing = None
        self._progress_due.stop()
        self._progress.hide()
        if self._wanted is not None:
            self._compare()
        elif self._outcome is None or self.choice.request() != self._outcome.request:
            self._show_nothing()

    def _show_nothing(self) -> None:
        self._outcome = None
        self._header.show_text(self.TITLE)
        self._stack.setCurrentIndex(0)
        self._show_actions()

    def _show_actions(self) -> None:
        has_rows = self._outcome is not None and bool(self._outcome.comparison.figures)
        self._actions.show_verdicts_state(has_rows and self.isVisible() and self._pages.currentIndex() == 1)

    def _tell(self, sentence: str, tone: Tone) -> None:
        self._message.show_text(sentence, tone)
        self._message.show()

    @Slot()
    def _on_choose(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Choose two sessions or more", str(self.settings.sessions_folder), FILTER)
        if names:
            self.open_sessions([Path(name) for name in names])

    @Slot()
    def _on_copy_table(self) -> None:
        if self._outcome is not None:
            QGuiApplication.clipboard().setText(as_text(self.verdicts.view.shown_records(), self._outcome.names))

    @Slot()
    def _on_copy_markdown(self) -> None:
        if self._outcome is not None:
            rows, names = self.verdicts.view.shown_records(), self._outcome.names
            QGuiApplication.clipboard().setText(as_markdown(rows, names, self.answer.statement))

    def _list_sessions(self) -> None:
        if self._listing is not None:
            return
        recent, folder = self.settings.recent_sessions, self.settings.sessions_folder
        self._listing = Job(lambda line: session_files(recent, folder), self)
        self._listing.succeeded.connect(self._on_listed)
        self._listing.ended.connect(self._on_listing_ended)
        self._listing.start()

    @Slot(object)
    def _on_listed(self, paths: tuple[Path, ...]) -> None:
        self.choice.offer(paths)

    @Slot()
    def _on_listing_ended(self) -> None:
        assert self._listing is not None
        self._listing.deleteLater()
        self._listing = None

    def showEvent(self, event: QShowEvent) -> None:
        """There may be new sessions meanwhile."""
        super().showEvent(event)
        self._show_actions()
        self._list_sessions()
        self.library.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """What is not in sight is not copied."""
        super().hideEvent(event)
        self._show_actions()
