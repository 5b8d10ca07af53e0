import json
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from profiler.clock import WallClockAnchor
from profiler.errors import UnusableArguments
from profiler.exchange.trace_export import export_trace
from profiler.plan.plan import Engine, Load, Plan, Trust
from profiler.records.run_record import StepCosts
from profiler.records.timing import STEP_DTYPE, RequestStatus
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.golden import assert_golden
from tests.helpers.served_session import write_served_session

COMPLETED, REFUSED, UNFINISHED = RequestStatus.COMPLETED, RequestStatus.REFUSED, RequestStatus.UNFINISHED


def exported(path, target):
    with SessionReader.open(path) as reader:
        export_trace(reader, target)
    # Times as exact fractions: a test in floats would not see a nanosecond lost.
    return json.loads(target.read_text(encoding="utf-8"), parse_float=Fraction, parse_constant=pytest.fail)["traceEvents"]


@pytest.fixture
def events(tmp_path, session_file):
    return exported(session_file, tmp_path / "x.trace.json")


def of(events, **wanted):
    return [event for event in events if all(event.get(name) == value for name, value in wanted.items())]


def test_the_slices_of_a_request(events):
    """Due at 1 ms, prefill 10 ns later, the first token 20 ns after due, the end 900 ns after."""
    lanes = {event["tid"]: event["args"]["name"] for event in of(events, ph="M", name="thread_name", pid=1)}
    slices = [event for event in of(events, ph="X", pid=1) if event["args"]["request"] == 0]
    assert [(each["name"], each["ts"] * 1000, each["dur"] * 1000) for each in slices] == [
        ("queued", 1_000_000, 10),
        ("prefill", 1_000_010, 10),
        ("decode", 1_000_020, 880),
    ]
    assert {lanes[each["tid"]] for each in slices} == {"lane 1"}
    assert slices[0]["args"] == {
        "request": 0,
        "class": "",
        "user": 0,
        "turn": 1,
        "status": "completed",
        "prompt_tokens": 16,
        "cached_tokens": 4,
        "output_tokens": 8,
    }


def test_what_did_not_complete_says_so(events):
    (failed,) = of(events, ph="i", name="failed")
    assert (failed["pid"], failed["args"]) == (1, {"request": 2})
    assert [event["pid"] for event in of(events, ph="i", name="refused")] == [4]
    assert [event["args"]["name"] for event in of(events, ph="M", name="process_name")] == [
        "run 1, cell 1: concurrency 1",
        "run 2, cell 1: concurrency 1",
        "run 3, cell 2: concurrency 2",
        "run 4, cell 1: concurrency 1",
        "run 5, cell 3: concurrency 3",
    ]
    assert of(events, ph="M", name="process_labels", pid=2)[0]["args"] == {"labels": "done, does not count, foreign load, short"}


def test_a_thread_belongs_to_one_process(events):
    processes = defaultdict(set)
    for event in events:
        if event.get("tid"):
            processes[event["tid"]].add(event["pid"])
    assert all(len(pids) == 1 for pids in processes.values())
    assert not processes.keys() & {event["pid"] for event in events}, "else Perfetto takes it for the main thread"


