from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.actions import Actions
from app.bridge.sweep_bridge import SweepBridge
from app.pages.live.progress_words import ProgressWords
from app.pages.live.sweep_card import SweepCard
from app.pages.live.tile_strip import TileStrip
from app.pages.live_page import LivePage
from app.settings import Settings
from profiler.plan.plan import Plan
from profiler.plan.slo import parse_slo
from profiler.records.run_record import CellStatus, RunPurpose, RunStatus
from profiler.sweep.events import CellAdded, CellChanged, Progress, RunEnded, RunMeasuring, RunStarted, SweepStarted
from tests.helpers.live_minutes import live_minute
from tests.helpers.scripted_sweep import MACHINE, Hold, ScriptedFactory, figures, run_of, sweep_cells, whole_sweep
from tests.helpers.search_session import EVENTS, FOREIGN_LOAD, FOUND, PLAN, cells, models, running_search


@dataclass
class Stage:
    page: LivePage
    bridge: SweepBridge
    factory: ScriptedFactory
    hold: Hold
    session: Path


@pytest.fixture
def stage(qtbot: QtBot, settings: Settings, tmp_path: Path) -> Iterator[Stage]:
    hold, session = Hold(), tmp_path / "search.inferometer"
    factory = ScriptedFactory(running_search(session, hold))
    bridge = SweepBridge(factory)
    page = LivePage(settings, bridge, Actions(bridge))
    qtbot.addWidget(page)
    page.resize(1364, 870)
    page.show()
    yield Stage(page, bridge, factory, hold, session)
    bridge.stop()
    bridge.wait_until_ended()


def test_a_running_search_tells_what_it_tried_who_is_out_and_what_is_left(qtbot: QtBot, stage: Stage) -> None:
    page = stage.page
    stage.bridge.start(PLAN, stage.session)
    qtbot.waitUntil(lambda: stage.bridge.is_measuring and page.header.title == "Q8_0 · 8 users", timeout=4000)
    qtbot.waitUntil(lambda: "confirming" in page.header.subtitle, timeout=4000)
    assert page.header.subtitle.startswith("run 6 · confirming · about 1 more run · ")
    card = page.search_card
    assert card.isVisible()
    assert [step.sentence for step in card.steps.steps] == [sentence for _, sentence, _ in EVENTS]
    assert card.state == "1 of 4 out · about 1 more run"
    assert "3. now Fresh runs" in card.steps.toPlainText()
    assert "Narrowing down" not in page.events.toPlainText()  # told once
    assert "Q8_0 · 6 users looked at: 20.0 tok/s for each user" in page.events.toPlainText()
    card.steps.setFocus()
    assert card.steps.hasFocus()


def test_the_matrix_grows_and_keeps_what_it_shows(qtbot: QtBot, stage: Stage) -> None:
    stage.bridge.start(PLAN, stage.session)
    qtbot.waitUntil(lambda: "confirming" in stage.page.header.subtitle, timeout=4000)
    matrix = stage.page.sweep_card.matrix
    assert matrix._columns == ("6", "8")
    assert matrix._rows == ("F16", "Q8_0", "Q4_K_M", "Q2_K")
    assert [matrix.cell(row, 1) is not None for row in range(4)] == [True] * 4
    assert matrix.cell(0, 0) is None
    flagged = matrix.cell(2, 1)
    assert flagged is not None
    assert flagged.is_flagged
    assert FOREIGN_LOAD.partition(": ")[2] in matrix.told(2, 1)


def test_the_keyboard_stays_at_its_cell_while_the_matrix_grows(qtbot: QtBot) -> None:
    card = SweepCard()
    qtbot.addWidget(card)
    made = cells()
    card.begin(made[:4], "concurrency")
    qtbot.keyClick(card.matrix, Qt.Key.Key_Down)
    assert card.matrix.told(*card.matrix.current) == "Q8_0, Users 8: to come"
    card.change(CellChanged(replace(made[0], status=CellStatus.DONE), figures(20.0), {}, 1))
    card.add(made[4])
    assert card.matrix.told(*card.matrix.current) == "Q8_0, Users 8: to come"
    assert card.matrix.told(1, 0) == "Q8_0, Users 6: to come"
    assert card.matrix.told(0, 1).startswith("F16, Users 8: done. 20.0 tok/s")
    card.begin(sweep_cells())
    assert card.matrix.told(0, 1) == "Q8_0, Users 2: to come"


