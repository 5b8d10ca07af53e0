"""A real sweep killed (kill -9) at random moments and gone on with each time, against one that nobody disturbed.

INFEROMETER_KILLS=50 python -m pytest -m soak tests/soak/test_kill_and_resume.py
"""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from profiler.exchange.summary import summary_document
from profiler.records.run_record import RunStatus
from profiler.session.reader import SessionReader

KILLS = int(os.environ.get("INFEROMETER_KILLS", "10"))
SEED = int(os.environ.get("INFEROMETER_SEED", "1"))
REPETITIONS = 6
RUN = ("run", "sample", "--concurrency", "1,2", "--prompt-tokens", "16", "--output-tokens", "24", "--requests", "6",
       "--repetitions", str(REPETITIONS), "--target-percent", "0.1", "--threads", "1")  # fmt: skip

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.skipif(sys.platform == "win32", reason="has no kill -9")]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


def complete(*arguments):
    process = start(*arguments)
    _, told = process.communicate(timeout=600)
    assert process.returncode == 0, told
    return told


def whole_runs(path):
    with SessionReader.open(path) as reader:
        return {run.run_id: len(reader.run_data(run.run_id).tokens) for run in reader.runs() if run.status is RunStatus.DONE}


def test_what_is_killed_and_resumed_ends_with_the_figures_of_an_undisturbed_sweep(tmp_path):
    undisturbed = tmp_path / "undisturbed.inferometer"
    complete(*RUN, "-o", undisturbed)
    moments = random.Random(SEED)
    path = tmp_path / "killed-0.inferometer"
    kills = sweeps = 0
    while kills < KILLS:
        process = start(*RUN, "-o", path) if not path.exists() else start("resume", path)
        while not path.exists() and process.poll() is None:
            time.sleep(0.02)  # nothing is there to be lost before
        try:
            process.wait(timeout=moments.uniform(0.2, 4.0))
        except subprocess.TimeoutExpired:
            before = whole_runs(path)
            kill(process)
            kills += 1
            after = whole_runs(path)
            assert before.items() <= after.items(), "a finished repetition was lost"
            continue
        with process.stderr:
            assert process.returncode == 0, process.stderr.read()
        check(path, undisturbed)
        sweeps += 1
        path = tmp_path / f"killed-{sweeps}.inferometer"
    if path.exists():
        complete("resume", path)
        check(path, undisturbed)


def check(path, undisturbed):
    """The same cells, all done, each repetition once, and figures that differ by no more than such runs do."""
    with SessionReader.open(undisturbed) as reader:
        wanted = summary_document(reader)["cells"]
    with SessionReader.open(path) as reader:
        found = summary_document(reader)["cells"]
        runs = [run for run in reader.runs() if run.status is RunStatus.DONE and run.is_valid]
        joins = [event.data for event in reader.events() if event.kind == "resumed"]
        assert not any(run.status is RunStatus.RUNNING for run in reader.runs())
    assert sorted((run.cell_id, run.repetition) for run in runs) == [(c, r) for c in (1, 2) for r in range(1, REPETITIONS + 1)]
    for mine, theirs in zip(found, wanted, strict=True):
        assert (mine["config"], mine["status"], mine["runs"]) == (theirs["config"], "done", theirs["runs"])
        assert mine["tokens"] == theirs["tokens"]
        ratio = mine["metrics"]["output_tok_s"] / theirs["metrics"]["output_tok_s"]
        print(f"{len(joins)} joins, cell {mine['cell_id']}: output {ratio:.3f} of the undisturbed sweep's")
        assert 0.7 < ratio < 1.4
