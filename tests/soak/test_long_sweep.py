"""Long sweeps and many of them: memory, handles, threads and processes stay where they were after the first ones.

INFEROMETER_RUNS=300 python -m pytest -m soak -s tests/soak/test_long_sweep.py
"""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import psutil
import pytest

from app.bridge.sweep_bridge import SweepBridge
from app.main_window import MainWindow
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.plan.plan import Plan
from profiler.records.run_record import RunStatus
from profiler.session.reader import SessionReader
from profiler.sweep.events import RunEnded, RunMeasuring, RunStarted, SweepEnded, SweepStarted
from tests.helpers import scripted_sweep as script
from tests.helpers.offscreen import application

RUNS = int(os.environ.get("INFEROMETER_RUNS", "300"))
CELLS = 2_000
STARTS = 200
MOST_GROWTH_BYTES = 5_000_000

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


def resources_of(process: psutil.Process) -> tuple[int, int, int, int]:
    """Resident bytes, handles, threads, processes below it."""
    if sys.platform == "win32":
        handles = process.num_handles()
    else:
        handles = process.num_fds()
    return process.memory_info().rss, handles, process.num_threads(), len(process.children(recursive=True))


def assert_steady(looks: list[tuple[int, int, int, int]], what: str) -> None:
    """The last fifth against the second one: medians, since one look may fall into a moment of work."""
    fifth = len(looks) // 5
    early = [median(column) for column in zip(*looks[fifth : 2 * fifth], strict=True)]
    late = [median(column) for column in zip(*looks[-fifth:], strict=True)]
    growth = [after - before for before, after in zip(early, late, strict=True)]
    print(f"\n{what}: {growth[0] / 1e6:+.2f} MB (at {late[0] / 1e6:.0f} MB), handles, threads, processes {growth[1:]}")
    assert growth[0] < MOST_GROWTH_BYTES
    assert max(growth[1:]) <= 0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def factory() -> script.ScriptedFactory:
    return script.ScriptedFactory([])


@pytest.fixture
def bridge(factory: script.ScriptedFactory) -> SweepBridge:
    application()
    return SweepBridge(factory)


@pytest.fixture
def window(home: Path, bridge: SweepBridge) -> Iterator[MainWindow]:
    window = MainWindow(Settings(home / "window.ini"), ThemeSwitch(application(), "light"), bridge)
    window.show()
    window.show_page("Live")
    yield window
    bridge.stop()
    until_idle(bridge)
    window.close()


def until_idle(bridge: SweepBridge) -> None:
    while bridge.is_running:
        application().processEvents()


def many_cells(session: Path, looks: list[tuple[int, int, int, int]]) -> Iterator[object]:
    """A sweep of many short cells, told one after the other as the window takes them in."""
    (first, *_) = script.sweep_cells()
    this = psutil.Process()
    yield SweepStarted(session, script.MACHINE, (script.MODEL,), (first,), CELLS)
    for number in range(1, CELLS + 1):
        run = script.run_of(first, number)
        yield RunStarted(run, first)
        yield RunMeasuring(script.measuring(run))
        yield script.rows(number, 0.0, 1.0, 4)
        yield script.samples(number, 0.0, 1.0)
        yield RunEnded(replace(run, status=RunStatus.DONE), script.figures(20.0))
        time.sleep(0.005)  # the window's turn
        if number % 20 == 0:
            looks.append(resources_of(this))
    yield SweepEnded(session, False, "")


def test_two_thousand_cells_leave_the_window_as_it_was(
    window: MainWindow, bridge: SweepBridge, factory: script.ScriptedFactory, home: Path
) -> None:
    looks: list[tuple[int, int, int, int]] = []
    factory.script = many_cells(home / "a.inferometer", looks)  # type: ignore[assignment]
    bridge.start(Plan(title="long"), home / "a.inferometer")
    until_idle(bridge)
    assert len(looks) == CELLS // 20
    assert_steady(looks, f"{CELLS} scripted cells in the window")


def test_two_hundred_starts_and_stops_leave_the_window_as_it_was(
    window: MainWindow, bridge: SweepBridge, factory: script.ScriptedFactory, home: Path
) -> None:
    looks = []
    for _ in range(STARTS):
        factory.script = script.whole_sweep(home / "a.inferometer", script.Hold())
        factory.runners.clear()
        factory.plans.clear()
        bridge.start(Plan(title="short"), home / "a.inferometer")
        while not bridge.is_measuring:
            application().processEvents()
        bridge.stop()
        until_idle(bridge)
        gc.collect()
        looks.append(resources_of(psutil.Process()))
    assert_steady(looks, f"{STARTS} starts and stops in the window")


def test_a_long_sweep_of_the_real_engine_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "long.inferometer"
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "run", "sample", "--concurrency", "1", "--prompt-tokens", "4", "--output-tokens", "4",
         "--requests", "2", "--repetitions", str(RUNS), "--target-percent", "0.01", "--threads", "1", "-o", str(path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    looks = []
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            looks.append(resources_of(watched))
        except psutil.Error:
            break
        time.sleep(0.1)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told.decode()
    with SessionReader.open(path) as reader:
        runs = [run.run_id for run in reader.runs()]
        tokens = sum(len(reader.run_data(run).tokens) for run in runs)
    print(f"\n{len(runs)} runs, {tokens} tokens, {path.stat().st_size / max(tokens, 1):.0f} bytes of file a token")
    assert len(runs) >= RUNS
    assert_steady(looks, f"{len(runs)} real runs")
