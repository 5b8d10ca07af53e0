"""A running search: what it tried and why, who is out, what it found, and how much is left."""

from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.card import Card
from app.widgets.step_list import StepList
from profiler.exchange.findings.search_view import step_of
from profiler.records.run_record import SessionEvent

_LEAST_PX = 120


class SearchCard(Card):
    """Steps in their order, the newest in sight; hidden while a grid is swept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Search", parent)
        self._candidates = self._out = 0
        self._left = ""
        self._has_answer = self._has_ended = False
        self.steps = StepList("Steps of the search")
        self.steps.setMinimumHeight(_LEAST_PX)
        self.steps.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)  # it takes what the others leave
        self.body.addWidget(self.steps, 1)
        self.hide()

    def begin(self, candidates: int) -> None:
        """A search among so many candidates begins; among 0 there is none."""
        self._candidates, self._out, self._left = candidates, 0, ""
        self._has_answer = self._has_ended = False
        self.steps.show_steps(())
        self.setVisible(candidates > 0)
        self._show()

    def take(self, event: SessionEvent) -> bool:
        """Add what an event says of the search; returns whether it says anything."""
        step = step_of(event)
        if step is None:
            return False
        self._out += step.kind == "out"
        self._has_answer |= step.kind == "answer"
        if step.kind != "answer":  # it stands above all
            self.steps.add(step, is_under_way=step.kind in ("step", "out"))
        self._show()
        return True

    def show_left(self, words: str) -> None:
        """How many runs are left, as the search guesses."""
        self._left = words
        self._show()

    def end(self) -> None:
        """Nothing runs any more."""
        self._has_ended = True
        self.steps.show_steps(self.steps.steps)
        self._show()

    @property
    def state(self) -> str:
        """How far it is, in its title line."""
        return self._subtitle.text()

    def _show(self) -> None:
        whole = f"{self._candidates} candidate{'' if self._candidates == 1 else 's'}"
        told = [f"{self._out} of {self._candidates} out" if self._out else whole]
        if self._has_ended and not self._has_answer:
            told.append("no answer yet")
        elif not self._has_answer and self._left:
            told.append(self._left)
        self.set_title("Search", " · ".join(told))
