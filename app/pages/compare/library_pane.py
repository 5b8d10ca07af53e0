"""The library of runs: every session of the watched folders, to be searched, grouped, labelled, opened and compared."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.bridge.job import Job, JobLine
from app.pages.compare.label_card import LabelCard
from app.pages.compare.library_columns import Grouping, library_entries
from app.pages.compare.library_table import LibraryView
from app.pages.compare.trash import Trashed, move_to_trash, restore
from app.settings import Settings
from app.widgets.card import Card
from app.widgets.chips import Chips, Choice
from app.widgets.empty_state import EmptyState
from app.widgets.sentence import Sentence, Tone, set_tone
from app.widgets.two_columns import TwoColumns
from profiler.exchange.run_library import LibraryRow, Listing, RunLibrary, RunState
from profiler.session.labels import Labels, write_labels

MOST_COMPARED = 5
_GROUPINGS = (
    Choice("none", "Nothing"),
    Choice("model", "Model", "Sessions of the same models below each other"),
    Choice("machine", "Machine", "Sessions of the same machine below each other"),
)


class LibraryPane(QWidget):
    """The list, and the words on the selected session.

    Signals:
        open_wanted: a session (a path) shall be shown on Results.
        compare_wanted: these sessions (paths) shall be compared, the first as the base.
        baseline_changed: another session is pinned, or none.
    """

    open_wanted = Signal(object)
    compare_wanted = Signal(object)
    baseline_changed = Signal()

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Library")
        self._settings = settings
        self._listing: Listing | None = None
        self._job: Job | None = None
        self._waiting: list[tuple[Callable[[JobLine], object], Callable[..., None]]] = []
        self._trashed: Trashed | None = None

        self.search_field = QLineEdit()
        self.search_field.setPlaceholderText("title, model, machine, tag, note…")
        self.search_field.setAccessibleName("Search the sessions")
        self.search_field.setClearButtonEnabled(True)
        self.search_field.textChanged.connect(self._on_searched)
        self.groupings = Chips(_GROUPINGS)
        self.groupings.setAccessibleName("Group by")
        self.groupings.chosen.connect(self._on_grouped)
        self.view = LibraryView()
        self.view.chosen.connect(self._on_chosen)
        self.view.activated.connect(self._on_open)
        self.labels = LabelCard()
        self.labels.save_wanted.connect(self._on_save_wanted)
        self._message = Sentence(role="small")
        self._message.hide()
        self.empty = EmptyState(
            "No sessions yet",
            "Every sweep that you measure is kept as a session and listed here. Sessions in other folders are listed too, once "
            "these folders are named in the preferences.",
            "Look again",
        )
        self.empty.acted.connect(self.refresh)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._content())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self._show_buttons()

    def _content(self) -> QWidget:
        self.compare_button = QPushButton("Compare")
        self.compare_button.setProperty("look", "primary")
        self.open_button = QPushButton("Open")
        self.open_button.setToolTip("Show the session on Results (double-click)")
        self.pin_button = QPushButton()
        self.trash_button = QPushButton("Move to trash")
        self.undo_button = QPushButton("Undo")
        self.undo_button.setProperty("look", "link")
        for button, act in (
            (self.compare_button, self._on_compare),
            (self.open_button, self._on_open),
            (self.pin_button, self._on_pin),
            (self.trash_button, self._on_trash),
            (self.undo_button, self._on_undo),
        ):
            button.clicked.connect(act)
        self._card = Card("Library")
        head = QHBoxLayout()
        head.setSpacing(8)
        words = QLabel("Group by")
        set_tone(words, "muted")
        head.addWidget(self.search_field, 1)
        head.addWidget(words)
        head.addWidget(self.groupings)
        tail = QHBoxLayout()
        tail.setSpacing(8)
        for button in (self.compare_button, self.open_button, self.pin_button, self.trash_button):
            tail.addWidget(button)
        tail.addWidget(self._message, 1)
        tail.addWidget(self.undo_button)
        tail.addStretch(0)
        self._card.body.addLayout(head)
        self._card.body.addWidget(self.view, 1)
        self._card.body.addLayout(tail)
        return TwoColumns(self._card, self.labels, shares=(3, 1), side_px=300, narrow_px=900)

    @property
    def is_busy(self) -> bool:
        """Whether sessions are read, written or moved."""
        return self._job is not None

    @property
    def rows(self) -> tuple[LibraryRow, ...]:
        """All sessions, the newest first."""
        return () if self._listing is None else self._listing.rows

    @property
    def message(self) -> str:
        """What is told under the list, empty when nothing is."""
        return self._message.accessibleName() if self._message.isVisibleTo(self) else ""

    @Slot()
    def refresh(self) -> None:
        """Look for sessions; files that are known as they are are not opened."""
        folders = self._settings.watched_folders

        def work(line: JobLine) -> Listing:
            return RunLibrary().scan(
                folders, line.cancel, lambda row, number, count: line.progress(f"{number} of {count}", number / count)
            )

        self._carry_out(work, self._on_listed)

    def _carry_out(self, work: Callable[[JobLine], object], done: Callable[..., None]) -> None:
        """One piece of work at a time, in the order they were asked for."""
        if self._job is not None:
            self._waiting.append((work, done))
            return
        self._job = Job(work, self)
        self._job.progressed.connect(self._on_progressed)
        self._job.succeeded.connect(done)
        self._job.failed.connect(self._on_failed)
        self._job.ended.connect(self._on_ended)
        self._job.start()
        self._show_buttons()

    @Slot()
    def _on_ended(self) -> None:
        assert self._job is not None
        self._job.deleteLater()
        self._job = None
        if self._waiting:
            self._carry_out(*self._waiting.pop(0))
        self._show_buttons()

    @Slot(str, object)
    def _on_progressed(self, sentence: str, share: object) -> None:
        self._card.set_title("Library", f"reading {sentence}…")

    @Slot(object)
    def _on_listed(self, listing: Listing) -> None:
        has_changed = self._listing is None or self._listing.rows != listing.rows
        self._listing = listing
        if has_changed:
            self._show_entries()
        self._show_count()
        self._stack.setCurrentIndex(1 if listing.rows or self._trashed is not None else 0)
        if listing.missing_folders and listing.missing_folders != (self._settings.sessions_folder,):
            names = ", ".join(str(folder) for folder in listing.missing_folders)
            self._tell(f"Not found: {names}; connect its disk, or take it out of the preferences.", "caution")

    def _show_entries(self) -> None:
        """Show the list anew; what was selected stays so where it is still there."""
        kept = {row.path for row in self.view.chosen_sessions}
        entries = library_entries(self.rows, self._grouping(), self._settings.baseline)
        blocker = QSignalBlocker(self.view)  # it is told once, when all is as it was
        self.view.clearSelection()  # a selection is of rows, and these may hold other sessions now
        self.view.entries.show_records(entries)
        self.view.search(self.search_field.text())
        self.view.fit_columns()
        self.view.select_rows(number for number, entry in enumerate(entries) if entry.row is not None and entry.row.path in kept)
        blocker.unblock()
        self._show_count()
        self._on_chosen()

    def _grouping(self) -> Grouping:
        value = self.groupings.value()
        return "model" if value == "model" else "machine" if value == "machine" else "none"

    def _show_count(self) -> None:
        whole, shown = len(self.rows), len(self.view.shown_sessions)
        told = f"{whole} session{'' if whole == 1 else 's'}"
        baseline = self._settings.baseline
        pinned = f" · baseline: {baseline.stem}" if baseline is not None else ""
        self._card.set_title("Library", f"{told if shown == whole else f'{shown} of {told}'}{pinned}")

    @Slot(str)
    def _on_searched(self, text: str) -> None:
        self.view.search(text)
        self._show_count()

    @Slot()
    def _on_grouped(self) -> None:
        self._show_entries()

    @Slot()
    def _on_chosen(self) -> None:
        self.labels.show_sessions(self.view.chosen_sessions)
        self._show_buttons()

    def _compared(self) -> list[Path]:
        """The chosen sessions, behind the pinned baseline where there is one."""
        chosen = [row.path for row in self.view.chosen_sessions if row.state is not RunState.UNREADABLE]
        baseline = self._settings.baseline
        if baseline is None or not chosen:
            return chosen
        return [baseline, *(path for path in chosen if path != baseline.absolute())]

    def _show_buttons(self) -> None:
        chosen = self.view.chosen_sessions
        pinned = self._settings.baseline
        is_pinned = len(chosen) == 1 and pinned is not None and chosen[0].path == pinned.absolute()
        self.compare_button.setEnabled(2 <= len(self._compared()) <= MOST_COMPARED)
        self.compare_button.setToolTip(
            f"Hold the selected sessions against the first, or against the pinned baseline; {MOST_COMPARED} at the most"
        )
        self.open_button.setEnabled(len(chosen) == 1 and chosen[0].state is not RunState.UNREADABLE)
        self.pin_button.setText("Unpin baseline" if is_pinned else "Pin as baseline")
        self.pin_button.setToolTip("Comparisons begin with the pinned session")
        self.pin_button.setEnabled(len(chosen) == 1 and chosen[0].state is not RunState.UNREADABLE)
        self.trash_button.setEnabled(bool(chosen) and not self.is_busy)
        self.undo_button.setVisible(self._trashed is not None)
        self.undo_button.setEnabled(not self.is_busy)

    def _tell(self, sentence: str, tone: Tone) -> None:
        self._message.show_text(sentence, tone)
        self._message.show()

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self._tell(sentence, "broken")
        self._show_count()

    @Slot()
    def _on_open(self) -> None:
        chosen = self.view.chosen_sessions
        if len(chosen) == 1 and chosen[0].state is not RunState.UNREADABLE:
            self.open_wanted.emit(chosen[0].path)

    @Slot()
    def _on_compare(self) -> None:
        self.compare_wanted.emit(self._compared())

    @Slot()
    def _on_pin(self) -> None:
        (row,) = self.view.chosen_sessions
        pinned = self._settings.baseline
        self._settings.baseline = None if pinned is not None and pinned.absolute() == row.path else row.path
        self._show_entries()
        self.baseline_changed.emit()

    @Slot(object, object)
    def _on_save_wanted(self, path: Path, labels: Labels) -> None:
        self._message.hide()
        self._carry_out(lambda line: write_labels(path, labels), self._on_saved)

    @Slot(object)
    def _on_saved(self, nothing: object) -> None:
        self._tell("Saved in the session.", "met")
        self.refresh()

    @Slot()
    def _on_trash(self) -> None:
        self._message.hide()
        paths = [row.path for row in self.view.chosen_sessions]
        self._carry_out(lambda line: move_to_trash(paths), self._on_trashed)

    @Slot(object)
    def _on_trashed(self, trashed: Trashed) -> None:
        self._trashed = trashed
        self._tell(f"{_sessions(trashed.sessions)} moved to the trash.", "muted")
        self.refresh()

    @Slot()
    def _on_undo(self) -> None:
        trashed = self._trashed
        if trashed is not None:
            self._carry_out(lambda line: restore(trashed), self._on_restored)

    @Slot(object)
    def _on_restored(self, nothing: object) -> None:
        assert self._trashed is not None
        self._tell(f"{_sessions(self._trashed.sessions)} brought back.", "met")
        self._trashed = None
        self.refresh()


def _sessions(paths: Sequence[Path]) -> str:
    return paths[0].stem if len(paths) == 1 else f"{len(paths)} sessions"
