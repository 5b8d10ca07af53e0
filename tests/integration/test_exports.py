"""Exports of a session that the real engine measured."""

import json
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest

from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.cli.main import main
from profiler.records.axis import AXES
from profiler.records.run_record import CellRecord, CellStatus, ModelRecord, RunRecord, RunStatus
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.told_figures import assert_equal_figures, tell


@pytest.fixture
def measured(tmp_path, serve, order_of, sample_model):
    """A cell of one user and one of two, a run each; prompts are read in parts of 16 tokens."""
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(ModelRecord(1, "Sample", str(sample_model), "ab" * 32, "llama", 135, "Q4_1", 98, 5.8, 8192))
        for users in (1, 2):
            configuration = {axis.name: None for axis in AXES} | {"model": "sample", "concurrency": users}
            cell = CellRecord(users, 1, configuration, CellStatus.DONE)
            order = order_of(users=users, prompt=40, output=6, prefill_chunk=16, batch_size=16, ubatch_size=16)
            done = serve(order)
            run = RunRecord(users, users, 1, 1, order, facts=done.facts)
            context = RunContext(order, done.facts, None, None, ())
            figures = run_figures(done.data, context)
            writer.add_cell(cell)
            writer.start_run(run)
            writer.add_requests(users, done.data.requests)
            writer.add_rows(users, "token", done.data.tokens)
            writer.add_rows(users, "step", done.data.steps)
            writer.update_run(replace(run, status=RunStatus.DONE))
            writer.set_run_figures(users, figures)
            writer.set_cell_figures(users, cell_figures([(done.data, context, figures)]), {})
    return path


def exported(path, target, name):
    assert main(["export", str(path), "--to", name, "-o", str(target)]) == 0
    return target.read_text(encoding="utf-8")


def test_the_trace_explains_every_prompt_and_adds_up_to_e2e(measured, tmp_path):
    events = json.loads(exported(measured, tmp_path / "x", "trace"), parse_float=Fraction)["traceEvents"]
    by_lane, by_request, read = defaultdict(list), defaultdict(Fraction), defaultdict(int)
    for event in events:
        if event["ph"] == "X":
            request = event["pid"], event["args"]["request"]
            by_lane[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
            by_request[request] += event["dur"]
            read[request] += event["args"].get("chunk_tokens", 0)
    for spans in by_lane.values():
        assert all(end <= start for (_, end), (start, _) in zip(sorted(spans), sorted(spans)[1:], strict=False))
    with SessionReader.open(measured) as reader:
        for run in reader.runs():
            for row in reader.requests(run.run_id):
                request = run.run_id, int(row["request"])
                assert by_request[request] * 1000 == row["end_ns"] - row["due_ns"]
                assert read[request] == row["prompt_tokens"] == 40
    counters = {event["name"] for event in events if event["ph"] == "C"}
    assert {"batch", "step tokens", "requests", "KV cells"} <= counters


def test_llama_bench_rows_of_the_single_stream_alone(measured, tmp_path, capsys):
    pp, tg = map(json.loads, exported(measured, tmp_path / "x", "llama-bench").splitlines())
    assert "Cell 2 has no row: its requests share the engine." in capsys.readouterr().err
    assert (pp["n_prompt"], pp["n_gen"], pp["n_depth"], len(pp["samples_ns"])) == (40, 0, 0, 2)
    assert (tg["n_prompt"], tg["n_gen"], tg["n_depth"], len(tg["samples_ns"])) == (0, 5, 40, 2)
    with SessionReader.open(measured) as reader:
        requests = reader.requests(1)
    # llama.cpp's own time is most of what the request saw, and no more.
    for ns, row in zip(pp["samples_ns"], requests, strict=True):
        seen_ns = row["first_token_ns"] - row["prefill_start_ns"]
        assert 0.5 * seen_ns < ns <= seen_ns


def test_every_format_tells_the_same_figures(measured, tmp_path, capsys):
    assert assert_equal_figures(tell(measured, tmp_path, capsys)) > 40


def test_a_copy_without_names_shows_the_same_figures(measured, tmp_path, capsys):
    target = tmp_path / "x.inferometer"
    assert main(["export", str(measured), "--to", "session", "-o", str(target), "--anonymize"]) == 0
    capsys.readouterr()
    documents = []
    for path in (measured, target):
        assert main(["show", str(path), "--json"]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    for cell, copied in zip(*(document["cells"] for document in documents), strict=True):
        assert cell["metrics"] == copied["metrics"]
        assert cell["intervals"] == copied["intervals"]
    path = documents[0]["models"][0]["path"]
    assert path.encode() not in target.read_bytes()
    assert (b"ab" * 32) not in target.read_bytes()
