"""What our own exports hold comes back: the same instants, the same figures."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.clock import WallClockAnchor
from profiler.exchange.imports.import_file import import_file
from profiler.exchange.llama_bench_export import export_llama_bench
from profiler.exchange.summary import summary_document
from profiler.exchange.vllm_export import export_vllm
from profiler.plan.plan import Engine, Load, Plan, Trust
from profiler.records.run_record import CellStatus, RunStatus
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.served_session import write_served_session

OF_STEPS = {"prompt_tok_s", "batch_occupancy", "kv_occupancy", "bandwidth_gb_s", "bandwidth_share", "evictions", "cached_tok_s"}
OF_TELEMETRY = {"rss_peak_bytes", "vram_peak_bytes", "energy_j", "tokens_per_joule", "energy_net_j"}
OF_NEED = {"goodput_s", "attainment"}


def back(export, session, folder):
    """The session that an export of `session` imports to."""
    with SessionReader.open(session) as reader:
        export(reader, folder / "x", force=True)
    import_file(folder / "x", folder / "b.inferometer", force=True)
    return folder / "b.inferometer"


@pytest.mark.parametrize(
    "load",
    [
        Load(concurrency=(1, 3), prompt_tokens=("uniform:8:40",), output_tokens=("uniform:2:12",), requests_per_user=5),
        Load(
            arrival=("poisson",),
            rate=(3.0,),
            requests=40,
            slots=(2,),
            output_tokens=("uniform:1:20",),
            timeout=1.5,
            queue_limit=4,
        ),
        Load(arrival=("offline",), requests=9, slots=(4,), output_tokens=(6,)),
    ],
    ids=["closed", "poisson", "offline"],
)
def test_vllm_figures_come_back(tmp_path, load):
    """All but what needs steps, telemetry or the plan's limits."""
    plan = Plan(load=load, trust=Trust(repetitions=2), engine=Engine(threads=(1,)))
    session = write_served_session(tmp_path / "a.inferometer", plan)
    with SessionReader.open(session) as reader, SessionReader.open(back(export_vllm, session, tmp_path)) as again:
        before, after = summary_document(reader), summary_document(again)
        assert [run.repetition for run in again.runs()] == [run.repetition for run in reader.runs()]
    assert len(after["cells"]) == len(before["cells"]) > 0
    compared = 0
    for mine, other in zip(before["cells"], after["cells"], strict=True):
        assert other["config"] == mine["config"]
        for key in ("requests", "tokens"):
            assert other[key] == mine[key]
        for name, value in mine["metrics"].items():
            if name in OF_STEPS | OF_TELEMETRY | OF_NEED or "joule" in name:
                assert other["metrics"][name] is None or other["metrics"][name] == value
                continue
            assert other["metrics"][name] == value or (not (value or {}).get("n") and other["metrics"][name] is None), name
            compared += value is not None
    assert compared > 10


def test_classes_come_back(tmp_path, session_file):
    with SessionReader.open(back(export_vllm, session_file, tmp_path)) as again:
        runs = again.runs()
        assert [each.name for each in runs[-1].specification.load.classes] == ["chat", "paste"]
        assert again.requests(runs[-1].run_id)["class"].tolist() == [0, 1, 0, 1]
        assert again.run_class_figures(runs[-1].run_id).keys() == {"chat", "paste"}
        assert [run.is_valid for run in runs] == [True, False, True, True]
        assert "short: the window is short" in runs[0].flags


instants = st.integers(-(10**9), 10**15)
gaps = st.lists(st.integers(0, 10**12), max_size=6)
requests = st.lists(st.tuples(instants, *[st.integers(0, 10**12)] * 3, gaps, st.integers(0, 2**31 - 1)), min_size=1, max_size=8)


