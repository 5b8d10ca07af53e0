"""A row of a form: what is asked, the controls that answer, and what is wrong with the answer, beside them."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.widgets.flow_layout import FlowLayout
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Sentence, set_tone

LABEL_WIDTH_PX = 132
_LINE_PX = 32


class FormRow(QWidget):
    """A label, its controls in a wrapping line, and a problem under them that is hidden while there is none.

    Every control gets an accessible name from the row's label unless it has one; the label's mnemonic leads to the first.

    Args:
        label: what is asked, in a user's words.
        parts: controls, and words between them as plain strings ("for", "of requests").
        term: the field's own term or an explanation, told by the tooltip.
    """

    def __init__(self, label: str, *parts: QWidget | str, term: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controls = [part for part in parts if isinstance(part, QWidget)]
        self._label = QLabel(label)
        self._label.setFixedWidth(LABEL_WIDTH_PX)
        self._label.setWordWrap(True)
        set_tone(self._label, "muted")
        line = QWidget()
        flow = FlowLayout(line, spacing_px=6)
        for part in parts:
            flow.addWidget(self._words(part) if isinstance(part, str) else part)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        line.setSizePolicy(policy)
        self._problem = Sentence(role="small")
        self._problem.hide()
        answers = QVBoxLayout()
        answers.setSpacing(2)
        answers.addWidget(line)
        answers.addWidget(self._problem)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._label, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(answers, 1)
        for control in self._controls:
            if not control.accessibleName():
                control.setAccessibleName(label)
            if term and not control.toolTip():
                control.setToolTip(plain_tip(term))
        self._label.setToolTip(plain_tip(term))
        if self._controls:
            self._label.setBuddy(self._controls[0])
            # Beside one line of controls the label stands in its middle, beside several at the first one.
            self._label.setMinimumHeight(min(_LINE_PX, max(control.sizeHint().height() for control in self._controls)))

    @staticmethod
    def _words(text: str) -> QLabel:
        label = QLabel(text)
        set_tone(label, "muted")
        return label

    @property
    def problem(self) -> str:
        """What is wrong, empty when nothing is."""
        return self._problem.accessibleName() if self._problem.isVisibleTo(self) else ""

    def show_problem(self, sentence: str) -> None:
        """Tell what is wrong with the answer, or with "" that nothing is; a screen reader hears it at the control too."""
        self._problem.show_text(sentence, "broken")
        self._problem.setVisible(bool(sentence))
        for control in self._controls:
            if not isinstance(control, QLabel):  # words keep their tone
                set_tone(control, "broken" if sentence else "plain")
            control.setAccessibleDescription(sentence)
