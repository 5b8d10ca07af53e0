"""The command line as its user meets it: processes, exit statuses, standard output and standard error."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from profiler.cli.main import VERBS

ENTRY = [sys.executable, "-m", "app"]
SMALL = ("--threads", "1", "--prompt-tokens", "16", "--output-tokens", "6", "--requests", "4", "--repetitions", "1")


def inferometer(*arguments, timeout=120):
    return subprocess.run(
        [*ENTRY, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, env=os.environ | {"NO_COLOR": "1"}
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A session made by the command, and the document that it printed."""
    path = tmp_path_factory.mktemp("cli") / "a.inferometer"
    done = inferometer("run", "sample", "--concurrency", "1,2", *SMALL, "-o", path, "--json")
    assert done.returncode == 0, done.stderr
    return path, json.loads(done.stdout)


def test_run_prints_one_document_and_progress_elsewhere(measured):
    path, document = measured
    assert document["session"] == str(path)
    assert [cell["config"]["concurrency"] for cell in document["cells"]] == [1, 2]
    assert [cell["status"] for cell in document["cells"]] == ["done", "done"]
    assert document["machine"]["engine"]["llama_cpp_python"]


def test_show_tells_the_same_figures(measured):
    path, document = measured
    shown = inferometer("show", path, "--json")
    assert json.loads(shown.stdout) == document
    table = inferometer("show", path)
    assert table.returncode == 0
    assert "SmolLM2" in table.stdout
    assert "output_tok_s" in table.stdout


def test_an_existing_session_is_refused_and_kept(measured):
    path, _ = measured
    before = path.read_bytes()
    done = inferometer("run", "sample", *SMALL, "-o", path)
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert path.read_bytes() == before


def test_export_writes_json_and_csv(measured, tmp_path):
    path, document = measured
    assert inferometer("export", path, "--to", "json", "-o", tmp_path / "x.json").returncode == 0
    written = json.loads((tmp_path / "x.json").read_text())
    assert written["cells"] == document["cells"]
    assert inferometer("export", path, "--to", "csv", "-o", tmp_path / "x").returncode == 0
    assert {file.name for file in (tmp_path / "x").iterdir()} >= {"cells.csv", "requests.csv", "tokens.csv", "steps.csv"}
    refused = inferometer("export", path, "--to", "docx", "-o", tmp_path / "y")
    assert refused.returncode == 2
    assert "no format 'docx'" in refused.stderr


def test_a_mix_of_classes_has_figures_for_each(tmp_path):
    (tmp_path / "mix.toml").write_text(
        '[[load.classes]]\nname = "chats"\nusers = 2\nprompt_tokens = 12\noutput_tokens = 6\nrequests_per_user = 3\n'
        '[[load.classes]]\nname = "paste"\narrival = "constant"\nrate = 1\nrequests = 1\nprompt_tokens = 100\noutput_tokens = 2\n'
        'slo = "ttft_ms.p95<=60000"\n[engine]\nthreads = [1]\n[trust]\nrepetitions = 1\n'
    )
    path = tmp_path / "mix.inferometer"
    done = inferometer("run", "--plan", tmp_path / "mix.toml", "-o", path, "--json")
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads(done.stdout)["cells"]
    assert cell["config"]["arrival"] == "mix"
    assert set(cell["classes"]) == {"chats", "paste"}
    assert cell["requests"] == {"completed": 7, "failed": 0, "refused": 0, "timed_out": 0, "unfinished": 0}
    assert cell["classes"]["chats"]["itl_ms"]["max"] > 0
    table = inferometer("show", path)
    assert "paste" in table.stdout
    sqlite = sqlite3.connect(path)
    assert dict(sqlite.execute("SELECT class, count(*) FROM request WHERE run_id = 1 GROUP BY class")) == {"chats": 6, "paste": 1}
    sqlite.close()


