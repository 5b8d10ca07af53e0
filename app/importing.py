"""Results of other tools that are opened in the window: read into a session on a thread of its own, then shown."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from app.bridge.job import Job
from app.dialogs.message import tell
from app.session_name import imported_path
from app.settings import Settings

RESULTS_FILTER = "Results of other tools (*.json *.jsonl *.csv *.sql);;All files (*)"


class Importing(QObject):
    """The imports of a window, each a job; sessions go to the folder of the preferences.

    Signals:
        imported: the path of a session that was written.
        failed: a sentence, which the person has been told.
    """

    imported = Signal(object)
    failed = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings = settings
        self._window = parent

    @Slot()
    def ask(self) -> None:
        """Import the files that the person chooses."""
        folder = str(self._settings.sessions_folder)
        names, _ = QFileDialog.getOpenFileNames(self._window, "Import results", folder, RESULTS_FILTER)
        for name in names:
            self.start(Path(name))

    def start(self, source: Path) -> None:
        """Import a file; several may be under way."""
        folder = self._settings.sessions_folder

        def work(line: object) -> Path:
            # Imported by the thread that needs it, since that takes a noticeable moment.
            from profiler.exchange.imports.import_file import import_file

            return import_file(source, imported_path(folder, source)).session

        job = Job(work, self)
        job.succeeded.connect(self._on_succeeded)
        job.failed.connect(self._on_failed)
        job.ended.connect(self._on_ended)
        job.start()

    @property
    def is_busy(self) -> bool:
        """Whether something is being imported."""
        return any(job.is_running for job in self.findChildren(Job))

    @Slot(object)
    def _on_succeeded(self, session: Path) -> None:
        self.imported.emit(session)

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        tell(self._window, "Cannot import this", sentence)
        self.failed.emit(sentence)

    @Slot()
    def _on_ended(self) -> None:
        self.sender().deleteLater()
