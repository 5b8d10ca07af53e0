"""Sentences for the user: wrapped text with strong words, and a tone that is told by a mark as well as by its colour."""

import html
import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.typeface import Role, font
from profiler.exchange.findings.tone import MARKS, Tone, marked

__all__ = ["MARKS", "Sentence", "Tone", "marked", "set_tone"]

_STRONG = re.compile(r"\*\*(.+?)\*\*")


def set_tone(widget: QWidget, tone: Tone) -> None:
    """Have the stylesheet colour `widget` by `tone`."""
    if widget.property("tone") != tone:
        widget.setProperty("tone", tone)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class Sentence(QLabel):
    """A wrapped label. Words between double asterisks are strong; everything else is shown as it is, never read as markup."""

    def __init__(self, text: str = "", tone: Tone = "plain", role: Role = "body", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFont(font(role))
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.show_text(text, tone)

    def show_text(self, text: str, tone: Tone = "plain") -> None:
        """Say this now; the tone's mark goes in front."""
        set_tone(self, tone)
        self.setAccessibleName(_STRONG.sub(r"\1", text))
        self.setText(_STRONG.sub(r'<span style="font-weight: 600;">\1</span>', html.escape(marked(text, tone))))
