import json
import threading

import pytest

from profiler import paths
from profiler.errors import Interrupted
from profiler.hardware import bandwidth, ceilings
from profiler.records.fingerprint import Ceilings

MEASURED = Ceilings(24.9, 2, 3.5, {1: 14.5, 2: 24.9}, None, method="Best of 5 passes.", measured_utc="2026-01-02T03:04:05+00:00")
BETTER = Ceilings(26.0, 2, 1.0, {1: 15.0, 2: 26.0}, None, method="Best of 6 passes.", measured_utc="2026-01-03T03:04:05+00:00")


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """Counts the probes and answers MEASURED; nothing of the machine is measured, nothing else runs."""
    calls = []
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))
    monkeypatch.setattr(ceilings, "measure_bandwidth", lambda **_: calls.append(1) or MEASURED)
    monkeypatch.setattr(ceilings, "foreign_percent", lambda before, after: 1.0)
    return calls


def file():
    return paths.data_folder() / "ceilings.json"


def test_measures_once_and_keeps_it(probe):
    assert ceilings.cached() is None
    assert ceilings.measured() == MEASURED
    assert ceilings.cached() == MEASURED
    assert ceilings.measured() == MEASURED
    assert len(probe) == 1


def test_refresh_measures_again_and_replaces(probe, monkeypatch):
    ceilings.measured()
    monkeypatch.setattr(ceilings, "measure_bandwidth", lambda **_: BETTER)
    assert ceilings.measured(refresh=True) == BETTER
    assert ceilings.cached() == BETTER
    assert [path.name for path in file().parent.iterdir()] == ["ceilings.json"]  # nothing unfinished is left


@pytest.mark.parametrize("field", ["cpu", "logical_cores", "memory_total_bytes", "method_version"])
def test_another_machines_ceilings_do_not_count(probe, field):
    ceilings.measured()
    document = json.loads(file().read_text())
    document["machine"][field] = "another"
    file().write_text(json.dumps(document))
    assert ceilings.cached() is None


def damaged(change):
    def apply(document):
        change(document["ceilings"])
        return json.dumps(document)

    return apply


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: "",
        lambda document: json.dumps(document)[:-20],
        lambda document: "[]",
        lambda document: "\x00\xff",
        lambda document: json.dumps({"machine": document["machine"]}),
        damaged(lambda found: found.update(bandwidth_gb_s=-1)),
        damaged(lambda found: found.update(bandwidth_gb_s=float("nan"))),
        damaged(lambda found: found.update(bandwidth_gb_s=None)),
        damaged(lambda found: found.update(bandwidth_threads=3)),
        damaged(lambda found: found.update(bandwidth_spread_percent=400)),
        damaged(lambda found: found.update(by_threads={"many": 1.0})),
        damaged(lambda found: found.update(by_threads=[1, 2])),
        damaged(lambda found: found.update(method=7)),
        damaged(lambda found: found.pop("measured_utc")),
    ],
)
def test_a_damaged_file_is_measured_anew(probe, damage):
    ceilings.measured()
    file().write_text(damage(json.loads(file().read_text())))
    assert ceilings.cached() is None
    assert ceilings.measured() == MEASURED
    assert ceilings.cached() == MEASURED


def test_bytes_that_are_no_text_are_damage_too(probe):
    file().parent.mkdir(parents=True)
    file().write_bytes(b"\xff\xfe{")
    assert ceilings.cached() is None


def test_what_a_busy_machine_gave_is_told_and_not_kept(probe, monkeypatch):
    monkeypatch.setattr(ceilings, "foreign_percent", lambda before, after: 37.4)
    found = ceilings.measured()
    assert found.bandwidth_gb_s == 24.9
    assert found.method == "Best of 5 passes. Other programs took 37 % of the processor meanwhile, so it is too low."
    assert ceilings.cached() is None


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(probe):
    paths.data_folder().write_text("a file where the folder should be")
    assert ceilings.measured() == MEASURED
    assert ceilings.cached() is None


def test_a_full_disk_leaves_nothing_behind(probe, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ceilings.os, "replace", full)
    assert ceilings.measured() == MEASURED
    assert list(file().parent.iterdir()) == []


def test_who_cancels_keeps_what_was_measured_before(probe, monkeypatch):
    ceilings.measured()
    monkeypatch.setattr(ceilings, "measure_bandwidth", lambda **told: bandwidth.measure(16 << 20, **told))
    monkeypatch.setattr(bandwidth, "_SCAN_BUDGET_NS", 10**15)  # it would go on for days
    cancel, heard = threading.Event(), []

    def hear(share):
        heard.append(share)
        cancel.set()

    with pytest.raises(Interrupted, match="was stopped"):
        ceilings.measured(refresh=True, on_progress=hear, cancel=cancel)
    assert len(heard) == 1
    assert ceilings.cached() == MEASURED