@settings(max_examples=20, deadline=None)
@given(told=requests, unreached=st.integers(0, 7), status=st.sampled_from(list(RequestStatus)))
def test_every_instant_comes_back_from_vllm(tmp_path_factory, records, told, unreached, status):
    folder = tmp_path_factory.mktemp("trip")
    rows = np.zeros(len(told), REQUEST_DTYPE)
    stamped = []
    for place, (due, waited, prefill, first, between, prompt) in enumerate(told):
        sent, row = due + waited, rows[place]
        row["request"], row["user"], row["turn"], row["prompt_tokens"], row["cached_tokens"] = (
            place,
            place % 3,
            1,
            prompt,
            prompt // 2,
        )
        row["due_ns"], row["sent_ns"], row["status"] = due, sent, status
        for name in ("prefill_start_ns", "first_token_ns", "end_ns"):
            row[name] = ABSENT_NS
        if place != unreached:
            times = sent + prefill + first + np.cumsum([0, *between])
            row["prefill_start_ns"], row["first_token_ns"], row["end_ns"] = sent + prefill, times[0], times[-1] + waited
            row["output_tokens"], row["status"] = len(times), RequestStatus.COMPLETED
            stamped += [(place, int(time)) for time in times]
    stamped.sort(key=lambda each: each[1])
    tokens = np.zeros(len(stamped), TOKEN_DTYPE)
    tokens["request"], tokens["time_ns"] = [each[0] for each in stamped], [each[1] for each in stamped]
    run = records.run(1, 1)
    with SessionWriter.create(folder / "a.inferometer", plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
        writer.start_run(run)
        writer.add_requests(1, rows)
        writer.add_rows(1, "token", tokens)
        writer.update_run(replace(run, status=RunStatus.DONE))
    with SessionReader.open(back(export_vllm, folder / "a.inferometer", folder)) as again:
        data = again.run_data(1)
    for name in REQUEST_DTYPE.names:
        assert data.requests[name].tolist() == rows[name].tolist(), name
    for place in range(len(rows)):
        of_request = data.tokens["time_ns"][data.tokens["request"] == place]
        assert np.sort(of_request).tolist() == [time for number, time in stamped if number == place]


@settings(max_examples=12, deadline=None)
@given(
    prefill_ns=st.lists(st.integers(1, 10**12), min_size=1, max_size=6),
    decode_ns=st.integers(1, 10**11),
    prompt=st.integers(1, 5000),
    output=st.integers(2, 40),
)
def test_every_sample_comes_back_from_llama_bench(tmp_path_factory, records, prefill_ns, decode_ns, prompt, output):
    folder = tmp_path_factory.mktemp("trip")
    specification = records.specification
    only = replace(specification.load.classes[0], users=1, prompt_tokens=str(prompt), output_tokens=str(output))
    context = replace(specification.context, slots=1)
    specification = replace(specification, context=context, load=replace(specification.load, classes=(only,), depth=7))
    run = records.run(1, 1, specification=specification, anchor=WallClockAnchor(5, "2026-01-02T03:04:05.678+00:00"))
    rows, steps, now = np.zeros(len(prefill_ns), REQUEST_DTYPE), np.zeros(len(prefill_ns) * output, STEP_DTYPE), 0
    for place, read_ns in enumerate(prefill_ns):
        rows[place]["request"], rows[place]["due_ns"] = place, now
        for number in range(output):
            step = steps[place * output + number]
            step["start_ns"], step["decode_ns"], step["sequences"] = now, decode_ns if number else read_ns, 1
            step["prefill_tokens"], step["decode_tokens"] = (0, 1) if number else (prompt, 0)
            now += int(step["decode_ns"])
            step["end_ns"] = now
            if not number:
                rows[place]["first_token_ns"] = now
        rows[place]["end_ns"] = now
        rows[place]["sent_ns"] = rows[place]["prefill_start_ns"] = rows[place]["due_ns"]
    rows["prompt_tokens"], rows["output_tokens"], rows["status"], rows["turn"] = prompt, output, RequestStatus.COMPLETED, 1
    with SessionWriter.create(folder / "a.inferometer", plan={}, machine={"cpu": {"name": "Some CPU"}}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1, status=CellStatus.DONE))
        writer.start_run(run)
        writer.add_requests(1, rows)
        writer.add_rows(1, "step", steps)
        writer.update_run(replace(run, status=RunStatus.DONE))
    path = back(export_llama_bench, folder / "a.inferometer", folder)
    written = [json.loads(line) for line in (folder / "x").read_text().splitlines()]
    with SessionReader.open(path) as again:
        cells = again.cells()
        figures = [[again.run_figures(run.run_id) for run in again.runs(cell.cell_id)] for cell in cells]
        (model,) = again.models()
    pp, tg = cells
    assert [pp.configuration[name] for name in ("prompt_tokens", "output_tokens", "depth")] == [prompt, 0, 7]
    assert [tg.configuration[name] for name in ("prompt_tokens", "output_tokens", "depth")] == [0, output - 1, 7 + prompt]
    assert [each["prompt_tok_s"] for each in figures[0]] == pytest.approx(written[0]["samples_ts"], rel=1e-12)
    assert [each["prefill_ms"]["mean"] for each in figures[0]] == pytest.approx([ns / 1e6 for ns in prefill_ns], rel=1e-12)
    assert [each["output_tok_s"] for each in figures[1]] == pytest.approx(written[1]["samples_ts"], rel=1e-12)
    assert (model.sha256, model.quantization, model.path) == ("ab" * 32, "Q4_1", "/models/small.gguf")
