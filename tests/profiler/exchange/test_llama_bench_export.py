import json
from dataclasses import replace

import numpy as np
import pytest

from profiler.clock import WallClockAnchor
from profiler.errors import UnusableArguments
from profiler.exchange.llama_bench_export import export_llama_bench
from profiler.records.run_record import RunStatus
from profiler.records.specification import LoadSettings, RequestClass
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, RequestStatus
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.golden import assert_golden

FIELDS = [
    "build_commit", "build_number", "cpu_info", "gpu_info", "backends", "model_filename", "model_type", "model_size",
    "model_n_params", "n_batch", "n_ubatch", "n_threads", "cpu_mask", "cpu_strict", "poll", "type_k", "type_v",
    "n_gpu_layers", "n_cpu_moe", "split_mode", "main_gpu", "no_kv_offload", "flash_attn", "devices", "tensor_split",
    "tensor_buft_overrides", "load_mode", "lazy_mode", "embeddings", "no_op_offload", "no_host", "repack", "fit_target",
    "fit_min_ctx", "n_prompt", "n_gen", "n_depth", "test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts", "samples_ns",
    "samples_ts",
]  # fmt: skip
MS = 1_000_000
MACHINE = {
    "cpu": {"name": "Some CPU"},
    "devices": [{"name": "Some GPU", "kind": "gpu"}, {"name": "Some CPU", "kind": "cpu"}],
    "engine": {"llama_cpp_python": "0.3.36", "backends": ["CPU"]},
}
ALONE = RequestClass(arrival="closed", users=1, prompt_tokens="16", output_tokens="4", requests=2)


def one_request(number, begin_ms, read_ms, gap_ms):
    """A prompt of 16 read in two steps of `read_ms`, of which 1 ms is not llama.cpp's, then 3 decodes of `gap_ms` likewise."""
    steps = np.zeros(5, STEP_DTYPE)
    lengths_ms = [read_ms, read_ms, gap_ms, gap_ms, gap_ms]
    ends_ms = begin_ms + np.cumsum(lengths_ms)
    steps["end_ns"], steps["start_ns"] = ends_ms * MS, (ends_ms - lengths_ms) * MS
    steps["decode_ns"] = steps["end_ns"] - steps["start_ns"] - MS
    steps["prefill_tokens"], steps["decode_tokens"], steps["sequences"] = (8, 8, 0, 0, 0), (0, 0, 1, 1, 1), 1
    request = np.zeros(1, REQUEST_DTYPE)
    request["request"], request["status"], request["turn"] = number, RequestStatus.COMPLETED, 1
    request["due_ns"] = request["sent_ns"] = request["prefill_start_ns"] = begin_ms * MS
    request["first_token_ns"], request["end_ns"] = ends_ms[1] * MS, ends_ms[-1] * MS
    request["prompt_tokens"], request["output_tokens"] = 16, 4
    return request, steps


def written(path, records, *, load=None, slots=1, alter=None):
    """One cell with one run of two requests: prompts in 2 × 9 ms and 2 × 11 ms, decodes in 3 × 5 ms each, of llama.cpp's time."""
    specification = replace(
        records.specification,
        load=load or LoadSettings((ALONE,), depth=32),
        context=replace(records.specification.context, slots=slots, threads=2, threads_batch=4),
    )
    parts = [one_request(0, 0, 10, 6), one_request(1, 100, 12, 6)]
    requests, steps = (np.concatenate(column) for column in zip(*parts, strict=True))
    if alter is not None:
        alter(requests, steps)
    run = records.run(
        1, 1, specification=specification, anchor=WallClockAnchor(5, "2026-01-02T03:04:05.678+00:00"), facts=records.facts
    )
    with SessionWriter.create(path, plan={}, machine=MACHINE, title="Known") as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
        writer.start_run(run)
        writer.add_requests(1, requests)
        writer.add_rows(1, "step", steps)
        writer.update_run(replace(run, status=RunStatus.DONE, flags=("short: the window is short",)))
    return path


def exported(path, target):
    with SessionReader.open(path) as reader:
        remarks = export_llama_bench(reader, target)
    return [json.loads(line, parse_constant=pytest.fail) for line in target.read_text(encoding="utf-8").splitlines()], remarks


