from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QThread, Slot
from pytestqt.qtbot import QtBot

from app.bridge.sweep_bridge import SweepBridge, SweepOutcome
from profiler.analysis.live_figures import LiveFigures
from profiler.errors import EnvironmentFault, Interrupted
from profiler.plan.plan import Plan
from profiler.sweep.events import RowsArrived, RunEnded, RunMeasuring, SamplesArrived, SweepEnded
from tests.helpers.scripted_sweep import Hold, ScriptedFactory, whole_sweep


class Listener(QObject):
    """Collects what the bridge says and on which thread."""

    def __init__(self, bridge: SweepBridge) -> None:
        super().__init__()
        self.events: list[object] = []
        self.figures: list[LiveFigures] = []
        self.outcomes: list[SweepOutcome] = []
        self.threads: set[QThread] = set()
        bridge.event_arrived.connect(self.on_event)
        bridge.figures_changed.connect(self.on_figures)
        bridge.ended.connect(self.on_ended)

    @Slot(object)
    def on_event(self, event: object) -> None:
        self.events.append(event)
        self.threads.add(QThread.currentThread())

    @Slot(object)
    def on_figures(self, figures: LiveFigures) -> None:
        self.figures.append(figures)
        self.threads.add(QThread.currentThread())

    @Slot(object)
    def on_ended(self, outcome: SweepOutcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return tmp_path / "a.inferometer"


@pytest.fixture
def bridges() -> Iterator[list[SweepBridge]]:
    made: list[SweepBridge] = []
    yield made
    for bridge in made:
        bridge.stop()
        bridge.wait_until_ended()


def bridge_of(bridges: list[SweepBridge], script: list[object]) -> tuple[SweepBridge, ScriptedFactory, Listener]:
    factory = ScriptedFactory(script)
    bridge = SweepBridge(factory)
    bridges.append(bridge)
    return bridge, factory, Listener(bridge)


def test_a_sweep_is_told_in_order_on_the_main_thread(qtbot: QtBot, bridges: list[SweepBridge], session: Path) -> None:
    script = whole_sweep(session)
    bridge, factory, listener = bridge_of(bridges, script)
    with qtbot.waitSignal(bridge.ended):
        bridge.start(Plan(), session)
        assert bridge.is_running
    assert listener.events == [event for event in script if not isinstance(event, RowsArrived | SamplesArrived)]
    assert listener.threads == {QThread.currentThread()}
    assert listener.outcomes == [SweepOutcome(session, False, "")]
    assert not bridge.is_running
    assert factory.plans == [Plan()]


def test_figures_come_while_measuring_and_watched(qtbot: QtBot, bridges: list[SweepBridge], session: Path) -> None:
    hold = Hold()
    bridge, _, listener = bridge_of(bridges, whole_sweep(session, hold))
    bridge.set_watched(True)
    bridge.start(Plan(), session)
    qtbot.waitUntil(lambda: len([f for f in listener.figures if f.tiles.sequences == 4]) >= 2, timeout=4000)
    assert bridge.is_measuring
    assert bridge.watching_cost_share is not None
    assert listener.figures[-1].tiles.output_tokens == 4 * 99
    bridge.set_watched(False)
    seen = len(listener.figures)
    qtbot.wait(600)
    assert len(listener.figures) == seen
    hold.go.set()
    qtbot.waitUntil(lambda: not bridge.is_running)


def test_quiet_draws_between_runs_only(qtbot: QtBot, bridges: list[SweepBridge], session: Path) -> None:
    hold = Hold()
    bridge, _, listener = bridge_of(bridges, whole_sweep(session, hold))
    bridge.set_watched(True)
    bridge.set_quiet(True)
    bridge.start(Plan(), session)
    qtbot.waitUntil(lambda: sum(isinstance(event, RunMeasuring) for event in listener.events) == 3)
    assert len(listener.figures) == 2
    qtbot.wait(600)
    assert len(listener.figures) == 2
    assert bridge.watching_cost_share is None
    hold.go.set()
    qtbot.waitUntil(lambda: not bridge.is_running)
    assert len(listener.figures) == 5
    assert listener.figures[2].tiles.sequences == 4


def test_wishes_reach_the_runner_and_stop_saves(qtbot: QtBot, bridges: list[SweepBridge], session: Path) -> None:
    bridge, factory, listener = bridge_of(bridges, whole_sweep(session, Hold()))
    bridge.start(Plan(), session)
    qtbot.waitUntil(lambda: sum(isinstance(event, RunEnded) for event in listener.events) == 2)
    bridge.pause()
    bridge.resume()
    bridge.skip_cell()
    with qtbot.waitSignal(bridge.ended):
        bridge.stop()
        assert bridge.is_stopping
    assert factory.runners[0].wishes == ["pause", "resume", "skip", "stop"]
    assert listener.events[-1] == SweepEnded(session, True, "")
    assert listener.outcomes == [SweepOutcome(session, True, "")]


@pytest.mark.parametrize(
    ("error", "stopped", "sentence"),
    [
        (EnvironmentFault("The disk is full."), False, "The disk is full."),
        (Interrupted("Stopped before anything was measured."), True, ""),
    ],
)
def test_an_end_before_the_file_is_told(
    qtbot: QtBot, bridges: list[SweepBridge], session: Path, error: Exception, stopped: bool, sentence: str
) -> None:
    bridge, _, listener = bridge_of(bridges, [error])
    with qtbot.waitSignal(bridge.ended):
        bridge.start(Plan(), session)
    assert listener.outcomes == [SweepOutcome(None, stopped, sentence)]
    with qtbot.waitSignal(bridge.ended):
        bridge.start(Plan(), session)


def test_a_mistake_of_ours_ends_the_sweep_and_reaches_the_excepthook(
    qtbot: QtBot, bridges: list[SweepBridge], session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked: list[type[BaseException]] = []
    monkeypatch.setattr("sys.excepthook", lambda kind, error, trace: hooked.append(kind))
    bridge, _, listener = bridge_of(bridges, [*whole_sweep(session)[:3], ZeroDivisionError()])
    with qtbot.waitSignal(bridge.ended):
        bridge.start(Plan(), session)
    assert hooked == [ZeroDivisionError]
    assert listener.outcomes[0].session == session
    assert "report" in listener.outcomes[0].sentence
