"""What a search found for each candidate, and how it got there."""

import math

from PySide6.QtCore import Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton

from app.widgets.card import Card
from app.widgets.sentence import Sentence
from app.widgets.step_list import StepList
from profiler.exchange.findings.search_view import Evidence
from profiler.exchange.findings.session_view import SessionView

_MOST_STEPS_PX = 190
_MARGIN_PX = 6


class SearchCard(Card):
    """Boundaries in sight, steps behind a button; hidden where a grid was swept."""

    def __init__(self) -> None:
        super().__init__("Search")
        self._count = 0
        self._boundaries: list[Sentence] = []
        self.button = QPushButton()
        self.button.setProperty("look", "link")
        self.button.clicked.connect(self._on_clicked)
        self.header.addWidget(self.button)
        self.steps = StepList("How the search got there")
        self.steps.hide()
        self.body.addWidget(self.steps)
        self._show_button()
        self.hide()

    @property
    def boundaries(self) -> list[str]:
        """What is told of the candidates."""
        return [sentence.accessibleName() for sentence in self._boundaries if sentence.isVisibleTo(self)]

    def show_session(self, view: SessionView) -> None:
        """Show the session's search."""
        search = view.search
        self.setVisible(search is not None)
        if search is None:
            return
        found = search.boundaries or (_nothing_found(view),)
        while len(self._boundaries) < len(found):
            self._boundaries.append(Sentence())
            self.body.insertWidget(len(self._boundaries) - 1, self._boundaries[-1])
        for number, sentence in enumerate(self._boundaries):
            sentence.setVisible(number < len(found))
        for sentence, words in zip(self._boundaries, found, strict=False):
            sentence.show_text(words, "plain" if search.boundaries else "muted")
        self.steps.show_steps(search.steps)
        self._count = sum(step.kind == "step" for step in search.steps)
        out = sum(step.kind == "out" for step in search.steps)
        told = [f"{view.runs} runs of {len(view.cells)} cells"]
        told += [f"{out} candidate{'' if out == 1 else 's'} dropped on the way"] if out else []
        self.set_title("Search", " · ".join(told))
        self._show_button()
        self._fit_steps()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Sentences wrap elsewhere."""
        super().resizeEvent(event)
        self._fit_steps()

    @Slot()
    def _on_clicked(self) -> None:
        self.steps.setVisible(self.steps.isHidden())
        self._fit_steps()
        self._show_button()

    def _fit_steps(self) -> None:
        """As high as they are, up to a height from which on they scroll."""
        wanted = math.ceil(self.steps.document().size().height()) + _MARGIN_PX
        self.steps.setFixedHeight(min(_MOST_STEPS_PX, wanted))

    def _show_button(self) -> None:
        steps = "the 1 step" if self._count == 1 else f"the {self._count} steps"
        self.button.setText("Hide the steps" if not self.steps.isHidden() else f"Show {steps}")


def _nothing_found(view: SessionView) -> str:
    """Why no boundary is told."""
    if not view.has_limits:
        return "No limit was stated, so the search went by output over response time."
    fresh = any(cell.evidence in (Evidence.CONFIRMED, Evidence.FRESH) for cell in view.cells)
    return f"No boundary is told before a search ends{'; some cells have fresh runs already' if fresh else ''}."
