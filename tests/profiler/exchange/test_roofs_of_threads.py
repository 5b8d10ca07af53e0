"""Which roofs a cell on few threads is held against, from the fingerprint as a session keeps it."""

import json
from dataclasses import replace

import pytest

from profiler.analysis.roofline import Roofs
from profiler.exchange.findings.roofline_reading import roofs_of
from profiler.plan.cells import ALL_LAYERS
from profiler.records.fingerprint import Ceilings
from tests.helpers.scripted_sweep import MACHINE

CEILINGS = Ceilings(bandwidth_gb_s=24.0, by_threads={1: 14.0, 2: 24.0}, compute_gflop_s=100.0, compute_threads=2)


@pytest.fixture(params=["as it is", "as a file has it"])
def document(request):
    told = replace(MACHINE, ceilings=CEILINGS).to_json()
    return told if request.param == "as it is" else json.loads(json.dumps(told))


def test_one_thread_has_its_own(document):
    one = roofs_of(document, 0, 1)
    assert (one.bandwidth_gb_s, one.compute_gflop_s, one.threads, one.machine_bandwidth_gb_s) == (14.0, 50.0, 1, 24.0)
    assert roofs_of(document, 0, 2) == roofs_of(document, 0) == roofs_of(document, 0, 16)


def test_threads_say_nothing_of_weights_on_a_gpu(document):
    gpu = {**document, "devices": [{"kind": "gpu", "name": "Example"}]}
    assert roofs_of(gpu, ALL_LAYERS, 1) == Roofs(None, 100.0)


@pytest.mark.parametrize("value", [None, "fast", [1], {"1": "fast", "x": 3.0, "2": -1}])
def test_a_file_may_hold_anything(document, value):
    document["ceilings"] |= {"by_threads": value, "compute_threads": value}
    assert roofs_of(document, 0, 1) == roofs_of(document, 0)
