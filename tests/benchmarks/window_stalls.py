"""How late the window is for its events, idle and while the engine has all cores.

`uv run python -m tests.benchmarks.window_stalls`

A timer of 5 ms in the main thread notes how much later than due it fires. Prints percentiles of that lateness.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Slot

from app.bridge.redraw_budget import usable_cores
from app.bridge.sweep_bridge import SweepBridge, SweepOutcome
from app.main_window import MainWindow
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.clock import now_ns
from profiler.plan.plan import Engine, Load, Plan, Trust
from profiler.sweep.events import RunMeasuring, SweepEvent
from tests.helpers.offscreen import application

BEAT_MS = 5
IDLE_MS = 10_000


class Beat(QObject):
    """Notes the lateness of each beat, told apart by what was going on."""

    def __init__(self, bridge: SweepBridge) -> None:
        super().__init__()
        self.late_ms: dict[str, list[float]] = {}
        self.phase = "starting"
        self._last_ns = now_ns()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_beat)
        self._timer.start(BEAT_MS)
        bridge.event_arrived.connect(self._on_event)
        bridge.ended.connect(self._on_ended)

    @Slot()
    def _on_beat(self) -> None:
        now = now_ns()
        self.late_ms.setdefault(self.phase, []).append(max(0.0, (now - self._last_ns) / 1e6 - BEAT_MS))
        self._last_ns = now

    @Slot(object)
    def _on_event(self, event: SweepEvent) -> None:
        if isinstance(event, RunMeasuring):
            self.phase = "measuring"

    @Slot(object)
    def _on_ended(self, _outcome: SweepOutcome) -> None:
        self.phase = "ended"
        application().quit()


def main() -> None:
    """Idle for ten seconds, then a sweep with the Live page open."""
    with tempfile.TemporaryDirectory() as folder:
        app = application()
        settings = Settings(Path(folder) / "window.ini")
        settings.sessions_folder = Path(folder)
        bridge = SweepBridge()
        beat = Beat(bridge)
        window = MainWindow(settings, ThemeSwitch(app, "dark"), bridge)
        window.resize(1440, 900)
        window.show()
        load = Load(concurrency=(4,), prompt_tokens=(64,), output_tokens=(64,), requests_per_user=12)
        plan = Plan(load=load, engine=Engine(threads=(usable_cores(),)), trust=Trust(repetitions=4))

        def start() -> None:
            beat.phase = "preparing"
            window.plan_page.start_requested.emit(plan)

        QTimer.singleShot(3000, lambda: setattr(beat, "phase", "idle"))
        QTimer.singleShot(3000 + IDLE_MS, start)
        app.exec()
        bridge.wait_until_ended()
    for phase in ("idle", "measuring"):
        late = np.array(beat.late_ms.get(phase, [0.0]))
        print(
            f"{phase}: p50 {np.percentile(late, 50):.2f} ms, p99 {np.percentile(late, 99):.2f} ms, max {late.max():.1f} ms, "
            f"{int((late > 100).sum())} over 100 ms, n = {len(late)}"
        )


if __name__ == "__main__":
    sys.exit(main())
