import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.bridge.job import Job, JobLine
from app.pages.models.offer_inquiry import OfferInquiry
from app.pages.models.quantization_offers import Offers
from profiler.errors import EnvironmentFault, Interrupted

A, B = {"a": Path("/a")}, {"b": Path("/b")}


class Reader:
    """Answers with the names it was asked by; waits for `go`, or for a cancel."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()

    def read(self, line: JobLine, files: Mapping[str, Path], imatrix: str | None) -> Offers:
        self.asked.append("".join(files))
        while not self.go.wait(0.005):
            if line.cancel.is_set():
                raise Interrupted("stopped")
        return Offers(tuple(files))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    made = Reader()
    monkeypatch.setattr(OfferInquiry, "reader", staticmethod(made.read))
    return made


def ended(qtbot: QtBot, inquiry: OfferInquiry) -> None:
    qtbot.waitUntil(lambda: not inquiry.is_asking, timeout=5000)


def test_the_same_question_is_asked_once(qtbot: QtBot, reader: Reader) -> None:
    owner = QObject()
    inquiry = OfferInquiry(owner)
    reader.go.set()
    inquiry.ask(A, None)
    inquiry.ask(A, None)
    ended(qtbot, inquiry)
    inquiry.ask(A, None)
    assert reader.asked == ["a"]
    assert inquiry.offers == Offers(("a",))
    inquiry.ask_again()
    ended(qtbot, inquiry)
    assert reader.asked == ["a", "a"]


def test_another_question_takes_the_place_of_the_one_under_way(qtbot: QtBot, reader: Reader) -> None:
    owner = QObject()
    inquiry = OfferInquiry(owner)
    inquiry.ask(A, None)
    qtbot.waitUntil(lambda: reader.asked == ["a"])
    inquiry.ask(B, None)
    qtbot.waitUntil(lambda: reader.asked == ["a", "b"])
    reader.go.set()
    ended(qtbot, inquiry)
    assert inquiry.offers == Offers(("b",))


def test_a_question_that_was_left_may_be_asked_again(qtbot: QtBot, reader: Reader) -> None:
    owner = QObject()
    inquiry = OfferInquiry(owner)
    inquiry.ask(A, None)
    inquiry.cancel()
    inquiry.ask(A, None)
    reader.go.set()
    ended(qtbot, inquiry)
    assert inquiry.offers == Offers(("a",))


def test_the_closing_window_ends_it_for_good(qtbot: QtBot, reader: Reader) -> None:
    owner = QObject()
    inquiry = OfferInquiry(owner)
    inquiry.ask(A, None)
    (job,) = owner.findChildren(Job)
    job.cancel()
    ended(qtbot, inquiry)
    assert reader.asked in ([], ["a"])
    assert inquiry.offers is None


def test_an_engine_that_does_not_start_is_told_and_not_asked_again(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fail(line: JobLine, files: Mapping[str, Path], imatrix: str | None) -> Offers:
        asked.append(1)
        raise EnvironmentFault("The engine did not start.")

    monkeypatch.setattr(OfferInquiry, "reader", staticmethod(fail))
    owner = QObject()
    inquiry = OfferInquiry(owner)
    inquiry.ask(A, None)
    ended(qtbot, inquiry)
    inquiry.ask(A, None)
    assert inquiry.sentence == "Sizes are not known. The engine did not start."
    assert asked == [1]
