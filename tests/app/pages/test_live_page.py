from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.actions import Actions
from app.bridge.sweep_bridge import SweepBridge
from app.pages.live.sweep_card import SweepCard
from app.pages.live.tile_strip import TileStrip
from app.pages.live_page import LivePage
from app.settings import Settings
from app.widgets.matrix import MatrixState
from profiler.errors import EnvironmentFault
from profiler.plan.plan import Need, Plan
from profiler.plan.slo import parse_slo
from profiler.records.run_record import CellRecord, CellStatus, RunRecord
from profiler.records.specification import RequestClass
from profiler.sweep.events import CellChanged
from tests.helpers.live_minutes import live_minute
from tests.helpers.scripted_sweep import Hold, ScriptedFactory, figures, run_of, sweep_cells, whole_sweep

PLAN = Plan(need=Need(slo="ttft_ms.p95<=1000"))


def open_run(cell: CellRecord, *, prefix_cache: bool = False) -> RunRecord:
    run = run_of(cell, 1)
    requests = RequestClass(arrival="poisson", rate_s=2.0, duration_s=30.0)
    load = replace(run.specification.load, classes=(requests,), prefix_cache=prefix_cache)
    return replace(run, specification=replace(run.specification, load=load))


@dataclass
class Stage:
    """A shown Live page and the sweep behind it."""

    page: LivePage
    bridge: SweepBridge
    factory: ScriptedFactory
    hold: Hold
    session: Path


@pytest.fixture
def stage(qtbot: QtBot, settings: Settings, tmp_path: Path) -> Iterator[Stage]:
    hold = Hold()
    session = tmp_path / "chat.inferometer"
    factory = ScriptedFactory(whole_sweep(session, hold))
    bridge = SweepBridge(factory)
    actions = Actions(bridge)
    page = LivePage(settings, bridge, actions)
    qtbot.addWidget(page)
    page.resize(1364, 870)
    page.show()
    yield Stage(page, bridge, factory, hold, session)
    bridge.stop()
    bridge.wait_until_ended()


def test_nothing_runs_and_the_way_on_is_shown(qtbot: QtBot, stage: Stage) -> None:
    assert stage.page.empty.isVisible()
    with qtbot.waitSignal(stage.page.plan_wanted):
        qtbot.mouseClick(stage.page.empty.button, Qt.MouseButton.LeftButton)


def test_a_measured_run_fills_header_tiles_plots_and_matrix(qtbot: QtBot, stage: Stage) -> None:
    page = stage.page
    stage.bridge.start(PLAN, stage.session)
    qtbot.waitUntil(lambda: page.tiles.batch.figure == "4 · 1", timeout=4000)
    assert not page.empty.isVisible()
    assert page.header.title == "Q8_0 · 4 users"
    assert page.header.subtitle.startswith("cell 3 of 6 · run 1 of 6 · ")
    assert page.tiles.each_user.figure == "25.0"
    assert page.tiles.first_token.context == "✓ p95 limit 1000 ms, met so far"
    assert page.tiles.memory.context == "weights 96.0 MB · no VRAM"
    assert page.tiles.bandwidth.context.endswith("of 24.9 GB/s")
    assert page.board.throughput.readings(60.0) != [] or page.board.throughput.curve(0).highest() > 0
    matrix = page.sweep_card.matrix
    assert matrix.told(0, 0) == "Q8_0, Users 1: done. 27.0 tok/s for each user, 95 % interval 20.0 to 29.0, 1 run."
    running = matrix.cell(0, 2)
    assert running is not None
    assert running.state is MatrixState.RUNNING
    assert "Watching costs" in page.cost.accessibleName() or "told during" in page.cost.accessibleName()


def test_the_end_of_a_sweep_leads_to_its_results(qtbot: QtBot, stage: Stage) -> None:
    page = stage.page
    stage.hold.go.set()
    with qtbot.waitSignal(stage.bridge.ended):
        stage.bridge.start(PLAN, stage.session)
    assert page.header.title == "Done"
    assert page.sweep_card.matrix.told(1, 2).startswith("Q4_K_M, Users 4: failed. llama.cpp could not allocate")
    words = page.events.toPlainText()
    assert "✕ llama.cpp could not allocate the KV cache" in words
    assert "▲ Run 1 of cell 2: another program" in words
    assert "✓ Q4_K_M · 2 users done: 15.0 tok/s for each user" in words
    with qtbot.waitSignal(page.results_wanted) as wanted:
        qtbot.mouseClick(page._results_button, Qt.MouseButton.LeftButton)
    assert wanted.args == [stage.session]


def test_a_sweep_that_cannot_begin_says_why(qtbot: QtBot, stage: Stage) -> None:
    stage.factory.script = [EnvironmentFault("The disk is full; free 2 GB.")]
    with qtbot.waitSignal(stage.bridge.ended):
        stage.bridge.start(PLAN, stage.session)
    assert stage.page.banner.isVisible()
    assert stage.page.banner.accessibleName() == "The disk is full; free 2 GB."
    assert (stage.page.header.title, stage.page.header.subtitle) == ("Could not go on", "nothing was measured")
    assert not stage.page._results_button.isVisible()


def test_a_hidden_page_is_not_drawn_for(qtbot: QtBot, stage: Stage) -> None:
    stage.page.hide()
    stage.bridge.start(PLAN, stage.session)
    qtbot.waitUntil(lambda: stage.bridge.is_measuring and stage.page.header.title == "Q8_0 · 4 users")
    with qtbot.assertNotEmitted(stage.bridge.figures_changed, wait=600):
        pass
    with qtbot.waitSignal(stage.bridge.figures_changed):
        stage.page.show()


