"""Every way in which the engine can die, done to the real engine: what is told, and that the sweep goes on."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from profiler.child.engine_child import EngineChild
from profiler.plan.plan import Plan
from profiler.records.message import MessageKind
from profiler.records.outcome import OutcomeKind
from profiler.records.run_record import CellStatus, RunStatus
from profiler.session.reader import SessionReader
from profiler.sweep.memory_guard import MemoryReading
from profiler.sweep.runner import Runner
from tests.helpers.faulty_engine import faulty_engine
from tests.helpers.memory_group import memory_group
from tests.helpers.scripted_sweep import MACHINE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")

SMALL = {
    "models": {"paths": ["sample"]},
    "load": {"concurrency": [1, 2], "prompt_tokens": [8], "output_tokens": [8], "requests_per_user": 2},
    "engine": {"threads": [1]},
    "trust": {"repetitions": 2},
}


def outcome_of(fault, order, **options):
    with EngineChild(faulty_engine(fault), **options) as child:
        return child.run_job("run", order.to_json()).outcome


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (
            "abort",
            OutcomeKind.CRASHED,
            "abort); other settings or another llama.cpp version may help. Its last words: ggml.c:1234",
        ),
        ("exception", OutcomeKind.FAULT, "'TypeError: the step has no wings'"),
    ],
)
def test_a_death_is_told_with_its_cause_and_the_log(fault, kind, words, order_of):
    outcome = outcome_of(fault, order_of(output=16))
    assert outcome.kind is kind
    assert words in outcome.sentence
    assert outcome.log_tail
    if kind is OutcomeKind.FAULT:
        assert "this is a fault of Inferometer, not of what you did; please report it" in outcome.sentence
        assert any("engine/decode_loop.py:" in line for line in outcome.log_tail)
        assert not any(line.startswith("/") for line in outcome.log_tail), "nobody's folders"


def test_a_model_cut_short_under_its_map_is_told(serve, order_of, sample_model, tmp_path):
    model = tmp_path / "model.gguf"
    shutil.copyfile(sample_model, model)
    order = order_of(path=str(model), output=2000)
    order = dataclasses.replace(order, model=dataclasses.replace(order.model, repack=False))  # all weights stay in the file

    def cut(message):
        if message.kind is MessageKind.STARTED:
            os.truncate(model, 4096)

    with EngineChild() as child:
        outcome = serve(order, child=child, on_message=cut).outcome
    assert outcome.kind is OutcomeKind.CRASHED
    assert "SIGBUS" in outcome.sentence
    assert "truncated" in outcome.sentence


@pytest.mark.long
def test_a_stopped_engine_is_a_hang_and_a_slow_load_is_not(order_of):
    outcome = outcome_of("hang", order_of(), silence_limit_s=1.5)
    assert outcome.kind is OutcomeKind.HUNG
    assert "no sign of life" in outcome.sentence
    assert outcome_of("slow load", order_of(), silence_limit_s=1.8).is_done, "two seconds in C code, with a heartbeat"


@pytest.mark.parametrize("library", ["missing", "text", "of another program"])
def test_a_library_that_cannot_be_used_is_told_with_its_remedy(library, tmp_path):
    if library == "text":
        for name in ("libllama.so", "libllama.dylib"):
            (tmp_path / name).write_text("no library\n")
    elif library != "missing":
        other = next(Path(sys.base_prefix, "lib").rglob("_json*.so"), None) or pytest.skip("no other library at hand")
        shutil.copyfile(other, tmp_path / "libllama.so")
    with EngineChild(environment={"LLAMA_CPP_LIB_PATH": str(tmp_path)}) as child:
        outcome = child.start()
    assert outcome.kind is OutcomeKind.START_FAILED
    assert "llama.cpp's library" in outcome.sentence
    assert f"LLAMA_CPP_LIB_PATH names the folder {tmp_path}: unset it" in outcome.sentence


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_the_kernel_s_oom_killer_is_recognised(order_of):
    with memory_group(150_000_000) as group, EngineChild() as child:
        assert child.start().is_done
        group.add(child.process_id)
        outcome = child.run_job("run", order_of(users=4, ctx_size=8192, kv_unified=False).to_json()).outcome
    assert outcome.kind is OutcomeKind.OUT_OF_MEMORY
    assert "because memory ran out (OOM killer); it held" in outcome.sentence


@pytest.fixture
def swept(tmp_path, monkeypatch):
    """Runs a plan; gives the session's cells, runs and events. The machine is not measured before."""
    monkeypatch.setattr("profiler.sweep.runner.describe_machine", lambda *_, **__: MACHINE)

    def run(**sections):
        document = {name: {**SMALL.get(name, {}), **sections.get(name, {})} for name in SMALL | sections}
        path = tmp_path / "run.inferometer"
        end = Runner(Plan.from_document(document), path, lambda _: None).run()
        assert end.fault == ""
        with SessionReader.open(path) as reader:
            return reader.cells(), reader.runs(), reader.events()

    return run