def test_many_loads_scroll_sideways_and_the_running_one_is_in_sight(qtbot: QtBot) -> None:
    card = SweepCard()
    qtbot.addWidget(card)
    card.resize(260, 300)
    card.show()
    made = cells()
    card.begin(made[:4], "concurrency")
    height = card._scroll.height()
    for number, users in enumerate((1, 2, 3, 4, 5, 6, 7, 9, 10), 10):
        card.add(replace(made[0], cell_id=number, configuration={**made[0].configuration, "concurrency": users}))
    bar = card._scroll.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert card._scroll.height() > height  # room for the bar, none is cut
    card.set_running(18)
    assert bar.value() > 0
    center = card.matrix.mapTo(card._scroll.viewport(), card.matrix.center_of(*card._places[18]))
    assert card._scroll.viewport().rect().contains(center)


def test_the_answer_stands_above_all_at_the_end(qtbot: QtBot, stage: Stage) -> None:
    page = stage.page
    stage.hold.go.set()
    with qtbot.waitSignal(stage.bridge.ended):
        stage.bridge.start(PLAN, stage.session)
    assert page.banner.isVisible()
    assert page.banner.accessibleName() == FOUND[-1][1]
    told = page.search_card.steps.toPlainText()
    assert "→ Q8_0 holds 7 users, not 8." in told
    assert "now" not in told.split()
    assert page.search_card.state == "1 of 4 out"


def test_a_search_that_is_stopped_has_no_answer(qtbot: QtBot, stage: Stage) -> None:
    stage.bridge.start(PLAN, stage.session)
    qtbot.waitUntil(lambda: "confirming" in stage.page.header.subtitle, timeout=4000)
    with qtbot.waitSignal(stage.bridge.ended):
        stage.bridge.stop()
    assert stage.page.search_card.state == "1 of 4 out · no answer yet"
    assert not stage.page.banner.isVisible()


def test_a_grid_has_no_search(qtbot: QtBot, stage: Stage) -> None:
    stage.factory.script = whole_sweep(stage.session)
    with qtbot.waitSignal(stage.bridge.ended):
        stage.bridge.start(Plan(), stage.session)
    assert not stage.page.search_card.isVisible()


def test_progress_words_of_a_search() -> None:
    words = ProgressWords(PLAN, lambda: 0.0)
    made = cells()
    words.follow(SweepStarted(Path("a"), MACHINE, models(), made[:4], 10))
    words.follow(CellAdded(made[4]))
    for purpose, told in (
        (RunPurpose.LOOK, "looking"),
        (RunPurpose.SHORT_LOOK, "a short look"),
        (RunPurpose.CONFIRM, "confirming"),
    ):
        run = replace(run_of(made[4], 7), purpose=purpose)
        words.follow(RunStarted(run, made[4]))
        words.follow(RunMeasuring(run))
        assert (words.title, words.subtitle) == ("Q8_0 · 6 users", f"run 7 · {told}")
    words.follow(Progress(6, 21, 10.0, 200.0, "running"))
    assert words.subtitle == "run 7 · confirming · about 14 more runs · 3 min 20 s left"
    words.follow(RunEnded(run_of(made[4], 7), None))
    assert words.runs_left == "about 15 more runs"
    words.follow(Progress(6, 21, 10.0, 200.0, "paused"))
    assert words.runs_left == ""


def test_flags_stand_at_the_tiles_until_the_next_run(qtbot: QtBot) -> None:
    strip = TileStrip()
    qtbot.addWidget(strip)
    cell = sweep_cells()[2]
    strip.set_slo(parse_slo("ttft_ms.p95<=1000"), 24.9)
    strip.begin_run(run_of(cell, 1), cell, None)
    strip.show_figures(live_minute())
    figure = strip.output.figure
    strip.show_flags(())
    assert not strip.output.context.startswith("▲")
    strip.show_flags((FOREIGN_LOAD, "fits in cache: small."))
    assert (strip.output.figure, strip.output.context) == (figure, "▲ foreign load")
    assert strip.bandwidth.context == "▲ foreign load, fits in cache"
    assert strip.output.toolTip() == f"▲ {FOREIGN_LOAD}"
    strip.begin_run(run_of(cell, 2), cell, None)
    assert strip.output.context == "waiting for the first answer"


def test_a_run_that_does_not_count_flags_no_cell(qtbot: QtBot) -> None:
    card = SweepCard()
    qtbot.addWidget(card)
    made = cells()
    card.begin(made[:4], "concurrency")
    run = replace(run_of(made[0], 1), status=RunStatus.DONE, flags=(FOREIGN_LOAD,), is_valid=False)
    card.flag(run)
    card.change(CellChanged(replace(made[0], status=CellStatus.DONE), figures(20.0), {}, 1))
    assert not card.matrix.cell(0, 0).is_flagged  # type: ignore[union-attr]
    card.flag(replace(run, is_valid=True))
    card.change(CellChanged(replace(made[0], status=CellStatus.DONE), figures(20.0), {}, 1))
    assert card.matrix.cell(0, 0).is_flagged  # type: ignore[union-attr]
