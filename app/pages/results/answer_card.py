"""The answer, and beside it what stands behind it and what weakens it."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from app.widgets.card import Card
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Sentence
from profiler.exchange.findings.answer import Answer
from profiler.exchange.findings.answer_reasons import Reason


class AnswerCard(Card):
    """A sentence, a quieter one, and remarks that go beside them or, where it is narrow, below."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Answer")
        self._statement = Sentence(role="statement")
        self._detail = Sentence(role="small")
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self._statement)
        words.addWidget(self._detail)
        self._why = Sentence(role="small")
        words.addWidget(self._why)
        words.addStretch(1)
        self._reasons: tuple[Reason, ...] = ()
        self._limits: tuple[Reason, ...] = ()
        self._remarks: list[Sentence] = []
        self._remark_lines = QVBoxLayout()
        self._remark_lines.setSpacing(3)
        line = QHBoxLayout()
        line.setSpacing(24)
        line.addLayout(words, 5)
        line.addLayout(self._remark_lines, 3)
        self.body.addLayout(line)

    def show_answer(self, answer: Answer) -> None:
        """Show this answer."""
        self.set_stripe(answer.tone)
        self._statement.show_text(answer.statement)
        self._statement.setToolTip(plain_tip(answer.more))
        self._statement.setAccessibleDescription(answer.more)
        self._detail.show_text(answer.detail, "muted")
        self._detail.setVisible(bool(answer.detail))
        self._reasons, self._limits = answer.reasons, ()
        self._show_reasons()
        while len(self._remarks) < len(answer.remarks):
            self._remarks.append(Sentence(role="small"))
            self._remark_lines.addWidget(self._remarks[-1])
        for number, sentence in enumerate(self._remarks):
            sentence.setVisible(number < len(answer.remarks))
        for sentence, remark in zip(self._remarks, answer.remarks, strict=False):
            sentence.show_text(remark.sentence, remark.tone)
            sentence.setToolTip(plain_tip(remark.more))
            sentence.setAccessibleDescription(remark.more)

    def show_limits(self, limits: tuple[Reason, ...]) -> None:
        """Tell what limits the cell that the answer names; it is known a little later than the answer."""
        self._limits = limits
        self._show_reasons()

    def _show_reasons(self) -> None:
        told = (*self._reasons, *self._limits)
        self._why.show_text(" ".join(f"**{reason.about}:** {reason.sentence.replace('**', '')}" for reason in told))
        self._why.setVisible(bool(told))

    @property
    def reasons(self) -> str:
        """What is told under the statement, in one paragraph."""
        return self._why.accessibleName() if self._why.isVisibleTo(self) else ""

    @property
    def statement(self) -> str:
        """What is said."""
        return self._statement.accessibleName()

    @property
    def remarks(self) -> list[str]:
        """What stands beside it."""
        return [sentence.accessibleName() for sentence in self._remarks if sentence.isVisibleTo(self)]
