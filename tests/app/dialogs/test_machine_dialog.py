import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.bridge.job import JobLine
from app.bridge.sweep_bridge import SweepBridge
from app.dialogs.machine_dialog import MachineDialog, described
from app.dialogs.machine_words import (
    NOT_MEASURED,
    bandwidth_bars,
    bandwidth_words,
    compute_bars,
    compute_words,
    facts,
    measured_words,
)
from app.main_window import MainWindow
from app.settings import Settings
from app.theme import ThemeSwitch
from app.widgets.bar_rows import Bar
from profiler.errors import EnvironmentFault, Interrupted
from profiler.plan.plan import Plan
from profiler.records.fingerprint import Ceilings, Device, Fingerprint, MemoryModules, PowerSettings, TelemetrySource
from tests.helpers.scripted_sweep import MACHINE, Hold, ScriptedFactory, whole_sweep

CEILINGS = Ceilings(
    24.9,
    2,
    3.1,
    {1: 14.5, 2: 24.9},
    94.2,
    method="Best of 12 reading passes over 256 MB.",
    measured_utc="2026-11-25T01:20:00+00:00",
)
SOURCES = (TelemetrySource("rapl", False, "The kernel offers no energy counters."), TelemetrySource("process", True))
TOLD = replace(MACHINE, ceilings=CEILINGS, telemetry=SOURCES)


