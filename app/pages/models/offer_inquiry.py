"""Asks what can be made of some models, one question at a time, the latest last; what was found stays for the same question."""

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.bridge.job import Job, JobLine
from app.pages.models.quantization_offers import Offers, read_offers

Reader = Callable[[JobLine, Mapping[str, Path], str | None], Offers]
_Question = tuple[tuple[tuple[str, Path], ...], str | None]


class OfferInquiry(QObject):
    """The question under way.

    Attributes:
        reader: what is asked; the tests put another in its place.

    Signals:
        changed: more is known, or something else is being done.
    """

    changed = Signal()
    reader: Reader = staticmethod(read_offers)

    def __init__(self, page: QObject) -> None:
        super().__init__(page)
        self._job: Job | None = None
        self._asked: _Question | None = None
        self._wanted: _Question | None = None
        self._offers: Offers | None = None
        self._sentence = ""
        self._is_whole = False
        self._must_ask_again = False

    @property
    def offers(self) -> Offers | None:
        """What is known so far for the latest question."""
        return self._offers

    @property
    def sentence(self) -> str:
        """What is being done, or why nothing was found; empty when there is nothing to say."""
        return self._sentence

    @property
    def is_asking(self) -> bool:
        """Whether a question is under way."""
        return self._job is not None

    def ask(self, files: Mapping[str, Path], imatrix: str | None) -> None:
        """Ask, unless this was answered already."""
        question = (tuple(files.items()), imatrix)
        if question == self._wanted and (self.is_asking or self._is_whole):
            return
        if question != self._wanted:
            self._offers = None
        self._wanted = question
        self._is_whole = False
        if self._job is not None:
            self._must_ask_again = True
            self._job.cancel()
        else:
            self._start()

    def ask_again(self) -> None:
        """The same question anew: something was made, deleted or measured."""
        if self._wanted is None:
            return
        self._is_whole = False
        if self._job is None:
            self._start()
        else:
            self._must_ask_again = True

    def cancel(self) -> None:
        """Leave the question; it may be asked again."""
        if self._job is not None:
            self._wanted, self._must_ask_again = None, False
            self._job.cancel()

    def _start(self) -> None:
        self._must_ask_again = False
        question = self._asked = self._wanted
        assert question is not None
        reader = self.reader
        self._job = Job(lambda line: reader(line, dict(question[0]), question[1]), self)
        self._job.progressed.connect(self._on_progressed)
        self._job.item_found.connect(self._on_found)
        self._job.succeeded.connect(self._on_answered)
        self._job.failed.connect(self._on_failed)
        self._job.ended.connect(self._on_ended)
        self._job.start()

    def _tell(self, sentence: str) -> None:
        self._sentence = sentence
        self.changed.emit()

    @Slot(str, object)
    def _on_progressed(self, sentence: str, share: object) -> None:
        self._tell(f"{sentence[:1].upper()}{sentence[1:]}…")

    @Slot(object)
    def _on_found(self, offers: Offers) -> None:
        if self._asked == self._wanted:
            self._offers = offers
            self.changed.emit()

    @Slot(object)
    def _on_answered(self, offers: Offers) -> None:
        if self._asked == self._wanted:
            self._offers, self._is_whole = offers, True

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self._is_whole = self._asked == self._wanted  # the same question has the same answer
        self._sentence = f"Sizes are not known. {sentence}"

    @Slot()
    def _on_ended(self) -> None:
        assert self._job is not None
        self._job.deleteLater()
        self._job = None
        if self._must_ask_again:  # not when somebody else cancelled the job, as the window does when it closes
            self._start()
        else:
            self._tell(self._sentence if self._sentence.startswith("Sizes") else "")
