"""The steps of a search in their order: what was tried and why, who is out, where the boundaries lie, and the answer."""

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from app.tokens import Tokens, tokens
from app.typeface import font
from profiler.exchange.findings.search_view import Step

_AT_END_PX = 4
_OUT = " is looked at no further: "


class StepList(QTextEdit):
    """Read-only, selectable, scrolled by the keyboard. The newest step is in sight, unless somebody has scrolled up."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps: list[Step] = []
        self._is_under_way = False
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(font("small"))
        self.setAccessibleName(name)
        self.setProperty("look", "bare")
        self.document().setDocumentMargin(0)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them."""
        return tuple(self._steps)

    def show_steps(self, steps: Sequence[Step], *, is_under_way: bool = False) -> None:
        """Show these; the last step is marked as the present one while the search is under way."""
        bar = self.verticalScrollBar()
        is_at_end = bar.value() >= bar.maximum() - _AT_END_PX
        above = bar.value()
        self._steps, self._is_under_way = list(steps), is_under_way
        self._write()
        bar.setValue(bar.maximum() if is_at_end else above)

    def add(self, step: Step, *, is_under_way: bool = True) -> None:
        """Put a step behind the others."""
        self.show_steps([*self._steps, step], is_under_way=is_under_way)

    def _write(self) -> None:
        colors = tokens()
        last = max((place for place, step in enumerate(self._steps) if step.kind == "step"), default=-1)
        lines, number = [], 0
        for place, step in enumerate(self._steps):
            number += step.kind == "step"
            is_present = self._is_under_way and place == last
            lines.append(f'<p style="margin: 0 0 5px 0;">{_told(step, number, colors, is_present=is_present)}</p>')
        self.setHtml("".join(lines))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The newest step stays in sight."""
        bar = self.verticalScrollBar()
        is_at_end = bar.value() >= bar.maximum() - _AT_END_PX
        super().resizeEvent(event)
        if is_at_end:
            bar.setValue(bar.maximum())

    def changeEvent(self, event: QEvent) -> None:
        """The colours are part of the text, so a new theme writes it anew."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._write()


def _told(step: Step, number: int, colors: Tokens, *, is_present: bool) -> str:
    """A step as rich text; each kind has a word or a mark beside its colour."""
    sentence = html.escape(step.sentence)
    match step.kind:
        case "out":
            name, mark, reason = step.sentence.partition(_OUT)
            if not mark:
                return _inked(f"out: {sentence}", colors.muted)
            return _inked(f"<s>{html.escape(name)}</s> out: {html.escape(reason)}", colors.muted)
        case "boundary":
            return _inked(f"→ {sentence}", colors.text)
        case "answer":
            return f'<span style="font-weight: 600; color: {colors.text};">{sentence}</span>'
        case "step":
            now = f"{_inked('now', colors.accent)} " if is_present else ""
            return f"{_inked(f'{number}.', colors.muted)} {now}{_inked(sentence, colors.text)}"


def _inked(words: str, ink: str) -> str:
    return f'<span style="color: {ink};">{words}</span>'
