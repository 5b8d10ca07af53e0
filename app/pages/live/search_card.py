"""A running search: what it tried and why, who is out, what it found, and how much is left."""

from PySide6.QtWidgets import QWidget

from app.widgets.card import Card
from app.widgets.sentence import Sentence
from app.widgets.step_list import StepList, step_of
from profiler.records.run_record import SessionEvent
from profiler.sweep.events import Progress

_LEAST_PX = 150


class SearchCard(Card):
    """Steps in their order, the newest in sight; hidden while a grid is swept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Search", parent)
        self._candidates = self._out = 0
        self._left: int | None = None
        self._has_answer = self._has_ended = False
        self.state = Sentence(role="small")
        self.steps = StepList("Steps of the search")
        self.steps.setMinimumHeight(_LEAST_PX)
        self.body.addWidget(self.state)
        self.body.addWidget(self.steps, 1)
        self.hide()

    def begin(self, candidates: int) -> None:
        """A search among so many candidates begins; among 0 there is none."""
        self._candidates, self._out, self._left = candidates, 0, None
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
        self.steps.add(step, is_under_way=step.kind in ("step", "out"))
        self._show()
        return True

    def follow(self, progress: Progress) -> None:
        """How many runs are left, as the search guesses."""
        self._left = max(0, progress.runs_planned - progress.runs_done)
        self._show()

    def end(self) -> None:
        """Nothing runs any more."""
        self._has_ended = True
        self.steps.show_steps(self.steps.steps)
        self._show()

    def _show(self) -> None:
        told = []
        if self._candidates:
            whole = f"{self._candidates} candidate{'' if self._candidates == 1 else 's'}"
            told.append(f"{self._out} of {whole} out" if self._out else whole)
        if self._has_ended and not self._has_answer:
            told.append("ended before it had an answer")
        elif not self._has_answer and self._left is not None:
            told.append(runs_left_words(self._left))
        self.state.show_text(" · ".join(told), "muted")


def runs_left_words(runs: int) -> str:
    """A search only guesses what is left."""
    return "nearly done" if runs == 0 else f"about {runs} more run{'' if runs == 1 else 's'}"
