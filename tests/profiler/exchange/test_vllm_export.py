import json

import numpy as np
import pytest

from profiler.errors import UnusableArguments
from profiler.exchange.vllm_export import export_vllm
from profiler.plan.plan import Engine, Load, Plan, Trust
from profiler.records.timing import ABSENT_NS
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.golden import assert_golden
from tests.helpers.served_session import write_served_session


def exported(path, target):
    with SessionReader.open(path) as reader:
        remarks = export_vllm(reader, target)
    lines = target.read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_constant=pytest.fail) for line in lines], remarks


def ns(seconds):
    return round(seconds * 1e9)


def test_every_instant_of_requests_and_tokens_comes_back(tmp_path):
    """From the file alone, by what the module says of its keys, with requests that timed out and some that were refused."""
    load = Load(
        arrival=("poisson",),
        rate=(8.0,),
        requests=40,
        slots=(2,),
        prompt_tokens=("uniform:8:200",),
        output_tokens=("uniform:1:60",),
        timeout=1.5,
        queue_limit=4,
    )
    path = write_served_session(
        tmp_path / "a.inferometer", Plan(load=load, trust=Trust(repetitions=2), engine=Engine(threads=(1,)))
    )
    results, remarks = exported(path, tmp_path / "x")
    assert not remarks
    seen = set()
    with SessionReader.open(path) as reader:
        for run, result in zip(reader.runs(), results, strict=True):
            data = reader.run_data(run.run_id)
            ours = result["inferometer"]["requests"]
            assert ours["request"] == data.requests["request"].tolist()
            for name in ("due_ns", "prefill_start_ns", "end_ns"):
                assert [ABSENT_NS if value is None else value for value in ours[name]] == data.requests[name].tolist()
            assert ours["cached_tokens"] == data.requests["cached_tokens"].tolist()
            seen |= set(ours["status"])
            for place, row in enumerate(data.requests):
                sent_ns = ns(result["start_times"][place])
                assert sent_ns == row["sent_ns"]
                assert sent_ns - ns(result["queue_times"][place]) == row["due_ns"]
                assert (result["input_lens"][place], result["output_lens"][place]) == (row["prompt_tokens"], row["output_tokens"])
                assert sent_ns + ns(result["latencies"][place]) == row["end_ns"]
                times_ns = np.sort(data.tokens["time_ns"][data.tokens["request"] == row["request"]])
                if row["first_token_ns"] == ABSENT_NS:
                    assert (result["ttfts"][place], result["itls"][place]) == (None, [])
                    continue
                first_ns = sent_ns + ns(result["ttfts"][place])
                assert [
                    first_ns,
                    *(first_ns + np.cumsum([ns(gap) for gap in result["itls"][place]], dtype=int)),
                ] == times_ns.tolist()
            assert result["errors"] == ["" if status == "completed" else status for status in ours["status"]]
            assert set(result["generated_texts"]) == {""}
    assert {"completed", "timed_out", "refused"} <= seen


def test_figures_by_vllms_definitions(tmp_path, session_file):
    """Run 1: sent 1 ns after due at 1, 2 and 3 ms; two completed 900 ns after due, with 16 prompt and 8 output tokens."""
    first = exported(session_file, tmp_path / "x")[0][0]
    assert (first["num_prompts"], first["completed"], first["failed"]) == (3, 2, 1)
    assert (first["total_input_tokens"], first["total_output_tokens"]) == (32, 16)
    duration_s = (2_000_900 - 1_000_001) / 1e9
    assert first["duration"] == duration_s
    assert first["request_throughput"] == 2 / duration_s
    assert first["total_token_throughput"] == 48 / duration_s
    assert first["mean_ttft_ms"] == pytest.approx(19e-6, rel=1e-12)
    assert first["p99_e2el_ms"] == pytest.approx(899e-6, rel=1e-12)
    assert first["median_tpot_ms"] == pytest.approx(880e-6 / 7, rel=1e-12)
    assert (first["max_concurrency"], first["request_rate"], first["model_id"]) == (2, "inf", "SmolLM2")


def test_runs_without_requests_are_told(tmp_path, session_file):
    results, remarks = exported(session_file, tmp_path / "x")
    assert [result["inferometer"]["run_id"] for result in results] == [1, 2, 4, 5]
    assert remarks == ["Run 3 has no line: it has no requests."]
    assert results[1]["inferometer"]["is_valid"] is False
    assert results[3]["inferometer"]["requests"]["class"] == ["chat", "paste", "chat", "paste"]


def test_golden(tmp_path, session_file):
    exported(session_file, tmp_path / "x")
    assert_golden((tmp_path / "x").read_text(), "known.vllm.jsonl", ignored=("date", "version"))


def test_a_session_without_requests_is_refused(tmp_path):
    with SessionWriter.create(tmp_path / "a.inferometer", plan={}, machine={}):
        pass
    with (
        SessionReader.open(tmp_path / "a.inferometer") as reader,
        pytest.raises(UnusableArguments, match="no run with requests"),
    ):
        export_vllm(reader, tmp_path / "x")
    assert not (tmp_path / "x").exists()
