"""What watching costs: one sweep in the real window, its runs drawn and not drawn in turn (A B B A …), the engine on all cores.

    uv run python -m tests.benchmarks.watching_cost [pairs]

Prints the ratio of the output speeds, drawn over not drawn, with a 95 % interval over the pairs, and what the window itself says.
Not drawn, the window only keeps what arrives, as a headless run's subscriber does. Runs that a flag made invalid (another program
was busy) are left out; the sweep measures them again.
"""

import math
import statistics
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from app.bridge.redraw_budget import usable_cores
from app.bridge.sweep_bridge import SweepBridge, SweepOutcome
from app.main_window import MainWindow
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.plan.plan import Engine, Load, Plan, Trust
from profiler.sweep.events import RunEnded, RunStarted, SweepEvent
from tests.helpers.offscreen import application  # before anything else of Qt

T_975 = dict(enumerate((12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13), 1))
"""Two-sided 95 % quantiles of Student's t by degrees of freedom, for the numbers of pairs that are of use here."""


class Watcher(QObject):
    """Has odd and even runs of each pair drawn or not, and notes their speeds."""

    def __init__(self, bridge: SweepBridge) -> None:
        super().__init__()
        self.bridge = bridge
        self.speeds: dict[bool, list[float]] = {True: [], False: []}
        self.is_drawn = False
        self.updates = 0
        self.shares: list[float] = []
        bridge.event_arrived.connect(self.on_event)
        bridge.figures_changed.connect(self.on_figures)
        bridge.ended.connect(self.on_ended)

    @Slot(object)
    def on_event(self, event: SweepEvent) -> None:
        if isinstance(event, RunStarted):
            pair, second = divmod(event.run.run_id - 1, 2)
            self.is_drawn = (pair + second) % 2 == 0
            self.bridge.set_quiet(not self.is_drawn)
        elif isinstance(event, RunEnded) and event.figures is not None and event.run.is_valid:
            speed = event.figures["output_tok_s"]
            assert isinstance(speed, float)
            self.speeds[self.is_drawn].append(speed)

    @Slot(object)
    def on_figures(self, figures: object) -> None:
        self.updates += 1
        share = self.bridge.watching_cost_share
        if share is not None:
            self.shares.append(share)

    @Slot(object)
    def on_ended(self, outcome: SweepOutcome) -> None:
        print(outcome.sentence or "the sweep has ended")
        application().quit()


def main(pairs: int) -> None:
    """Run the pairs and print what came out."""
    with tempfile.TemporaryDirectory() as folder:
        app = application()
        settings = Settings(Path(folder) / "window.ini")
        settings.sessions_folder = Path(folder)
        bridge = SweepBridge()
        watcher = Watcher(bridge)
        window = MainWindow(settings, ThemeSwitch(app, "dark"), bridge)
        window.resize(1440, 900)
        window.show()
        load = Load(concurrency=(4,), prompt_tokens=(64,), output_tokens=(64,), requests_per_user=6)
        engine = Engine(threads=(usable_cores(),))
        plan = Plan(load=load, engine=engine, trust=Trust(repetitions=2 * pairs))
        window.plan_page.start_requested.emit(plan)
        app.exec()
        bridge.wait_until_ended()
    logs = []
    for drawn, quiet in zip(watcher.speeds[True], watcher.speeds[False], strict=False):
        print(f"drawn {drawn:7.1f} tok/s   not drawn {quiet:7.1f} tok/s")
        logs.append(math.log(drawn / quiet))
    mean = statistics.mean(logs)
    half = T_975[len(logs) - 1] * statistics.stdev(logs) / math.sqrt(len(logs))
    print(f"ratio {math.exp(mean):.3f} (95 % interval {math.exp(mean - half):.3f} to {math.exp(mean + half):.3f})")
    print(f"median ratio {math.exp(statistics.median(logs)):.3f}, {len(logs)} pairs")
    print(f"the window says {100 * statistics.mean(watcher.shares):.2f} % of one core, {watcher.updates} updates")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