def test_the_two_tests_of_a_cell(tmp_path, records):
    (pp, tg), remarks = exported(written(tmp_path / "a.inferometer", records), tmp_path / "x")
    assert not remarks
    assert (pp["n_prompt"], pp["n_gen"], pp["n_depth"]) == (16, 0, 32)
    assert pp["samples_ns"] == [18 * MS, 22 * MS]
    assert pp["samples_ts"] == pytest.approx([16 / 0.018, 16 / 0.022], rel=1e-12)
    assert (pp["avg_ns"], pp["stddev_ns"]) == (20 * MS, round(np.std([18 * MS, 22 * MS], ddof=1)))
    assert pp["avg_ts"] == pytest.approx((16 / 0.018 + 16 / 0.022) / 2, rel=1e-12)
    assert (tg["n_prompt"], tg["n_gen"], tg["n_depth"]) == (0, 3, 48), "4 tokens take 3 decodes, which begin behind the prompt"
    assert (tg["samples_ns"], tg["avg_ts"], tg["stddev_ts"]) == ([15 * MS, 15 * MS], pytest.approx(200.0, rel=1e-12), 0.0)
    assert (pp["n_threads"], tg["n_threads"]) == (4, 2)


def test_the_fields_are_llama_benchs_in_its_order(tmp_path, records):
    (pp, tg), _ = exported(written(tmp_path / "a.inferometer", records), tmp_path / "x")
    assert list(pp) == list(tg) == [*FIELDS, "inferometer"]
    assert (pp["model_filename"], pp["model_type"]) == ("/models/small.gguf", "llama 135M Q4_1")
    assert pp["model_size"] == round(5.83 * 134_515_008 / 8)
    assert (pp["cpu_info"], pp["gpu_info"], pp["backends"]) == ("Some CPU", "Some GPU", "CPU")
    assert (pp["flash_attn"], pp["no_kv_offload"], pp["load_mode"], pp["build_number"]) == (-1, False, "mmap", None)
    assert pp["inferometer"]["run_ids"] == [1]
    assert pp["inferometer"]["flags"] == ["short: the window is short"]


def test_golden(tmp_path, records):
    exported(written(tmp_path / "a.inferometer", records), tmp_path / "x")
    assert_golden((tmp_path / "x").read_text(), "known.llama-bench.jsonl", ignored=("version",))


@pytest.mark.parametrize(
    ("load", "slots", "reason"),
    [
        (LoadSettings((replace(ALONE, users=2),)), 2, "share the engine"),
        (LoadSettings((replace(ALONE, arrival="poisson", users=0, rate_s=1.0),)), 2, "share the engine"),
        (LoadSettings((replace(ALONE, prompt_tokens="uniform:8:16"),)), 1, "lengths vary"),
        (LoadSettings((replace(ALONE, turns=3),)), 1, "conversations"),
        (LoadSettings((ALONE,), prefix_cache=True), 1, "prefix cache"),
        (LoadSettings((ALONE,), depth=8), 4, "idle slots hold tokens too"),
        (LoadSettings((replace(ALONE, name="a"), replace(ALONE, name="b"))), 1, "a mix"),
    ],
)
def test_what_llama_bench_would_not_measure_is_left_out(tmp_path, records, load, slots, reason):
    path = written(tmp_path / "a.inferometer", records, load=load, slots=slots)
    with SessionReader.open(path) as reader, pytest.raises(UnusableArguments, match=rf"nothing that .* \(cell 1: .*{reason}\)"):
        export_llama_bench(reader, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_request_that_was_not_alone_is_no_sample(tmp_path, records):
    def alter(requests, steps):
        steps["sequences"][8] = 2  # a decode of the second request

    (pp, tg), _ = exported(written(tmp_path / "a.inferometer", records, alter=alter), tmp_path / "x")
    assert (pp["samples_ns"], tg["samples_ns"]) == ([18 * MS], [15 * MS])
    assert (pp["stddev_ns"], pp["stddev_ts"]) == (0, 0.0)


def test_cells_without_a_row_are_told(tmp_path, records):
    path = written(tmp_path / "a.inferometer", records)
    with SessionWriter.open(path) as writer:
        writer.add_cell(records.cell(2))
    _, remarks = exported(path, tmp_path / "x")
    assert remarks == ["Cell 2 has no row: it has no valid run."]
