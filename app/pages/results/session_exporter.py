"""Writing a session in another format on a worker thread."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.bridge.job import Job
from profiler.exchange.formats import Format
from profiler.session.reader import SessionReader


class SessionExporter(QObject):
    """One export at a time.

    Signals:
        told: a sentence and its tone.
        changed: an export began or ended.
    """

    told = Signal(str, str)
    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._job: Job | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is being written."""
        return self._job is not None

    def export(self, session: Path, item: Format, target: Path) -> None:
        """Write `session` to `target`, which the person has agreed to replace where it exists."""

        def work(line: object) -> tuple[Path, Sequence[str]]:
            with SessionReader.open(session) as reader:
                return target, item.export(reader, target, force=target.exists()) or ()

        self._job = Job(work, self)
        self._job.succeeded.connect(self._on_exported)
        self._job.failed.connect(self._on_failed)
        self._job.ended.connect(self._on_ended)
        self._job.start()
        self.told.emit(f"Exporting to {target.name}…", "muted")
        self.changed.emit()

    @Slot(object)
    def _on_exported(self, outcome: tuple[Path, Sequence[str]]) -> None:
        target, remarks = outcome
        self.told.emit(" ".join([f"Exported to {target}.", *remarks]), "met")

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.told.emit(sentence, "broken")

    @Slot()
    def _on_ended(self) -> None:
        assert self._job is not None
        self._job.deleteLater()
        self._job = None
        self.changed.emit()
