"""The real window with a GPU that NVIDIA's library seems to tell of: a process of its own, since the loader looks there once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.fake_nvml import built, needs_fake

SCRIPT = """
import functools, json, pathlib, sys, time
from tests.helpers.offscreen import application
app = application()
from app.bridge.sweep_bridge import SweepBridge
from app.main_window import MainWindow
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.hardware import idle_power
from profiler.plan.plan import Load, Need, Plan, Trust
from profiler.records.energy_settings import EnergyPrice

idle_power.measure = functools.partial(idle_power.measure, 0.7)
folder = pathlib.Path(sys.argv[1])
settings = Settings(folder / "window.ini")
settings.sessions_folder = folder / "sessions"
settings.energy_price = EnergyPrice(0.3, "EUR")
bridge, ended, machines = SweepBridge(), [], []
bridge.ended.connect(ended.append)
bridge.event_arrived.connect(lambda event: machines.append(event.machine) if hasattr(event, "machine") else None)
window = MainWindow(settings, ThemeSwitch(app, "dark"), bridge)
window.resize(1440, 900)
window.show()

def wait_until(is_so):
    deadline = time.monotonic() + 100
    while not is_so():
        assert time.monotonic() < deadline
        app.processEvents()
        time.sleep(0.005)

load = Load(concurrency=(1,), prompt_tokens=(16,), output_tokens=(96,), requests_per_user=5)
plan = Plan(title="gpu", need=Need(slo=""), load=load, trust=Trust(repetitions=1))
bridge.start(plan, folder / "gpu.inferometer")
window.show_page("Live")
live = window.live_page
told = {}

def look():
    if live.tiles.gpus:
        told["tiles"] = {name: [tile.figure for tile in tiles.tiles] for name, tiles in live.tiles.gpus.items()}
        if live.tiles.gpus["gpu0"].memory.context.startswith("engine"):
            told["engine"] = live.tiles.gpus["gpu0"].memory.context
        told["plots"] = [plot.accessibleName() for plots in live.board.gpus.values() for plot in plots]
        told["power"] = [words for _, words in live.board.gpus["gpu0"][0].readings(0.5)]
    return bool(ended)

wait_until(look)
window.open_file(folder / "gpu.inferometer")
results = window.results_page
wait_until(lambda: results.session is not None and not results.is_busy)
told["energy"] = {fact.label: fact.value for fact in results.energy.facts}
told["meters"] = results.energy.remark.accessibleName()
told["ended"] = ended[0].sentence
told["devices"] = [[one.name, one.driver, one.firmware] for one in machines[0].devices if one.backend == "NVML"]
print(json.dumps(told), flush=True)
bridge.stop()
bridge.wait_until_ended()
"""


@needs_fake
@pytest.mark.long
def test_a_gpu_is_shown_live_and_its_energy_afterwards(tmp_path: Path, sample_model: Path) -> None:
    library, control = tmp_path / "driver", tmp_path / "control"
    library.mkdir()
    control.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env={
            **os.environ,
            "LD_LIBRARY_PATH": str(built(library)),
            "FAKE_NVML_FOLDER": str(control),
            "FAKE_NVML_COUNT": "2",
            "FAKE_NVML_ALIVE": "1",
        },
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ended"] == ""
    assert list(told["tiles"]) == ["gpu0", "gpu1"]
    assert "–" not in told["tiles"]["gpu0"]
    assert told["tiles"]["gpu1"][2].startswith("– · ")
    assert told["engine"] == "engine 3.50 GB"
    assert len(told["plots"]) == 4
    assert told["power"][2].endswith(" W")
    assert told["meters"].startswith("Meters added up: gpu0 (at rest ")
    assert told["energy"]["Power, mean"].endswith(" W")
    assert told["energy"]["A million output tokens"].endswith(" EUR")
    assert told["devices"][0] == ["NVIDIA GeForce RTX 4090", "570.86.15", "95.02.3C.40.00"]
