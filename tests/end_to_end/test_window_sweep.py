"""From Start to a finished, saved and reopened sweep, by clicks and keys, on the real engine and the sample model."""

from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.bridge.sweep_bridge import SweepBridge, SweepOutcome
from app.dialogs.close_question import CloseQuestion
from app.main_window import MainWindow
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.plan.plan import Load, Need, Plan, Trust
from profiler.records.run_record import CellStatus
from profiler.session.reader import SessionReader

LONG_MS = 120_000


def plan(requests_per_user: int) -> Plan:
    return Plan(
        title="window",
        need=Need(slo="ttft_ms.p95<=60000"),
        load=Load(concurrency=(1, 2), prompt_tokens=(16,), output_tokens=(16,), requests_per_user=requests_per_user),
        trust=Trust(repetitions=2),
    )


@dataclass
class Stage:
    window: MainWindow
    bridge: SweepBridge
    outcomes: list[SweepOutcome]


@pytest.fixture
def stage(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Stage:
    settings = Settings(tmp_path / "window.ini")
    settings.sessions_folder = tmp_path / "sessions"
    bridge = SweepBridge()
    outcomes: list[SweepOutcome] = []
    bridge.ended.connect(outcomes.append)
    window = MainWindow(settings, ThemeSwitch(qapp, "dark"), bridge)
    qtbot.addWidget(window, before_close_func=lambda _: (bridge.stop(), bridge.wait_until_ended()))
    window.resize(1440, 900)
    window.show()
    return Stage(window, bridge, outcomes)


def press_start(qtbot: QtBot, stage: Stage, requests_per_user: int) -> None:
    page = stage.window.plan_page
    page.set_plan(plan(requests_per_user))
    qtbot.waitUntil(page.start_button.isEnabled, timeout=LONG_MS)
    qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    assert stage.window.commands.pages["Live"].isChecked()


def test_a_sweep_is_started_watched_saved_and_reopened(qtbot: QtBot, stage: Stage) -> None:
    press_start(qtbot, stage, requests_per_user=4)
    live = stage.window.live_page
    qtbot.waitUntil(lambda: live.tiles.memory.figure != "–", timeout=LONG_MS)
    qtbot.waitUntil(lambda: bool(stage.outcomes), timeout=LONG_MS)
    assert stage.outcomes[0].sentence == ""
    session = stage.outcomes[0].session
    assert session is not None
    assert session.parent.name == "sessions"
    assert live.header.title == "Done"
    assert "done." in live.sweep_card.matrix.told(0, 0)

    qtbot.mouseClick(live._results_button, Qt.MouseButton.LeftButton)
    results = stage.window.results_page
    qtbot.waitUntil(lambda: results.session is not None and not results.is_busy, timeout=LONG_MS)
    assert results.session is not None
    assert results.session.path == session
    assert len(results.session.cells) == 2
    with SessionReader.open(session) as reader:
        assert [cell.status for cell in reader.cells()] == [CellStatus.DONE, CellStatus.DONE]
        figures, _ = reader.cell_figures(reader.cells()[0].cell_id)
    assert figures is not None
    speed = figures["user_tok_s"]
    assert isinstance(speed, float)
    assert f"{speed:.3g}"[:3] in live.sweep_card.matrix.told(0, 0)

    again = MainWindow(stage.window._settings, stage.window._theme, stage.bridge)
    qtbot.addWidget(again)
    again._recent.aboutToShow.emit()
    again._recent.actions()[0].trigger()
    reopened = again.results_page
    qtbot.waitUntil(lambda: reopened.session is not None and not reopened.is_busy, timeout=LONG_MS)
    assert reopened.session == results.session


def test_closing_while_measuring_saves_and_leaves_no_process(qtbot: QtBot, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CloseQuestion, "ask", classmethod(lambda cls, parent: True))
    press_start(qtbot, stage, requests_per_user=500)
    qtbot.waitUntil(lambda: stage.bridge.is_measuring, timeout=LONG_MS)
    children = psutil.Process().children(recursive=True)
    assert children
    stage.window.close()
    qtbot.waitUntil(lambda: not stage.window.isVisible(), timeout=LONG_MS)
    session = stage.outcomes[0].session
    assert session is not None
    assert stage.outcomes[0].stopped
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert sorted(path.name for path in session.parent.iterdir()) == [session.name]
    with SessionReader.open(session) as reader:
        assert CellStatus.PARTIAL in [cell.status for cell in reader.cells()]
