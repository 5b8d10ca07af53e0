"""The list of what happened, the latest first, each with its time."""

import html
from collections import deque

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from app.tokens import tokens
from app.typeface import font
from app.widgets.sentence import Tone, marked

_KEPT = 200


class EventList(QTextEdit):
    """Read-only, selectable, scrolled by the keyboard; older entries than the last 200 are in the session file only."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: deque[tuple[str, str, Tone]] = deque(maxlen=_KEPT)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(font("small"))
        self.setAccessibleName("What happened")
        self.setProperty("look", "bare")
        self.document().setDocumentMargin(0)

    def add(self, time_text: str, sentence: str, tone: Tone = "plain") -> None:
        """Put an entry on top."""
        self._entries.appendleft((time_text, sentence, tone))
        self._show_entries()

    def clear_entries(self) -> None:
        """Forget all entries."""
        self._entries.clear()
        self._show_entries()

    def _show_entries(self) -> None:
        colors = tokens()
        inks = {"met": colors.met, "broken": colors.broken, "caution": colors.caution, "muted": colors.muted}
        self.setHtml(
            "".join(
                f'<p style="margin: 0 0 5px 0;"><span style="color: {colors.muted};">{html.escape(time_text)}</span> '
                f'<span style="color: {inks.get(tone, colors.text)};">{html.escape(marked(sentence, tone))}</span></p>'
                for time_text, sentence, tone in self._entries
            )
        )

    def changeEvent(self, event: QEvent) -> None:
        """The colours are part of the text, so a new theme writes it anew."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_entries()
