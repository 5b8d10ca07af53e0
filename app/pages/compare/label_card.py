"""The words on the selected session: its title, tags and notes, changed in place and kept in its file."""

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QPushButton

from app.widgets.card import Card
from app.widgets.sentence import Sentence, set_tone
from profiler.exchange.run_library import LibraryRow, RunState
from profiler.session.labels import Labels, parse_tags, tags_text

_NOTES_PX = 120


class LabelCard(Card):
    """The fields of one session; without one, or with several, it says so.

    Signals:
        save_wanted: these words (`Labels`) shall be kept in the file of this path.
    """

    save_wanted = Signal(object, object)

    def __init__(self) -> None:
        super().__init__("Selected session")
        self._row: LibraryRow | None = None
        self._said = Sentence("", "muted", "small")
        self.title_field = QLineEdit()
        self.title_field.setAccessibleName("Title")
        self.tags_field = QLineEdit()
        self.tags_field.setAccessibleName("Tags")
        self.tags_field.setPlaceholderText("driver: 550, quiet fan")
        self.tags_field.setToolTip("Names, or names with a value behind a colon, separated by commas")
        self.notes_field = QPlainTextEdit()
        self.notes_field.setAccessibleName("Notes")
        self.notes_field.setFixedHeight(_NOTES_PX)
        self.notes_field.setTabChangesFocus(True)
        self.save_button = QPushButton("Save in the session")
        self.undo_button = QPushButton("Discard")
        self.undo_button.setToolTip("Show again what the session holds")
        self.save_button.clicked.connect(self._on_save)
        self.undo_button.clicked.connect(self._on_discard)
        for field in (self.title_field, self.tags_field):
            field.textChanged.connect(self._on_edited)
            field.returnPressed.connect(self._on_save)
        self.notes_field.textChanged.connect(self._on_edited)
        self.body.addWidget(self._said)
        for words, widget in (("Title", self.title_field), ("Tags", self.tags_field), ("Notes", self.notes_field)):
            label = QLabel(words)
            set_tone(label, "muted")
            label.setBuddy(widget)
            self.body.addWidget(label)
            self.body.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.undo_button)
        buttons.addWidget(self.save_button)
        self.body.addLayout(buttons)
        self.body.addStretch(1)
        self.show_sessions([])

    @property
    def labels(self) -> Labels:
        """What the fields hold."""
        notes = self.notes_field.toPlainText().strip()
        return Labels(self.title_field.text().strip(), notes, parse_tags(self.tags_field.text()))

    @property
    def has_changes(self) -> bool:
        """Whether the fields hold other words than the session."""
        return self._row is not None and self.labels != _labels(self._row)

    def show_sessions(self, rows: list[LibraryRow]) -> None:
        """Show the one that is selected; what was typed for it stays, what was typed for another is kept in its file."""
        row = rows[0] if len(rows) == 1 else None
        is_same = row is not None and self._row is not None and row.path == self._row.path
        keeps = is_same and self.has_changes
        if not is_same:
            self._on_save()
        self._row = row
        can_write = row is not None and row.state not in (RunState.UNDER_WAY, RunState.UNREADABLE)
        for field in (self.title_field, self.tags_field, self.notes_field):
            field.setEnabled(can_write)
        self._said.show_text(_said(rows), "broken" if row is not None and row.problem else "muted")
        if not keeps:
            self._fill(Labels() if row is None else _labels(row))
        self._on_edited()

    def _fill(self, labels: Labels) -> None:
        blockers = [QSignalBlocker(field) for field in (self.title_field, self.tags_field, self.notes_field)]
        self.title_field.setText(labels.title)
        self.tags_field.setText(tags_text(labels.tags))
        self.notes_field.setPlainText(labels.notes)
        for blocker in blockers:
            blocker.unblock()

    @Slot()
    def _on_edited(self) -> None:
        self.save_button.setEnabled(self.has_changes)
        self.undo_button.setEnabled(self.has_changes)

    @Slot()
    def _on_save(self) -> None:
        if self._row is not None and self.has_changes:
            self.save_wanted.emit(self._row.path, self.labels)

    @Slot()
    def _on_discard(self) -> None:
        if self._row is not None:
            self._fill(_labels(self._row))
            self._on_edited()


def _labels(row: LibraryRow) -> Labels:
    return Labels(row.title, row.notes, row.tags)


def _said(rows: list[LibraryRow]) -> str:
    if not rows:
        return "Select a session to see and change its title, tags and notes. They are kept in its file."
    if len(rows) > 1:
        return f"{len(rows)} sessions are selected. Compare holds them against the first, or against the pinned baseline."
    (row,) = rows
    if row.problem:
        return row.problem
    told = f"**{row.path.name}** · {row.measured} of {row.cells} cells measured"
    if row.state is RunState.UNDER_WAY:
        return f"{told}. A sweep is being written into it; its words can be changed when that has ended."
    return told
