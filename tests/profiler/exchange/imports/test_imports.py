"""Files written by hand after the tools' field lists, and what their numbers come to by our definitions, computed by hand."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.errors import BadFile, InferometerError, UnusableArguments
from profiler.exchange.imports import source as source_module
from profiler.exchange.imports.import_file import import_file, read_import
from profiler.exchange.imports.llama_bench import quantization
from profiler.exchange.imports.origin import IMPORTED_FROM, imported_tool
from profiler.exchange.summary import summary_document
from profiler.records.timing import ABSENT_NS
from profiler.session.reader import SessionReader

GOLDEN = Path(__file__).parents[3] / "golden" / "imports"
MS = 1_000_000


def imported(name, tmp_path):
    import_file(GOLDEN / name, tmp_path / "a.inferometer")
    with SessionReader.open(tmp_path / "a.inferometer") as reader:
        return summary_document(reader), reader.events(), reader.meta()


@pytest.mark.parametrize("name", ["llama-bench.json", "llama-bench.jsonl", "llama-bench.csv", "llama-bench.sql"])
def test_llama_bench(tmp_path, name):
    document, events, meta = imported(name, tmp_path)
    pp, tg, pg = document["cells"]
    has_samples = "json" in name
    assert [cell["runs"] for cell in document["cells"]] == ([3, 2, 1] if has_samples else [1, 1, 1])
    assert [
        (cell["config"]["prompt_tokens"], cell["config"]["output_tokens"], cell["config"]["depth"]) for cell in (pp, tg, pg)
    ] == [
        (512, 0, 0),
        (0, 128, 512),
        (512, 128, 0),
    ]
    # 512 tokens in 240, 254 and 256 ms: the median of the rates is that of 254 ms; without samples the mean is all there is.
    assert pp["metrics"]["prompt_tok_s"] == pytest.approx(512 / 0.254 if has_samples else 2065.0)
    assert pp["metrics"]["output_tok_s"] is None
    assert pp["metrics"]["ttft_ms"] is None
    # 128 calls in 1.28 and 1.6 s: 100 and 80 a second, 10 and 12.5 ms each.
    assert tg["metrics"]["output_tok_s"] == tg["metrics"]["user_tok_s"] == pytest.approx(90.0 if has_samples else 99.0)
    if has_samples:
        assert (tg["metrics"]["tpot_ms"]["mean"], tg["metrics"]["tpot_ms"]["n"]) == (pytest.approx(11.25), 2)
        assert pp["metrics"]["prefill_ms"]["p50"] == pytest.approx(254.0)
    # Both phases in 1.6 s: each rate is of the whole.
    assert pg["metrics"]["prompt_tok_s"] == pytest.approx(320.0)
    assert pg["metrics"]["output_tok_s"] == pytest.approx(80.0)
    assert pg["metrics"]["tpot_ms"] is None
    config = pp["config"]
    assert (config["model"], config["quant"], config["threads"], config["n_gpu_layers"]) == ("tiny-1b-Q4_K_M", "Q4_K_M", 8, 999)
    assert (config["flash_attn"], config["mmap"], config["kv_offload"], config["op_offload"]) == ("on", "on", "on", "on")
    assert (config["batching"], config["ctx_size"], config["kv_unified"]) == (None, None, None)
    assert document["models"][0]["bits_per_weight"] == pytest.approx(8 * 8e8 / 1.24e9)
    machine = document["machine"]
    assert (machine["cpu"]["name"], machine["cpu"]["logical_cores"], machine["memory"]["total_bytes"]) == (
        "Example CPU 8-Core",
        None,
        None,
    )
    assert [(device["name"], device["backend"], device["vram_total_bytes"]) for device in machine["devices"]] == [
        ("Example GPU", "CUDA", None)
    ]
    assert document["created"] == "2026-03-04T05:06:07.000+00:00"
    told = json.loads(meta[IMPORTED_FROM])
    assert (told["tool"], told["file"], "no request times" in told["lacks"]) == ("llama-bench", name, True)
    assert all(cell["flags"][0].startswith("imported: Read from") for cell in document["cells"])
    kept = next(event.data["fields"] for event in events if event.kind == "imported" and event.cell_id == 1)
    assert kept["build_commit"] == "8f1abcd"
    assert kept.get("a_field_of_tomorrow") == ("kept" if has_samples else None)


def test_rows_of_one_test_are_one_cell(tmp_path):
    rows = json.loads((GOLDEN / "llama-bench.json").read_text())
    (tmp_path / "twice.json").write_text(
        json.dumps([rows[1], {**rows[1], "test_time": "2026-03-05T05:06:17Z"}, {**rows[1], "n_batch": 64}])
    )
    assert [len(cell.runs) for cell in read_import(tmp_path / "twice.json").cells] == [4, 2]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("llama 1B Q4_K - Medium", "Q4_K_M"),
        ("qwen2 1.5B Q8_0", "Q8_0"),
        ("llama 7B mostly Q5_K - Small (guessed)", "Q5_K_S"),
        ("llama 135M Q4_1", "Q4_1"),
        ("gemma 2B IQ4_XS - 4.25 bpw", "IQ4_XS"),
        ("llama 1B all F32", "F32"),
        ("llama 1B BF16", "BF16"),
        ("gpt-oss 20B MXFP4 MoE", "MXFP4"),
        ("something else", None),
    ],
)
def test_the_quantization_in_llama_benchs_words(words, name):
    assert quantization(words) == name


def test_batched_bench(tmp_path):
    document, events, _ = imported("batched-bench.jsonl", tmp_path)
    four, eight = document["cells"]
    # 4 × 50 tokens in 2.5 s; 4 × 100 prompt tokens in the same; each answer grows by 50 tokens in 2 s.
    assert four["metrics"]["output_tok_s"] == pytest.approx(80.0)
    assert four["metrics"]["prompt_tok_s"] == pytest.approx(160.0)
    assert four["metrics"]["user_tok_s"] == pytest.approx(25.0)
    assert four["metrics"]["requests_s"] == pytest.approx(1.6)
    # The shared prompt was read once: 100 tokens in 4 s.
    assert eight["metrics"]["prompt_tok_s"] == pytest.approx(25.0)
    assert (eight["config"]["arrival"], eight["config"]["slots"], eight["config"]["shared_prefix"]) == ("offline", 8, 1.0)
    assert four["config"]["model"] is None
    assert document["machine"]["cpu"]["name"] is None
    assert [event.data["fields"]["speed_tg"] for event in events if event.kind == "imported"] == [100.0, 114.285714]


def test_vllm_request_by_request(tmp_path):
    """Sent at 0.5, 1.0 and 1.25 s of a clock of its own, the second 0.25 s after it was due: the earliest due is 0."""
    document, _, _ = imported("vllm.json", tmp_path)
    with SessionReader.open(tmp_path / "a.inferometer") as reader:
        data = reader.run_data(1)
    assert data.requests["sent_ns"].tolist() == [0, 500 * MS, 750 * MS]
    assert data.requests["due_ns"].tolist() == [0, 250 * MS, 750 * MS]
    assert data.requests["first_token_ns"].tolist() == [200 * MS, 750 * MS, ABSENT_NS]
    assert data.requests["end_ns"].tolist() == [600 * MS, 1000 * MS, ABSENT_NS]
    assert data.requests["prefill_start_ns"].tolist() == [ABSENT_NS] * 3
    assert data.requests["status"].tolist() == [1, 1, 2]
    assert data.tokens["time_ns"].tolist() == [200 * MS, 300 * MS, 600 * MS, 750 * MS, 1000 * MS]
    (cell,) = document["cells"]
    assert (cell["requests"]["completed"], cell["requests"]["failed"]) == (2, 1)
    assert (cell["config"]["arrival"], cell["config"]["rate"]) == ("poisson", 2.0)
    # tpot: 400 ms over two steps, 250 ms over one; first tokens 200 and 500 ms after due, and one that never came.
    metrics = cell["metrics"]
    assert (metrics["ttft_ms"]["p50"], metrics["ttft_ms"]["mean"], metrics["ttft_ms"]["n"]) == (500.0, None, 2)
    assert metrics["tpot_ms"]["n"] == 2
    assert (metrics["user_tok_s"], metrics["output_tok_s"]) == (pytest.approx(3 / 0.65), pytest.approx(5.0))
    for untold in ("prompt_tok_s", "queue_ms", "prefill_ms", "batch_occupancy", "evictions", "rss_peak_bytes"):
        assert metrics[untold] is None, untold


def test_a_chunk_of_several_tokens_leaves_no_rate_of_tokens(tmp_path):
    result = json.loads((GOLDEN / "vllm.json").read_text())
    result["itls"][0] = [0.4]
    (tmp_path / "x.json").write_text(json.dumps(result))
    import_file(tmp_path / "x.json", tmp_path / "a.inferometer")
    with SessionReader.open(tmp_path / "a.inferometer") as reader:
        (cell,) = summary_document(reader)["cells"]
    assert cell["metrics"]["output_tok_s"] is None
    assert cell["metrics"]["itl_ms"] is None
    assert cell["metrics"]["user_tok_s"] == pytest.approx(3 / 0.65)
    assert "no time of every token" in cell["flags"][0]


def test_vllm_summary(tmp_path):
    (cell,) = imported("vllm-summary.json", tmp_path)[0]["cells"]
    assert cell["metrics"]["tpot_ms"] == {
        "mean": 225.0,
        "p50": 225.0,
        "p90": None,
        "p95": None,
        "p99": 249.5,
        "max": None,
        "n": 2,
    }
    assert cell["metrics"]["prompt_tok_s"] == pytest.approx(16.0)
    assert cell["metrics"]["e2e_ms"] is None


def test_guidellm(tmp_path):
    document, events, _ = imported("guidellm.json", tmp_path)
    (cell,) = document["cells"]
    assert cell["metrics"]["ttft_ms"] == {
        "mean": 120.0,
        "p50": 100.0,
        "p90": 180.0,
        "p95": 190.0,
        "p99": 199.0,
        "max": 200.0,
        "n": 40,
    }
    assert cell["metrics"]["tpot_ms"]["p50"] == 9.0, "its inter-token latency, not its time per output token"
    assert cell["metrics"]["itl_ms"] is None
    assert cell["metrics"]["e2e_ms"]["p95"] == pytest.approx(1900.0)
    assert (cell["metrics"]["output_tok_s"], cell["metrics"]["requests_s"]) == (320.0, 2.5)
    assert (cell["config"]["arrival"], cell["config"]["concurrency"]) == ("closed", 4)
    kept = next(event.data["fields"] for event in events if event.kind == "imported")
    assert kept["time_per_output_token_ms.mean"] == 14.0


def test_aiperf_records(tmp_path):
    imported("aiperf.jsonl", tmp_path)
    with SessionReader.open(tmp_path / "a.inferometer") as reader:
        data, figures = reader.run_data(1), reader.run_figures(1)
    assert data.requests["sent_ns"].tolist() == [0, 100 * MS]
    assert data.requests["end_ns"].tolist() == [80 * MS, 175 * MS]
    assert data.tokens["time_ns"].tolist() == [50 * MS, 60 * MS, 80 * MS, 160 * MS, 175 * MS]
    assert figures["ttft_ms"]["mean"] == pytest.approx(55.0)
    assert figures["itl_ms"]["max"] == pytest.approx(20.0)


def test_aiperf_summary(tmp_path):
    (cell,) = imported("aiperf-summary.json", tmp_path)[0]["cells"]
    assert (cell["metrics"]["ttft_ms"]["p95"], cell["metrics"]["ttft_ms"]["n"]) == (190.0, 40)
    assert (cell["metrics"]["tpot_ms"]["mean"], cell["metrics"]["output_tok_s"]) == (10.0, 320.0)


def test_an_import_of_ours_is_none():
    assert imported_tool({}) == imported_tool({IMPORTED_FROM: "[" * 5000}) == imported_tool({IMPORTED_FROM: "[1]"}) == ""


ROW = json.loads((GOLDEN / "llama-bench.json").read_text())[1]
VLLM = json.loads((GOLDEN / "vllm.json").read_text())
SQL = (GOLDEN / "llama-bench.sql").read_text()
BAD = {
    "empty": "",
    "words": "hello there",
    "other json": '{"a": 1}',
    "a number": "[1, 2]",
    "cut off": json.dumps([ROW])[:-40],
    "deep": "[" * 100_000,
    "deep but closed": "[" * 500 + "]" * 500,
    "no time": json.dumps({**ROW, "samples_ns": [], "samples_ts": [], "avg_ts": None, "avg_ns": None}),
    "time of nothing": json.dumps({**ROW, "samples_ns": [0]}),
    "endless": json.dumps({**ROW, "samples_ns": [float("inf")]}),
    "negative": json.dumps({**ROW, "n_gen": -1}),
    "no test": json.dumps({**ROW, "n_gen": 0}),
    "mixed": json.dumps(ROW) + "\n" + json.dumps(VLLM),
    "lists apart": json.dumps({**VLLM, "itls": []}),
    "gap of words": json.dumps({**VLLM, "itls": [["a", 0.3], [0.25], []]}),
    "gap backwards": json.dumps({**VLLM, "itls": [[-0.1, 0.3], [0.25], []]}),
    "nested gaps": json.dumps({**VLLM, "itls": [[[0.1], 0.3], [0.25], []]}),
    "tokens of words": json.dumps({**VLLM, "output_lens": ["x", 2, 0]}),
    "too many tokens": json.dumps({**VLLM, "output_lens": [2**40, 2, 0]}),
    "our columns apart": json.dumps({**VLLM, "inferometer": {"requests": {"due_ns": [1]}}}),
    "our instants": json.dumps({**VLLM, "inferometer": {"requests": {"due_ns": [1, 2.5, 3]}}}),
    "one number twice": json.dumps({**VLLM, "inferometer": {"requests": {"request": [1, 1, 2]}}}),
    "foreign sql": SQL + "DROP TABLE llama_bench;\n",
    "sql behind": SQL.replace("');\n", "'); ATTACH 'x' AS y;\n", 1),
    "sql select": SQL.replace("VALUES ('8f1abcd'", "VALUES ((SELECT 1)", 1),
    "csv cut off": (GOLDEN / "llama-bench.csv").read_text()[:-300],
    "csv no rows": (GOLDEN / "llama-bench.csv").read_text().partition("\n")[0] + "\n",
    "no batch": '{"pp": 1, "tg": 1, "pl": 0, "t_pp": 1, "t_tg": 1}',
    "no instants": '{"metadata": {"request_start_ns": null}, "metrics": {}}',
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_a_sentence_and_no_session(tmp_path, name):
    (tmp_path / "x").write_text(BAD[name])
    with pytest.raises(BadFile) as told:
        import_file(tmp_path / "x", tmp_path / "a.inferometer")
    assert str(told.value).endswith(".")
    assert len(str(told.value)) < 700
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_no_ordinary_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "absent"):
        with pytest.raises(InferometerError):
            read_import(path)
    (tmp_path / "x").write_bytes(b"\xff\xfe{}")
    with pytest.raises(BadFile, match="not text"):
        read_import(tmp_path / "x")


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_VALUES", "MOST_GROUPS"])
def test_limits(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(source_module, limit, 2)
    (tmp_path / "x").write_text("[{},{},{},{}]")
    with pytest.raises(BadFile, match="can be imported"):
        read_import(tmp_path / "x")


def test_an_existing_target_is_refused(tmp_path):
    target = tmp_path / "a.inferometer"
    import_file(GOLDEN / "llama-bench.json", target)
    with pytest.raises(UnusableArguments, match="exists"):
        import_file(GOLDEN / "vllm.json", target)
    import_file(GOLDEN / "vllm.json", target, force=True)
    with SessionReader.open(target) as reader:
        assert imported_tool(reader.meta()) == "vLLM bench serve"
    (tmp_path / "x.json").write_text(json.dumps([ROW]))
    with pytest.raises(UnusableArguments, match="is the file to import"):
        import_file(tmp_path / "x.json", tmp_path / "x.json", force=True)
    assert json.loads((tmp_path / "x.json").read_text()) == [ROW]


def test_llama_benchs_sql_is_what_sqlite_takes(tmp_path):
    """Our reading of the golden SQL against SQLite's own, which a test may have carry it out."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(SQL)
        connection.row_factory = sqlite3.Row
        theirs = [dict(row) for row in connection.execute("SELECT * FROM llama_bench")]
    assert [dict(cell.kept) for cell in read_import(GOLDEN / "llama-bench.sql").cells] == theirs


WORST = {
    "empty lists": "[" + "[]," * 399_000 + "{}]",
    "short words": '{"a": [' + '"ab",' * 2_400_000 + '""]}',
    "big numbers": '{"a": [' + "9" * 4000 + ("," + "9" * 4000) * 10_000 + "]}",
    "small objects": "\n".join(['{"a":1}'] * 399_000),
}


@pytest.mark.parametrize("name", WORST)
def test_what_a_refused_file_may_cost(tmp_path, name):
    """Within 500 MB beyond the program itself, and 5 s of processor time, in a process of its own."""
    (tmp_path / "x.json").write_text(WORST[name])
    code = (
        "import resource, sys; from pathlib import Path; from profiler.errors import BadFile\n"
        "from profiler.exchange.imports.import_file import read_import\n"
        "before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_SELF).ru_utime\n"
        "try:\n    read_import(Path(sys.argv[1]))\nexcept BadFile: pass\n"
        "else: sys.exit('was taken')\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(used.ru_maxrss - before, used.ru_utime - begun)"
    )
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.json")], capture_output=True, text=True, check=True)
    kilobytes, seconds = map(float, told.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    assert kilobytes * unit < 500e6
    assert seconds < 5