def test_a_narrow_window_folds_the_side_under_the_plots(qtbot: QtBot, stage: Stage) -> None:
    stage.bridge.start(PLAN, stage.session)
    stage.page.resize(948, 620)
    qtbot.waitUntil(lambda: stage.page.header.title == "Q8_0 · 4 users")
    assert stage.page.minimumSizeHint().width() <= 948
    side_top = stage.page.sweep_card.mapTo(stage.page, stage.page.sweep_card.rect().topLeft()).y()
    board_bottom = stage.page.board.mapTo(stage.page, stage.page.board.rect().bottomLeft()).y()
    assert side_top > board_bottom


def test_tiles_say_what_is_not_known(qtbot: QtBot) -> None:
    strip = TileStrip()
    qtbot.addWidget(strip)
    cell = replace(sweep_cells()[2], costs=None)
    strip.set_slo(parse_slo("ttft_ms.p50<=300,tpot_ms.p95<=40"), None)
    strip.begin_run(run_of(cell, 1), cell, None)
    assert strip.output.context == "waiting for the first answer"
    strip.show_figures(live_minute())
    assert strip.first_token.context == "✕ p50 limit 300 ms, broken"
    assert strip.each_user.context == "p95 limit 40 ms a token"
    assert strip.bandwidth.figure == "–"
    assert strip.bandwidth.context == "not known for this model"
    strip.begin_run(run_of(cell, 1), sweep_cells()[2], None)
    minute = live_minute()
    strip.show_figures(replace(minute, tiles=replace(minute.tiles, bandwidth_share=None, user_tok_s=5.0, failed=2)))
    assert strip.bandwidth.context == "peak not measured"
    assert strip.output.context == "▲ 2 failed"


def test_an_open_loop_has_answers_instead_of_users_and_tells_its_losses(qtbot: QtBot) -> None:
    strip = TileStrip()
    qtbot.addWidget(strip)
    cell = sweep_cells()[2]
    strip.set_slo(parse_slo("ttft_ms.p95<=1000"), None)
    strip.begin_run(open_run(cell), cell, None)
    strip.show()
    minute = live_minute()
    assert (strip.each_answer.isVisible(), strip.each_user.isVisible()) == (True, False)
    strip.show_figures(minute)
    assert strip.each_answer.figure == "19.7"
    assert strip.output.context == "prompt 61.0 tok/s · 240 done"
    lossy = replace(minute.tiles, ttft_p95_ms=None, refused=3, timed_out=12)
    strip.show_figures(replace(minute, tiles=lossy))
    assert strip.output.context == "▲ 3 refused · 12 timed out"
    assert (strip.first_token.figure, strip.first_token.context) == ("412 · –", "✕ p95 limit 1000 ms, broken")
    strip.begin_run(run_of(cell, 1), cell, None)
    assert (strip.each_answer.isVisible(), strip.each_user.isVisible()) == (False, True)


def test_what_the_prefix_cache_spares_is_told_where_there_is_one(qtbot: QtBot) -> None:
    strip = TileStrip()
    qtbot.addWidget(strip)
    cell = sweep_cells()[2]
    minute = live_minute()
    cached = replace(minute, tiles=replace(minute.tiles, cached_share=62.4, evictions=14))
    strip.begin_run(run_of(cell, 1), cell, None)
    strip.show_figures(cached)
    assert strip.batch.context == "of 4 slots · KV 34 % used"
    strip.begin_run(open_run(cell, prefix_cache=True), cell, None)
    strip.show_figures(cached)
    assert strip.batch.context == "62 % from cache · 14 evicted"


def test_all_plots_fit_a_window_without_scrolling(qtbot: QtBot, stage: Stage) -> None:
    stage.bridge.start(PLAN, stage.session)
    qtbot.waitUntil(lambda: stage.page.header.title == "Q8_0 · 4 users")
    board = stage.page.board
    for plot in board.plots:
        place = plot.mapTo(stage.page, plot.rect().bottomRight())
        assert plot.width() >= plot.minimumSizeHint().width()
        assert stage.page.rect().contains(place), plot.accessibleName()


def test_colours_compare_cells_and_a_lone_one_is_full(qtbot: QtBot) -> None:
    card = SweepCard()
    qtbot.addWidget(card)
    cells = sweep_cells()
    card.begin(cells)
    done = replace(cells[0], status=CellStatus.DONE)
    card.change(CellChanged(done, figures(20.0), {}, 2))
    lone = card.matrix.cell(0, 0)
    assert lone is not None
    assert (lone.share, lone.figure) == (1.0, "20")
    for index, speed in ((1, 10.0), (2, 30.0)):
        card.change(CellChanged(replace(cells[index], status=CellStatus.DONE), figures(speed), {}, 2))
    assert [card.matrix.cell(0, column).share for column in range(3)] == [0.5, 0.0, 1.0]  # type: ignore[union-attr]
    offline = replace(cells[3], status=CellStatus.DONE)
    card.change(CellChanged(offline, {"user_tok_s": None}, {}, 1))
    unknown = card.matrix.cell(1, 0)
    assert unknown is not None
    assert (unknown.share, unknown.figure) == (None, "")
    assert card._subtitle.text() == "each user's tok/s"
    card.begin([replace(each, configuration={**each.configuration, "arrival": "poisson"}) for each in cells])
    assert card._subtitle.text() == "each answer's tok/s"