def test_runs_lie_where_they_were(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
        for run_id, utc in ((1, "2026-01-02T03:04:05.500+00:00"), (2, "2026-01-02T03:04:07.001+00:00"), (3, "yesterday")):
            writer.start_run(records.run(run_id, 1, anchor=WallClockAnchor(1, utc)))
            writer.add_requests(run_id, records.requests(COMPLETED))
    queued = of(exported(path, tmp_path / "x"), name="queued")
    assert [event["ts"] for event in queued] == [1000, 1_502_000, 1000], "a date that is none puts it at the start"


def test_counters_of_steps(tmp_path, records):
    """Two steps with a pause of 5 ms: the counters of a step fall to 0 in it, and at the end."""
    path = tmp_path / "a.inferometer"
    steps = np.zeros(2, STEP_DTYPE)
    steps["start_ns"], steps["end_ns"] = (0, 7_000_000), (2_000_000, 8_000_001)
    steps["prefill_tokens"], steps["decode_tokens"], steps["sequences"] = (5, 0), (1, 2), (2, 2)
    steps["waiting"], steps["in_system"], steps["kv_used_cells"], steps["ubatches"] = (3, 0), (5, 2), (40, 42), 1
    steps["kv_useful_tokens"], steps["outputs"] = (10, 20), 2
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1, costs=StepCosts(2_000_000, 1_000_000, 1_000, 500)))
        writer.start_run(records.run(1, 1))
        writer.add_rows(1, "step", steps)
        writer.add_samples(1, records.samples(42.5, np.nan, channel="gpu0_power_watts"))
    events = exported(path, tmp_path / "x")

    def told(name):
        return [(event["ts"] * 1000, event["args"]) for event in of(events, ph="C", name=name)]

    def known(value):
        return {"sequences": value}

    assert told("batch") == [(0, known(2)), (2_000_000, known(0)), (7_000_000, known(2)), (8_000_001, known(0))]
    assert told("step tokens")[0] == (0, {"prefill": 5, "decode": 1})
    assert told("requests") == [(0, {"waiting": 3, "in system": 5}), (7_000_000, {"waiting": 0, "in system": 2})]
    assert told("KV cells") == [(2_000_000, {"used": 40}), (8_000_001, {"used": 42})]
    # 2 MB + 1 MB + 6 tokens × 1 kB + 10 × 500 bytes = 3.011 MB in 2 ms.
    assert told("bandwidth")[0] == (0, {"GB/s": Fraction("1.506")})
    assert told("gpu0_power_watts") == [(0, {"watts": Fraction("42.5")})], "a reading that failed is not told"


def test_slices_of_a_served_load_fit_their_lanes_and_add_up(tmp_path):
    """The same as `test_request_slices` holds, of the written file."""
    load = Load(arrival=("poisson",), rate=(6.0,), requests=30, slots=(3,), prompt_tokens=("uniform:8:200",), timeout=1.5)
    path = write_served_session(
        tmp_path / "a.inferometer", Plan(load=load, trust=Trust(repetitions=2), engine=Engine(threads=(1,)))
    )
    events = exported(path, tmp_path / "x")
    by_lane, by_request = defaultdict(list), defaultdict(Fraction)
    for event in of(events, ph="X"):
        by_lane[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
        by_request[event["pid"], event["args"]["request"]] += event["dur"]
    for spans in by_lane.values():
        assert all(end <= start for (_, end), (start, _) in zip(sorted(spans), sorted(spans)[1:], strict=False))
    with SessionReader.open(path) as reader:
        runs = reader.runs()
        starts = {run.run_id: run.anchor for run in runs}
        for run in runs:
            for row in reader.requests(run.run_id):
                assert by_request[run.run_id, int(row["request"])] * 1000 == row["end_ns"] - row["due_ns"]
            tokens = of(events, ph="i", name="token", pid=run.run_id)
            assert len(tokens) == sum(len(part) for part in reader.row_chunks(run.run_id, "token"))
    assert len(starts) == 2
    assert {event["name"] for event in of(events, ph="X")} == {"queued", "prefill", "decode"}


def test_planted_names_are_plain_json(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}, title='"]}') as writer:
        writer.add_model(records.model)
        for number, name in ((1, '"}],'), (2, "</script>")):
            cell = records.cell(number)
            cell.configuration["model"] = name
            writer.add_cell(cell)
        writer.start_run(replace(records.run(1, 1), flags=('"]: \n',)))
        writer.add_requests(1, records.requests(UNFINISHED))
        writer.add_samples(1, records.samples(1.0, channel='"}\n'))
    events = exported(path, tmp_path / "x")
    assert of(events, ph="C", name='"}\n')
    assert of(events, ph="i", name="unfinished")


def test_a_session_without_runs(tmp_path):
    with SessionWriter.create(tmp_path / "a.inferometer", plan={}, machine={}):
        pass
    assert exported(tmp_path / "a.inferometer", tmp_path / "x") == []


def test_an_existing_target_is_kept_without_force(tmp_path, session_file):
    (tmp_path / "x").write_text("precious")
    with SessionReader.open(session_file) as reader, pytest.raises(UnusableArguments, match="--force"):
        export_trace(reader, tmp_path / "x")
    assert (tmp_path / "x").read_text() == "precious"


def test_golden(tmp_path, session_file):
    exported(session_file, tmp_path / "x")
    assert_golden((tmp_path / "x").read_text(), "known.trace.json", ignored=("date", "version"))
