"""A line for long work: what is done, how far it is, about how long it still takes, and a way to stop it; then how it ended."""

from PySide6.QtCore import QElapsedTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.widgets.sentence import Sentence, Tone
from profiler.units import duration_text

_LEAST_SHARE = 0.05
_LEAST_ELAPSED_MS = 2000
"""Before that much is done, what is left is anybody's guess."""


class WorkStrip(QWidget):
    """Hidden while there is nothing to tell.

    Signals:
        cancelled: the person wants the work stopped.
    """

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._elapsed = QElapsedTimer()
        self._words = Sentence(role="small")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Share done")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self._on_cancel)
        lines = QVBoxLayout()
        lines.setSpacing(4)
        lines.addWidget(self._words)
        lines.addWidget(self.bar)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(12)
        across.addLayout(lines, 1)
        across.addWidget(self.cancel_button)
        self.hide()

    @property
    def words(self) -> str:
        """What is told."""
        return self._words.accessibleName()

    def begin(self, sentence: str) -> None:
        """Work begins."""
        self._elapsed.start()
        self.cancel_button.setEnabled(True)
        self.cancel_button.show()
        self.show_progress(sentence, None)
        self.show()

    @Slot(str, object)
    def show_progress(self, sentence: str, share: float | None) -> None:
        """Tell how far it is; a share of None is not known."""
        left = time_left_text(self._elapsed.elapsed(), share)
        self._words.show_text(f"{sentence[:1].upper()}{sentence[1:]}…{f' {left}' if left else ''}", "muted")
        self.bar.setVisible(share is not None)
        if share is not None:
            self.bar.setValue(round(1000 * share))

    def show_end(self, sentence: str, tone: Tone) -> None:
        """Tell how it ended; nothing to tell hides the line."""
        self.bar.hide()
        self.cancel_button.hide()
        self._words.show_text(sentence, tone)
        self.setVisible(bool(sentence))

    @Slot()
    def _on_cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.cancelled.emit()


def time_left_text(elapsed_ms: int, share: float | None) -> str:
    """About how long work still takes that has got so far; empty while that cannot be told."""
    if share is None or share < _LEAST_SHARE or elapsed_ms < _LEAST_ELAPSED_MS:
        return ""
    seconds = elapsed_ms / 1000 * (1 - share) / share
    step = 5 if seconds < 60 else 30
    return f"about {duration_text(max(step, round(seconds / step) * step))} left"
