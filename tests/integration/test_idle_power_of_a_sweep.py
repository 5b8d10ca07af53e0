"""A sweep on a machine with a power meter, an invented one: what it shows at rest is measured first, and kept."""

import functools
import json

import pytest

from profiler.hardware import idle_power
from profiler.hardware.telemetry import Telemetry
from profiler.plan.plan import Plan
from profiler.records.fingerprint import TelemetrySource
from profiler.session.reader import SessionReader
from profiler.sweep.runner import Runner

PLAN = {
    "load": {"concurrency": [1], "prompt_tokens": [16], "output_tokens": [24], "requests_per_user": 3},
    "engine": {"threads": [1]},
    "trust": {"repetitions": 1},
}


class Meter:
    told = TelemetrySource("a meter", True)
    channels = ("gpu0_power_watts",)

    def __init__(self, watts):
        self.watts = watts

    def read(self):
        return {"gpu0_power_watts": self.watts}

    def close(self):
        pass


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A session that was measured at 40 W, and 15 W at rest."""
    measure = functools.partial(idle_power.measure, 0.3, sources=[Meter(15.0)])
    monkeypatch.setattr("profiler.sweep.sweep.idle_power.measure", measure)
    monkeypatch.setattr("profiler.sweep.sweep.Telemetry", lambda _: Telemetry(None, 0.02, sources=[Meter(40.0)]))
    path = tmp_path / "metered.inferometer"
    Runner(Plan.from_document(PLAN), path, lambda event: None).run()
    return path


def test_it_is_kept_and_told(path):
    with SessionReader.open(path) as reader:
        kept = json.loads(reader.meta()["idle_power"])
        (told,) = [event.sentence for event in reader.events() if event.kind == "idle power"]
        (cell,) = reader.cells()
        figures, _ = reader.cell_figures(cell.cell_id)
    assert kept["draws"]["gpu0"]["watts"] == pytest.approx(15)
    assert kept["draws"]["gpu0"]["degrees"] == 5
    assert 0 < kept["duration_s"] < 2
    # 40 W in all, 15 of them at rest: of each joule 25/40 are the load's.
    assert figures["energy_net_j"] == pytest.approx(figures["energy_j"] * 25 / 40)
    assert figures["joules_per_output_token"] == pytest.approx(25 / 40 / figures["tokens_per_joule"])
    window_s = figures["energy_j"] / 40
    assert figures["joules_per_request"] == pytest.approx(figures["energy_net_j"] / (window_s * figures["requests_s"]))
    assert told == "At rest the meters show gpu0 15.0 W."
