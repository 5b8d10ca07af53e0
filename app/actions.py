"""Every action of the window, once: words, shortcut, tip. Menus and buttons show them; the main window says what they do."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

PAGE_TITLES = ("Models", "Plan", "Live", "Results", "Compare")


class Actions(QObject):
    """The actions, as children of the window.

    Attributes:
        pages: one for each page, by title; checkable, since one of them is shown.
        pause: becomes "Resume" while the sweep is paused.
        copy_table, copy_markdown: of the Compare page; possible while it shows verdicts.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.open = self._make("Open…", "Ctrl+O", "Open a session (.inferometer), a model (.gguf) or a plan (.toml)")
        self.import_results = self._make(
            "Import…", "Ctrl+Shift+I", "Read results of llama-bench, llama-batched-bench, vLLM, GuideLLM or AIPerf into a session"
        )
        self.preferences = self._make("Preferences…", "Ctrl+,", "Theme, folders, quiet measuring")
        self.quit = self._make("Quit", "Ctrl+Q", "Close Inferometer; a running sweep is stopped and saved first")
        self.pages = {
            title: self._make(title, f"Ctrl+{number}", f"Show the page {title}", checkable=True)
            for number, title in enumerate(PAGE_TITLES, 1)
        }
        self.start = self._make("Start", "Ctrl+Return", "Measure what the Plan page says")
        self.pause = self._make("Pause", "Ctrl+P", "Start no further run until you resume")
        self.skip_cell = self._make("Skip cell", "Ctrl+K", "End this run and leave out the rest of its cell")
        self.stop = self._make("Stop", "Ctrl+.", "End the sweep; everything measured is kept")
        self.quiet = self._make(
            "Quiet while measuring", "Ctrl+Shift+Q", "Draw between runs only, so that watching costs nothing", checkable=True
        )
        self.copy_table = self._make("Copy table", "Ctrl+Shift+C", "The verdicts as text, for a spreadsheet")
        self.copy_markdown = self._make("Copy as Markdown", "Ctrl+Shift+M", "The answer and the verdicts as a Markdown table")
        self.forget_recent = self._make("Forget these", "", "Empty the list of recent sessions; the files stay")
        self.machine = self._make("This machine…", "Ctrl+I", "What is here, its measured ceilings, which telemetry can be read")
        self.guide = self._make("Guide", "F1", "How to read each chart, how it is measured, what to do when something is wrong")
        self.palette = self._make("Find a command…", "Ctrl+Shift+P", "Every action of the window by a part of its name")
        self.about = self._make("About Inferometer", "", "Version, licences, folders")
        self.show_sweep_state(is_running=False, is_stopping=False, is_paused=False)
        self.show_verdicts_state(False)

    @property
    def all(self) -> list[QAction]:
        """Every action, in the order of the menus."""
        return [action for action in self.children() if isinstance(action, QAction)]

    def _make(self, words: str, shortcut: str, tip: str, *, checkable: bool = False) -> QAction:
        action = QAction(words, self)
        action.setIconText(words)
        action.setCheckable(checkable)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
            tip = f"{tip} ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})"
        action.setToolTip(tip)
        action.setStatusTip(tip)
        return action

    def show_sweep_state(self, *, is_running: bool, is_stopping: bool, is_paused: bool) -> None:
        """Offer what is possible now."""
        can_steer = is_running and not is_stopping
        self.start.setEnabled(not is_running)
        self.pause.setText("Resume" if is_paused else "Pause")
        self.pause.setIconText(self.pause.text())
        for action in (self.pause, self.skip_cell, self.stop):
            action.setEnabled(can_steer)

    def show_verdicts_state(self, has_verdicts: bool) -> None:
        """Offer to copy verdicts that are in sight."""
        self.copy_table.setEnabled(has_verdicts)
        self.copy_markdown.setEnabled(has_verdicts)