def test_policies_rates_and_lengths_are_options(tmp_path):
    options = ("--arrival", "poisson", "--rate", "20", "--requests", "6", "--slots", "2", "--batching", "continuous,static")
    options += ("--static-batch-size", "2", "--static-wait-ms", "20", "--prompt-tokens", "uniform:8:16", "--output-tokens", "4")
    done = inferometer(
        "run", "sample", *options, "--threads", "1", "--repetitions", "1", "-o", tmp_path / "p.inferometer", "--json"
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert [(cell["config"]["batching"], cell["config"]["static_wait_ms"]) for cell in cells] == [
        ("continuous", None),
        ("static", 20.0),
    ]
    assert all(cell["config"]["prompt_tokens"] == "uniform:8:16" and cell["status"] == "done" for cell in cells)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--arrival", "poisson"), "--rate must be given"),
        (("--arrival", "sometimes"), "--arrival"),
        (("--prompt-tokens", "uniform:9:3"), "--prompt-tokens"),
        (("--use-case", "nobody"), "--use-case"),
        (("--arrival", "trace", "--trace", "/no/such.csv"), "such.csv"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused_in_a_sentence(options, words, tmp_path):
    done = inferometer("run", "sample", *options, "-o", tmp_path / "z.inferometer")
    assert done.returncode in (1, 2)
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_plan_file_is_run_and_options_beside_it_win(tmp_path):
    (tmp_path / "plan.toml").write_text(
        '[models]\npaths = ["sample"]\n[load]\nconcurrency = [1, 2]\nprompt_tokens = [16]\noutput_tokens = [6]\nrequests = 2\n'
        "[engine]\nthreads = [1]\n[trust]\nrepetitions = 1\n"
    )
    done = inferometer("run", "--plan", tmp_path / "plan.toml", "--concurrency", "2", "-o", tmp_path / "b.inferometer", "--json")
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads(done.stdout)["cells"]
    assert (cell["config"]["concurrency"], cell["config"]["prompt_tokens"]) == (2, 16)


def test_inspect_and_models_know_the_sample():
    told = json.loads(inferometer("inspect", "sample", "--ctx-size", "1000", "--slots", "3", "--json").stdout)
    assert (told["architecture"], told["quantization"], told["context_train"]) == ("llama", "Q4_1", 8192)
    assert told["predicted"]["kv_bytes"] > 0
    assert told["predicted"].keys() >= {"decode_tok_s", "decode_tok_s_low", "decode_tok_s_high", "decode_method"}
    assert "bits per weight" in inferometer("inspect", "sample").stdout
    listed = json.loads(inferometer("models", "--json").stdout)["models"]
    assert any(model["source"] == "sample" for model in listed)


def test_machine_tells_ceilings_and_telemetry():
    told = json.loads(inferometer("machine", "--json").stdout)
    assert told["ceilings"]["bandwidth_gb_s"] > 1
    assert told["ceilings"]["compute_gflop_s"] > 1
    assert told["engine"]["backends"] == ["CPU"] or "CPU" in told["engine"]["backends"]
    text = inferometer("machine").stdout
    assert "GB/s read" in text
    assert "✕ nvml" in text or "✓ nvml" in text


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["show", "none.inferometer"], 1, "none.inferometer"),
        (["show", "rubbish.inferometer"], 1, "rubbish.inferometer"),
        (["inspect", "rubbish.gguf"], 1, "rubbish.gguf"),
        (["run", "none.gguf", "-o", "n"], 1, "There is no file"),
        (["run", "sample"], 2, "-o"),
        (["run", "-o", "n"], 2, "what to measure"),
        (["run", "sample", "--concurrency", "0", "-o", "n"], 2, "--concurrency"),
        (["run", "sample", "--concurrency", "1,,2", "-o", "n"], 2, "--concurrency"),
        (["run", "sample", "--prompt-tokens", "x", "-o", "n"], 2, "--prompt-tokens"),
        (["run", "sample", "--flash-attn", "perhaps", "-o", "n"], 2, "--flash-attn"),
        (["run", "sample", "--slo", "ttft<=1", "-o", "n"], 2, "--slo"),
        (["run", "sample", "--ctx-size", "8", "-o", "n"], 2, "--ctx-size"),
        (["run", "sample", "--no-such-option", "-o", "n"], 2, "--no-such-option"),
        (["run", "sample", "-o", "no/such/folder/n.inferometer", *SMALL], 1, "no/such/folder"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(tmp_path, monkeypatch, arguments, status, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rubbish.inferometer").write_bytes(b"not a database" * 99)
    (tmp_path / "rubbish.gguf").write_bytes(b"GGUF" + b"\xff" * 500)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "NO_COLOR": "1", "COLUMNS": "300"}
    done = subprocess.run([*ENTRY, *arguments], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stdout == ""
    assert not (tmp_path / "n").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to one process is POSIX")
def test_an_interrupted_run_ends_with_130_and_keeps_what_ran(tmp_path):
    path = tmp_path / "i.inferometer"
    run = subprocess.Popen(
        [
            *ENTRY,
            "run",
            "sample",
            "--threads",
            "1",
            "--concurrency",
            "2",
            "--output-tokens",
            "64",
            "--requests",
            "9999",
            "-o",
            path,
        ],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.05)
    time.sleep(2.0)
    run.send_signal(signal.SIGINT)
    assert run.wait(20) == 130
    run.stderr.close()
    (cell,) = json.loads(inferometer("show", path, "--json").stdout)["cells"]
    assert cell["status"] == "partial"
    left = subprocess.run(["ps", "-o", "pid=", "-s", str(run.pid)], capture_output=True, text=True).stdout.strip()
    assert left == ""


def test_help_lists_what_is_built_and_nothing_else():
    text = inferometer("--help").stdout
    named = [line.split()[0] for line in text.partition("Commands:")[2].splitlines() if line.startswith("  ") and line[2] != " "]
    assert set(named) == set(VERBS)
    assert "..." not in text.partition("Commands:")[2], "a line too long for 80 columns"
