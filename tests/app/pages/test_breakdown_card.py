import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.bridge.job import JobLine
from app.pages.results.breakdown_card import BreakdownCard, Look
from app.pages.results.breakdown_words import (
    KINDS,
    NOTHING_YET,
    TIPS,
    as_text,
    breakdown_of,
    headline,
    layer_bars,
    overhead,
    step_bars,
    subtitle,
)
from app.pages.results_page import ResultsPage
from app.settings import Settings
from profiler.analysis.breakdown import GROUPS
from profiler.analysis.step_breakdown import StepBreakdown, event_of
from profiler.errors import EnvironmentFault, Interrupted
from profiler.exchange.findings.session_view import SessionView, read_session
from profiler.exchange.findings.step_words import ORDER
from profiler.session.writer import SessionWriter
from tests.helpers.looked_steps import FOUND
from tests.helpers.written_session import write_session


class Looker:
    """Stands in for the engine: finds once the test lets it, or stops when it shall."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, int]] = []
        self.go = threading.Event()
        self.error: Exception | None = None

    def __call__(self, line: JobLine, path: Path, cell_id: int) -> StepBreakdown:
        self.asked.append((path, cell_id))
        line.progress("looking inside the steps", 0.4)
        while not self.go.wait(0.005):
            if line.cancel.is_set():
                raise Interrupted("Stopped.")
        if self.error is not None:
            raise self.error
        return replace(FOUND, cell_id=cell_id)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return write_session(tmp_path / "six.inferometer")


@pytest.fixture
def looker() -> Looker:
    return Looker()


@pytest.fixture
def card(qtbot: QtBot, looker: Looker, session: Path) -> Iterator[BreakdownCard]:
    made = card_of(qtbot, looker)
    shown(qtbot, made, read_session(session))
    yield made
    made.set_measuring(True)
    qtbot.waitUntil(lambda: not made.is_busy, timeout=5000)


def card_of(qtbot: QtBot, look: Look) -> BreakdownCard:
    made = BreakdownCard(look)
    qtbot.addWidget(made)
    made.resize(760, 400)
    return made


def shown(qtbot: QtBot, card: BreakdownCard, view: SessionView, cell: int = 1) -> None:
    card.show_session(view)
    card.show_cell(view.cells[cell])
    qtbot.waitUntil(lambda: card._reading is None, timeout=5000)


def kept_in(session: Path, cell_id: int, found: StepBreakdown = FOUND) -> SessionView:
    with SessionWriter.open(session) as writer:
        writer.add_event(event_of(found, cell_id))
    return read_session(session)


def test_without_a_look_the_card_says_what_one_is(card: BreakdownCard, looker: Looker) -> None:
    assert card.isVisibleTo(None)
    assert card.nothing.accessibleName() == NOTHING_YET
    assert card.look_button.isVisibleTo(card)
    assert card.look_button.isEnabled()
    for widget in (card.views, card.bars, card.layers, card.table_view, card.again, card.copy, card.said, card.work):
        assert not widget.isVisibleTo(card)
    assert looker.asked == []


def test_a_cell_without_figures_has_no_steps(qtbot: QtBot, card: BreakdownCard, session: Path) -> None:
    card.show_cell(read_session(session).cells[5])
    assert card.isHidden()
    card.show_cell(None)
    assert card.isHidden()


def test_looking_shows_bars_and_words(qtbot: QtBot, card: BreakdownCard, looker: Looker, session: Path) -> None:
    qtbot.mouseClick(card.look_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: card.work.words.startswith("Looking inside the steps"))
    assert not card.look_button.isEnabled()
    looker.go.set()
    qtbot.waitUntil(lambda: not card.is_busy)
    assert looker.asked == [(session, 2)]
    assert [bar.label for bar in card.bars.bars] == ["1 alone", "4 together"]
    assert [bar.whole for bar in card.bars.bars] == [pytest.approx(9), pytest.approx(20.2)]
    assert card.said.accessibleName() == (
        "A decode step of 4 sequences together takes 20.2 ms: attention 68 %, MLP 25 %, output 5.9 %. "
        "From 1 to 4 the share of attention grows most, from 42 % to 68 %."
    )
    assert "1.2 to 2.0 times as long" in card.overhead.accessibleName()
    assert not card.nothing.isVisibleTo(card)
    assert card.again.isVisibleTo(card)
    assert not card.doubts.isVisibleTo(card)


def test_the_views_show_the_same_in_other_ways(qtbot: QtBot, card: BreakdownCard, looker: Looker) -> None:
    looker.go.set()
    qtbot.mouseClick(card.look_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: card.found is not None)
    for view, widget in (("prefill", card.bars), ("layers", card.layers), ("table", card.table_view), ("decode", card.bars)):
        qtbot.mouseClick(card.views.chip(view), Qt.MouseButton.LeftButton)
        seen = [each for each in (card.bars, card.layers, card.table_view) if each.isVisibleTo(card)]
        assert seen == [widget]
        assert card.steps.isVisibleTo(card) == (view == "layers")
        card.grab()
    qtbot.mouseClick(card.views.chip("prefill"), Qt.MouseButton.LeftButton)
    assert card.said.accessibleName().startswith("Reading a prompt of 64 tokens takes 48.0 ms: MLP 60 %")
    qtbot.mouseClick(card.views.chip("layers"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(card.steps.chip(1), Qt.MouseButton.LeftButton)
    assert [bar.label for bar in card.layers.bars] == ["0", "1"]
    assert card.layers.bars[0].whole == pytest.approx(9.5)
    assert card.said.accessibleName().startswith("A decode step of 4 sequences")
    qtbot.mouseClick(card.views.chip("table"), Qt.MouseButton.LeftButton)
    assert [card.table.text(row, 0) for row in range(3)] == ["1 alone", "4 together", "Prompt of 64"]
    assert card.table.text(1, 1) == "20.2"


def test_the_copied_table_holds_every_share(qtbot: QtBot, card: BreakdownCard, looker: Looker) -> None:
    looker.go.set()
    qtbot.mouseClick(card.look_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: card.found is not None)
    qtbot.mouseClick(card.copy, Qt.MouseButton.LeftButton)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert len({len(line) for line in lines}) == 1
    row = dict(zip(lines[0], lines[2], strict=True))
    assert (row["Step"], row["attention ms"], row["attention %"], row["Looking ×"]) == ("4 together", "13.8", "68.3", "1.50")
    assert as_text(FOUND.passes).splitlines()[0] == "\t".join(lines[0])


def test_a_look_can_be_cancelled(qtbot: QtBot, card: BreakdownCard, looker: Looker) -> None:
    qtbot.mouseClick(card.look_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(looker.asked))
    qtbot.mouseClick(card.work.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not card.is_busy)
    assert card.work.words == "Stopped; nothing was kept."
    assert card.found is None
    assert card.look_button.isEnabled()


def test_what_stands_in_the_way_is_told(qtbot: QtBot, card: BreakdownCard, looker: Looker) -> None:
    looker.error = EnvironmentFault("The model file is not there any more.")
    looker.go.set()
    qtbot.mouseClick(card.look_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not card.is_busy)
    assert card.work.words == "The model file is not there any more."


def test_nobody_looks_while_a_sweep_runs(qtbot: QtBot, card: BreakdownCard, looker: Looker) -> None:
    qtbot.mouseClick(card.look_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(looker.asked))
    card.set_measuring(True)  # a sweep begins
    qtbot.waitUntil(lambda: not card.is_busy)
    assert not card.look_button.isEnabled()
    assert card.why_not.isVisibleTo(card)
    qtbot.mouseClick(card.look_button, Qt.MouseButton.LeftButton)
    assert len(looker.asked) == 1
    card.set_measuring(False)
    assert card.look_button.isEnabled()
    assert not card.why_not.isVisibleTo(card)


def test_what_was_kept_is_there_when_the_session_is_opened_again(qtbot: QtBot, looker: Looker, session: Path) -> None:
    doubtful = replace(FOUND, doubts=("Other programs took 40 %.",))
    view = kept_in(session, 1, doubtful)
    card = card_of(qtbot, looker)
    shown(qtbot, card, view, 2)
    assert [bar.label for bar in card.bars.bars] == ["1 alone", "4 together"]  # 1 and 4 users are beside each other
    assert card.doubts.isVisibleTo(card)
    assert card.doubts.accessibleName() == "Other programs took 40 %."
    card.show_cell(view.cells[3])  # the other quantization
    assert card.found is None
    assert card.nothing.isVisibleTo(card)


def test_the_page_shows_the_card_of_the_selected_cell(qtbot: QtBot, settings: Settings, session: Path) -> None:
    kept_in(session, 1)
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.open_session(session)
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)
    page.view.select_rows([2])
    assert page.breakdown.found is not None
    page.view.select_rows([3])
    assert page.breakdown.found is None
    page.set_measuring(True)
    assert not page.breakdown.look_button.isEnabled()


def test_the_newest_look_counts(session: Path) -> None:
    view = read_session(session)
    kept = [replace(FOUND, cell_id=1), replace(FOUND, cell_id=2, library_version="newer"), replace(FOUND, cell_id=4)]
    found = breakdown_of(view, kept, view.cells[0])
    assert found is not None
    assert found.library_version == "newer"
    assert breakdown_of(view, kept, None) is None
    assert breakdown_of(None, kept, view.cells[0]) is None


def test_words_by_hand() -> None:
    assert set(ORDER) == set(GROUPS) == set(TIPS)
    assert len(ORDER) == len(KINDS)
    assert subtitle(FOUND, UTC) == "each holding 72 tokens · seen 25 Nov 2026 04:08 · llama-cpp-python 0.3.36"
    assert subtitle(replace(FOUND, measured_utc="then"), UTC) == "each holding 72 tokens · llama-cpp-python 0.3.36"
    alone = FOUND.of_kind("decode")[:1]
    assert headline(alone) == "A decode step of one sequence takes **9.00 ms**: MLP 44 %, attention 42 %, output 11 %."
    assert "a step takes 2.0 times as long" in overhead(alone)
    (bar,) = step_bars(alone)
    assert bar.parts == pytest.approx((3.8, 4.0, 0.2, 1.0, 0.0, 0.0))
    assert "attention 3.80 ms, 42 %" in bar.words
    assert "looked at: 18.0 ms, 2.0 times as long" in bar.words
    assert layer_bars(alone[0])[1].words == "layer 1: 4.00 ms\nattention 1.90 ms\nMLP 2.00 ms\nKV write 0.100 ms"