def test_a_cell_whose_engine_dies_twice_is_given_up_and_the_others_run(monkeypatch, swept):
    monkeypatch.setattr("profiler.child.engine_child.engine_command", lambda: faulty_engine("SIGSEGV"))
    monkeypatch.setenv("INFEROMETER_FAULTY_SLOTS", "2")
    cells, runs, events = swept(trust={"repetitions": 3})
    good, bad = sorted(cells, key=lambda cell: cell.configuration["concurrency"])
    assert good.status is CellStatus.DONE
    assert bad.status is CellStatus.FAILED
    assert bad.reason.endswith("That was the second time: it is not tried again.")
    assert "SIGSEGV" in bad.reason
    assert [run.status for run in runs if run.cell_id == bad.cell_id] == [RunStatus.FAILED] * 2
    assert all(run.log_tail for run in runs if run.cell_id == bad.cell_id)
    told = [event for event in events if event.cell_id == bad.cell_id and event.kind in ("engine died", "cell failed")]
    assert [event.kind for event in told] == ["engine died", "cell failed"]
    assert told[0].sentence.endswith("It is tried once more.")


class Meter:
    """Memory that is there at first and then is not."""

    def __init__(self, *available_bytes):
        self.left = list(available_bytes)

    def __call__(self):
        available = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return MemoryReading(available, 16_000_000_000, 0, None)

    def close(self):
        pass


def test_the_guard_refuses_and_stops_cells(monkeypatch, swept):
    plenty = 8_000_000_000
    # The first run of cell 1 or 2 is refused; the other begins, and is stopped at the second low reading.
    monkeypatch.setattr("profiler.sweep.sweep.MemoryMeter", lambda: Meter(100_000_000, plenty, plenty, 5_000_000))
    cells, runs, _ = swept(load={"output_tokens": [3000]}, trust={"repetitions": 1})
    reasons = [next(cell for cell in cells if cell.cell_id == run.cell_id).reason for run in runs]
    assert [cell.status for cell in cells] == [CellStatus.FAILED] * 2
    assert reasons[0].startswith("Not started, so that the machine does not swap: it needs about")
    assert reasons[1].startswith("Stopped before the machine swaps to a standstill: 5.00 MB of 16.0 GB of main memory were left")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal at a parent's death is Linux's")
def test_not_even_a_stopped_engine_survives_its_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import time
            from profiler.child.engine_child import EngineChild
            child = EngineChild()
            child.start()
            print(child.process_id, flush=True)
            time.sleep(60)
            """
        )
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    engine = psutil.Process(int(parent.stdout.readline()))
    engine.send_signal(signal.SIGSTOP)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the stopped engine outlived its parent by 10 s"
        time.sleep(0.02)


@pytest.mark.long
def test_a_standstill_of_the_whole_program_is_flagged_and_the_run_measured_again(tmp_path):
    session, script = tmp_path / "run.inferometer", tmp_path / "sweep.py"
    script.write_text(
        textwrap.dedent(
            """
            import json, sys
            from pathlib import Path
            from profiler.plan.plan import Plan
            from profiler.sweep import events, runner
            from tests.helpers.scripted_sweep import MACHINE

            def tell(event):
                if isinstance(event, events.RowsArrived) and event.run_id == 1:
                    print("measuring", flush=True)

            runner.describe_machine = lambda *_, **__: MACHINE
            runner.Runner(Plan.from_document(json.loads(sys.argv[1])), Path(sys.argv[2]), tell).run()
            """
        )
    )
    load = {"concurrency": [1], "prompt_tokens": [8], "output_tokens": [60], "requests_per_user": 2}
    plan = json.dumps(SMALL | {"load": load, "trust": {"repetitions": 1}})
    root = Path(__file__).parents[2]
    program = subprocess.Popen(
        [sys.executable, str(script), plan, str(session)],
        stdout=subprocess.PIPE, text=True, start_new_session=True, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert program.stdout.readline() == "measuring\n"
    os.killpg(program.pid, signal.SIGSTOP)
    time.sleep(2)
    os.killpg(program.pid, signal.SIGCONT)
    program.communicate(timeout=60)
    assert program.returncode == 0
    with SessionReader.open(session) as reader:
        runs, told = reader.runs(), [event.sentence for event in reader.events() if event.kind == "flag"]
    assert [run.status for run in runs] == [RunStatus.DONE] * 2
    assert any(flag.startswith("stood still: The program stood still for about ") for flag in runs[0].flags)
    assert not runs[0].is_valid
    assert runs[1].is_valid
    assert any("stood still" in sentence for sentence in told)