class Teller:
    """Stands in for the engine: tells the machine once the test lets it, or stops when it shall."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.go = threading.Event()
        self.error: Exception | None = None

    def __call__(self, line: JobLine, refresh: bool) -> Fingerprint:
        self.asked.append(refresh)
        line.progress("measuring q8_0", 0.5)
        while not self.go.wait(0.005):
            if line.cancel.is_set():
                raise Interrupted("Stopped.")
        if self.error is not None:
            raise self.error
        return TOLD


@pytest.fixture
def bridge(tmp_path: Path) -> SweepBridge:
    return SweepBridge(ScriptedFactory(whole_sweep(tmp_path / "told.inferometer", Hold())))


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def dialog(qtbot: QtBot, bridge: SweepBridge, teller: Teller) -> Iterator[MachineDialog]:
    made = MachineDialog(bridge, describe=teller)
    qtbot.addWidget(made)
    yield made
    made.close()
    qtbot.waitUntil(lambda: not made.is_busy, timeout=5000)


def test_ceilings_as_bars_and_words() -> None:
    assert bandwidth_bars(CEILINGS) == [Bar("1 thread", 14.5, "14.5 GB/s"), Bar("2 threads", 24.9, "24.9 GB/s")]
    assert compute_bars(CEILINGS) == [Bar("Best prompt", 94.2, "94.2 GFLOP/s")]
    assert bandwidth_words(CEILINGS) == (
        "**24.9 GB/s** read with 2 threads, the slowest pass 3.1 % below the best. Best of 12 reading passes over 256 MB."
    )
    assert compute_words(CEILINGS).startswith("**94.2 GFLOP/s**")
    assert measured_words(CEILINGS, UTC) == "measured 25 Nov 2026 01:20"


def test_what_was_not_measured_is_no_zero() -> None:
    assert bandwidth_bars(Ceilings()) == compute_bars(Ceilings()) == []
    assert bandwidth_words(Ceilings()) == compute_words(Ceilings()) == NOT_MEASURED
    assert measured_words(Ceilings()) == ""
    assert bandwidth_words(Ceilings(bandwidth_gb_s=24.9)) == "**24.9 GB/s** read."


def test_facts_of_a_machine_with_a_gpu() -> None:
    gpu = Device("Example GPU", "gpu", "CUDA", 24_000_000_000, 23_000_000_000, "570.1")
    shown = {fact.label: fact.value for fact in facts(replace(MACHINE, devices=(gpu,)))}
    assert shown["Processor"] == "Example CPU"
    assert shown["Cores"] == "2 cores, 2 threads"
    assert shown["Last-level cache"] == "32.0 MB"
    assert shown["Memory"] == "24.0 GB, no swap"
    assert shown["Device"] == "Example GPU · GPU through CUDA · 24.0 GB · driver 570.1"
    assert shown["Backends"] == "CPU"
    assert "Processor quota" not in shown
    limited = replace(MACHINE, cpu=replace(MACHINE.cpu, quota_cores=2.5), swap_total_bytes=1_000_000_000)
    shown = {fact.label: fact.value for fact in facts(limited)}
    assert (shown["Processor quota"], shown["Memory"]) == ("2.5 cores", "24.0 GB, swap 1.00 GB")


def test_what_the_system_tells_of_modules_clock_and_surroundings() -> None:
    rows = ("Caches", "Memory modules", "Clock", "Runs inside")
    assert not {fact.label for fact in facts(MACHINE)} & set(rows)
    card = Device("Example GPU", "gpu", "CUDA", None, None, "570.1", "95.02")
    machine = replace(
        MACHINE,
        cpu=replace(MACHINE.cpu, caches_bytes={"L1d": 64_000, "L2": 2_000_000}),
        devices=(card,),
        memory_modules=MemoryModules(4, "DDR5", 5600, 2),
        power=PowerSettings("powersave", "intel_pstate", may_boost=False),
        virtualisation="virtual machine (QEMU)",
    )
    shown = {fact.label: fact.value for fact in facts(machine)}
    assert [shown[label] for label in rows] == [
        "L1d 64.0 kB, L2 2.00 MB",
        "4 × DDR5 · 5600 MT/s · 2 channels",
        "governor powersave · driver intel_pstate · boost off",
        "virtual machine (QEMU)",
    ]
    assert shown["Device"] == "Example GPU · GPU through CUDA · driver 570.1 · firmware 95.02"


def test_an_unknown_machine_is_read_once_and_kept(qtbot: QtBot, dialog: MachineDialog, teller: Teller) -> None:
    dialog.look(None)
    qtbot.waitUntil(lambda: dialog.work.words.startswith("Measuring q8_0"))
    assert dialog.here.isHidden()
    assert not dialog.again.isEnabled()
    with qtbot.waitSignal(dialog.machine_told) as told:
        teller.go.set()
    assert told.args == [TOLD]
    qtbot.waitUntil(lambda: not dialog.is_busy)
    assert teller.asked == [False]
    assert dialog.bandwidth.bars == tuple(bandwidth_bars(CEILINGS))
    assert dialog.sources.told == ("Process: can be read", "Energy counters (RAPL): ✕ The kernel offers no energy counters.")
    assert dialog.work.isHidden()
    assert dialog.again.isEnabled()
    dialog.close()
    dialog.look(None)
    assert teller.asked == [False]


def test_measuring_again_and_cancelling_by_key(qtbot: QtBot, dialog: MachineDialog, teller: Teller) -> None:
    dialog.look(MACHINE)
    assert teller.asked == []
    assert dialog.compute.isHidden()
    dialog.again.setFocus()
    qtbot.keyClick(dialog.again, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: teller.asked == [True])
    qtbot.mouseClick(dialog.work.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.is_busy)
    assert dialog.work.words == "Stopped."
    assert dialog.machine is MACHINE
    teller.go.set()
    with qtbot.waitSignal(dialog.machine_told):
        qtbot.mouseClick(dialog.again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.is_busy)
    assert teller.asked == [True, True]
    assert dialog.compute.bars == tuple(compute_bars(CEILINGS))


def test_a_failure_is_told(qtbot: QtBot, dialog: MachineDialog, teller: Teller) -> None:
    teller.error = EnvironmentFault("There is no memory to measure with.")
    teller.go.set()
    dialog.look(None)
    qtbot.waitUntil(lambda: not dialog.is_busy)
    assert dialog.work.words == "There is no memory to measure with."
    assert dialog.again.isEnabled()


def test_escape_stops_what_is_measured(qtbot: QtBot, dialog: MachineDialog, teller: Teller) -> None:
    dialog.look(None)
    qtbot.waitUntil(lambda: teller.asked == [False])
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isHidden()
    qtbot.waitUntil(lambda: not dialog.is_busy)
    assert dialog.machine is None


def test_nothing_is_measured_while_a_sweep_runs(
    qtbot: QtBot, dialog: MachineDialog, teller: Teller, bridge: SweepBridge, tmp_path: Path
) -> None:
    bridge.start(Plan(), tmp_path / "told.inferometer")
    dialog.look(None)
    assert not dialog.again.isEnabled()
    assert dialog.why_not.isVisible()
    qtbot.waitUntil(lambda: dialog.machine is not None)  # the sweep was told
    assert dialog.machine == MACHINE
    with qtbot.waitSignal(bridge.ended):
        bridge.stop()
    assert dialog.again.isEnabled()
    assert dialog.why_not.isHidden()
    assert teller.asked == []


def test_a_sweep_that_begins_ends_the_measuring(
    qtbot: QtBot, dialog: MachineDialog, teller: Teller, bridge: SweepBridge, tmp_path: Path
) -> None:
    dialog.look(MACHINE)
    qtbot.mouseClick(dialog.again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: teller.asked == [True])
    bridge.start(Plan(), tmp_path / "told.inferometer")
    qtbot.waitUntil(lambda: not dialog.is_busy)
    with qtbot.waitSignal(bridge.ended):
        bridge.stop()
    assert dialog.machine == MACHINE


def test_the_real_work_stops_between_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Child:
        def __enter__(self) -> "Child":
            return self

        def __exit__(self, *_: object) -> None:
            said.append("closed")

    class Line:
        cancel = threading.Event()

        def progress(self, sentence: str, share: float | None) -> None:
            said.append(sentence)
            self.cancel.set()

    def describe(child: Child, report: object, *, refresh: bool, cancel: threading.Event) -> Fingerprint:
        assert refresh
        assert cancel is Line.cancel  # which also ends a measurement that is under way
        for sentence in ("bandwidth", "compute"):
            report(sentence, None)  # type: ignore[operator]
        raise AssertionError("it went on")

    monkeypatch.setattr("profiler.child.engine_child.EngineChild", Child)
    monkeypatch.setattr("profiler.sweep.preparation.describe_machine", describe)
    with pytest.raises(Interrupted):
        described(Line(), True)  # type: ignore[arg-type]
    assert said == ["bandwidth", "closed"]


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, settings: Settings, bridge: SweepBridge) -> MainWindow:
    made = MainWindow(settings, ThemeSwitch(qapp, "light"), bridge)
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_status_bar_and_the_menu_lead_here(qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MachineDialog, "_start", lambda self, *, refresh: None)
    window.status.show_machine(TOLD)
    window.status.device.setFocus()
    qtbot.keyClick(window.status.device, Qt.Key.Key_Space)
    assert window.machine_dialog.isVisible()
    assert window.machine_dialog.machine is TOLD
    window.machine_dialog.close()
    window.commands.machine.trigger()
    assert window.machine_dialog.isVisible()
    window.machine_dialog.machine_told.emit(MACHINE)
    assert window.status.machine is MACHINE
    assert window.status.device.accessibleName() == "Device: CPU · AVX2 · 2 cores · 24.0 GB"
    window.machine_dialog.close()


def test_it_fits_a_small_screen_without_empty_room(qtbot: QtBot, dialog: MachineDialog, theme: ThemeSwitch) -> None:
    dialog.look(TOLD)
    assert dialog.minimumSizeHint().width() <= 1024
    assert dialog.height() <= 700
    lowest_px = max(card.geometry().bottom() for card in dialog._cards)
    assert dialog._scroll.widget().height() - lowest_px < 80
    controls = [widget for widget in dialog.findChildren(QWidget) if widget.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert dialog._scroll in controls  # to be scrolled by keys
    assert all(widget.accessibleName() or isinstance(widget, QPushButton) for widget in controls)
