"""What is kept of a look inside the steps, and what speaks against one."""

import json
import math
from dataclasses import replace

import pytest

from profiler.analysis.breakdown import breakdowns
from profiler.analysis.step_breakdown import EVENT_KIND, StepBreakdown, doubts, event_of, is_beside, kept_breakdowns
from tests.profiler.analysis.test_breakdown import NODES, document

RESULT = document(NODES)
LOOK = {"sequences": [4], "prompt_tokens": 0, "depth": 8}
FOUND = StepBreakdown(LOOK, "0.3.36", "2026-11-25T04:08:00+00:00", breakdowns(RESULT), RESULT, ("Disturbed.",))


def through_a_file(event):
    return replace(event, data=json.loads(json.dumps(event.data)))


def test_what_is_kept_comes_back():
    event = through_a_file(event_of(FOUND, 3))
    assert (event.kind, event.cell_id) == (EVENT_KIND, 3)
    assert "4 sequences" in event.sentence
    (kept,) = kept_breakdowns([replace(event, kind="start"), event])
    assert kept.passes == FOUND.passes
    assert (kept.cell_id, kept.doubts, kept.look, kept.library_version) == (3, ("Disturbed.",), LOOK, "0.3.36")
    assert kept.measured_utc == FOUND.measured_utc


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.pop("passes"),
        lambda data: data.update(passes=[]),
        lambda data: data.update(passes=[7]),
        lambda data: data.update(look="all of it"),
        lambda data: data.update(doubts=None),
        lambda data: data["passes"][0].update(nodes=[["a", "MUL"]]),
        lambda data: data["passes"][0].update(nodes=[["a", "MUL", -1.0]]),
        lambda data: data["passes"][0].update(nodes=[["a", "MUL", "soon"]]),
        lambda data: data["passes"][0].update(unlooked_s=0),
        lambda data: data["passes"][0].update(looked_s=math.inf),
        lambda data: data["passes"][0].update(sampling_s=math.nan),
        lambda data: data["passes"][0].update(kind="dream"),
        lambda data: data["passes"][0].pop("sequences"),
    ],
)
def test_what_nobody_wrote_is_left_out(damage):
    event = through_a_file(event_of(FOUND, 3))
    damage(event.data)
    assert kept_breakdowns([event]) == ()


def test_what_disturbs_a_look():
    (usual,) = FOUND.passes
    assert list(doubts([usual], 9.9)) == []
    assert list(doubts([usual], math.nan)) == []
    assert ["37 %" in doubt for doubt in doubts([usual], 37.2)] == [True]
    (quicker,) = breakdowns(document(NODES, looked_s=18e-6))  # than the 20 µs of a step that nobody looks at
    assert ["less time" in doubt for doubt in doubts([usual, quicker], 0.0)] == [True]


def test_cells_that_differ_in_their_load_share_a_look():
    cell = {"quant": "Q8_0", "concurrency": 1, "slots": 1, "threads": 2}
    assert is_beside(cell, cell | {"concurrency": 8, "slots": 8})
    assert is_beside(cell, cell | {"rate": 2.0})
    assert not is_beside(cell, cell | {"threads": 4})
    assert not is_beside(cell, cell | {"depth": 512})
