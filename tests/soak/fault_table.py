"""Injects every fault of the engine several times and prints what came of it.

python -m tests.soak.fault_table [TIMES]

Each fault is put into the real engine with the real sample model. Rows: fault, how it was injected, how often, the outcomes with
their counts, the sentence that was shown (of the first time). A row whose outcome is not what it should be ends with "!".
"""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from profiler.child.engine_child import EngineChild
from profiler.models.sample import sample_model_path
from profiler.plan.plan import Plan
from profiler.records.message import Message, MessageKind
from profiler.records.outcome import Outcome, OutcomeKind
from profiler.records.specification import ContextSettings, LoadSettings, ModelSettings, RequestClass, RunSpecification
from profiler.session.reader import SessionReader
from profiler.sweep import runner
from profiler.sweep.memory_guard import MemoryReading
from tests.helpers.faulty_engine import FAULTS, faulty_engine
from tests.helpers.memory_group import memory_group
from tests.helpers.scripted_sweep import MACHINE

Told = tuple[str, str]
"""How it ended, and the sentence."""

ROOT = Path(__file__).parents[2]
SILENCE_S = 2.0

EXPECTED = dict.fromkeys(("bad version", "bad kind", "huge frame", "bad rows", "bad counts", "bad document", "empty failure",
                          "plain text"), OutcomeKind.GARBLED) | {
    "hang": OutcomeKind.HUNG, "exception": OutcomeKind.FAULT, "no memory": OutcomeKind.OUT_OF_MEMORY,
}  # fmt: skip


def order(path: Path | None = None, *, slots: int = 1, ctx_size: int = 256, output: int = 16) -> RunSpecification:
    context = ContextSettings(slots, ctx_size, 512, 512, 1, 1, "auto", "f16", "f16", False)
    each = RequestClass(arrival="closed", users=slots, prompt_tokens="8", output_tokens=str(output), requests_per_user=2)
    return RunSpecification(ModelSettings(str(path or sample_model_path()), 0, True), context, LoadSettings((each,)))


def told(outcome: Outcome) -> Told:
    return str(outcome.kind), outcome.sentence


def run(child: EngineChild, asked: RunSpecification, on_started: Callable[[], None] | None = None) -> Told:
    def hear(message: Message) -> None:
        if message.kind is MessageKind.ROWS:
            message.tables()
        elif message.kind is MessageKind.STARTED and on_started is not None:
            on_started()

    return told(child.run_job("run", asked.to_json(), on_message=hear).outcome)


def put_in(fault: str) -> Told:
    with EngineChild(faulty_engine(fault), silence_limit_s=SILENCE_S) as child:
        return run(child, order())


def signalled(number: int) -> Told:
    with EngineChild(silence_limit_s=SILENCE_S) as child:
        child.start()
        return run(child, order(output=240), lambda: os.kill(child.process_id or 0, number))


def truncated() -> Told:
    with tempfile.TemporaryDirectory() as folder, EngineChild() as child:
        model = Path(shutil.copyfile(sample_model_path(), Path(folder) / "model.gguf"))
        asked = order(model, output=240)
        asked = dataclasses.replace(asked, model=dataclasses.replace(asked.model, repack=False))
        return run(child, asked, lambda: os.truncate(model, 4096))


def out_of_memory() -> Told:
    with memory_group(150_000_000) as group, EngineChild() as child:
        child.start()
        group.add(child.process_id or 0)
        return run(child, order(slots=4, ctx_size=8192))


def address_space() -> Told:
    limited = ["sh", "-c", f"ulimit -v 1500000; exec {sys.executable} -m profiler.engine"]
    with EngineChild(limited) as child:
        return run(child, order(slots=8, ctx_size=8192))


def library(make: Callable[[Path], None]) -> Told:
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        with EngineChild(environment={"LLAMA_CPP_LIB_PATH": folder}) as child:
            kind, sentence = told(child.start())
            return kind, sentence.replace(folder, "FOLDER")


def other_library(folder: Path) -> None:
    shutil.copyfile(next(Path(sys.base_prefix, "lib").rglob("_json*.so")), folder / "libllama.so")


def cut_library(folder: Path) -> None:
    import llama_cpp

    whole = Path(llama_cpp.__file__).parent / "lib/libllama.so"
    (folder / "libllama.so").write_bytes(whole.read_bytes()[:200_000])


def no_program() -> Told:
    return told(EngineChild(["/no/such/program"]).start())


PARENT = """
import sys
from profiler.child.engine_child import EngineChild
from tests.soak.fault_table import order
child = EngineChild()
child._write = (lambda write: lambda frame: (print(child.process_id, flush=True), write(frame)))(child._write)
child.run_job("run", order(output=240).to_json())
"""


def parent_killed(*, after_s: float, stopped: bool = False) -> Told:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    engine = psutil.Process(int(parent.stdout.readline()))
    time.sleep(after_s)
    if stopped:
        engine.send_signal(signal.SIGSTOP)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    begin = time.monotonic()
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() - begin > 10:
            engine.kill()
            return "orphan", ""
        time.sleep(0.01)
    return "no orphan", ""


def swept(engine: list[str] | None = None, slots: str = "2", meter: Callable[[], object] | None = None, output: int = 16) -> Told:
    """Two cells; what became of each, and why."""
    from profiler.child import engine_child
    from profiler.sweep import sweep

    command, real_meter = engine_child.engine_command, sweep.MemoryMeter
    os.environ["INFEROMETER_FAULTY_SLOTS"] = slots
    if engine is not None:
        engine_child.engine_command = lambda: engine
    if meter is not None:
        sweep.MemoryMeter = meter  # type: ignore[assignment, misc]
    runner.describe_machine = lambda *_, **__: MACHINE  # type: ignore[assignment]
    load = {"concurrency": [1, 2], "prompt_tokens": [8], "output_tokens": [output], "requests_per_user": 2}
    plan = {"models": {"paths": ["sample"]}, "load": load, "engine": {"threads": [1]}, "trust": {"repetitions": 2}}
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.inferometer"
            runner.Runner(Plan.from_document(plan), path, lambda _: None).run()
            with SessionReader.open(path) as reader:
                cells = reader.cells()
    finally:
        engine_child.engine_command, sweep.MemoryMeter = command, real_meter  # type: ignore[misc]
        del os.environ["INFEROMETER_FAULTY_SLOTS"]
    states = Counter(str(cell.status) for cell in cells)
    reasons = [cell.reason for cell in cells if cell.reason]
    sentence = max(reasons, key=lambda reason: reason.startswith("Stopped"), default="")
    return " ".join(f"{count} {state}" for state, count in sorted(states.items())), sentence


class Meter:
    """Memory as a list has it; the last entry stays."""

    def __init__(self, *available_bytes: int) -> None:
        self._left = list(available_bytes)

    def __call__(self) -> MemoryReading:
        available = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        return MemoryReading(available, 16_000_000_000, 0, None)

    def close(self) -> None:
        pass


LIMITED = """
from tests.soak.fault_table import swept
print("|".join(swept()))
"""


def really_limited() -> Told:
    """A whole sweep whose processes all lie in one group."""
    with memory_group(300_000_000) as group:
        enter = f"echo $$ > {group.folder}/cgroup.procs; exec {sys.executable} -c '{LIMITED}'"
        done = subprocess.run(["sh", "-c", enter], capture_output=True, text=True, cwd=ROOT)
    state, _, sentence = done.stdout.strip().rpartition("\n")[2].partition("|")
    return state or f"status {done.returncode}", sentence


HOG = """
import os, time
from profiler.hardware.control_group import memory_left_bytes
held, parent = [], os.getppid()
while os.getppid() == parent:
    if memory_left_bytes() > 9_000_000:
        held.append(bytearray(b"x" * 4_000_000))
    time.sleep(0.02)
"""


def eaten_up() -> Told:
    """Another program of the group takes its memory while a long run is on: the run under way is stopped, the other refused."""
    script = f"""
import subprocess, sys
from tests.soak import fault_table
hog = subprocess.Popen([sys.executable, "-c", {HOG!r}], stdout=subprocess.DEVNULL)
try:
    print("|".join(fault_table.swept(output=4000)))
finally:
    hog.kill()
"""
    with memory_group(900_000_000) as group, tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(script)
        file.flush()
        enter = f"echo $$ > {group.folder}/cgroup.procs; exec {sys.executable} {file.name}"
        done = subprocess.run(
            ["sh", "-c", enter], capture_output=True, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
    state, _, sentence = done.stdout.strip().rpartition("\n")[2].partition("|")
    return state or f"status {done.returncode}", sentence


def rows() -> list[tuple[str, str, str, Callable[[], Told]]]:
    """Fault, how it is injected, the outcome that is right, and the deed."""
    table: list[tuple[str, str, str, Callable[[], Told]]] = [
        (
            fault,
            "inside a step of the real engine",
            str(EXPECTED.get(fault, OutcomeKind.CRASHED)),
            lambda fault=fault: put_in(fault),
        )
        for fault in FAULTS
        if fault != "empty start"
    ]
    plenty = 8_000_000_000
    table += [
        ("killed from outside", "kill -9 while measuring", "crashed", lambda: signalled(signal.SIGKILL)),
        ("stopped from outside", "SIGSTOP while measuring", "hung", lambda: signalled(signal.SIGSTOP)),
        ("model cut short", "truncate() of the mapped file", "crashed", truncated),
        ("OOM killer", "control group of 150 MB", "out of memory", out_of_memory),
        ("no address space", "ulimit -v", "refused", address_space),
        ("slow load", "2 s in C code, limit of silence 2 s", "done", lambda: put_in("slow load")),
        ("no program", "a command that is not there", "start failed", no_program),
        ("no library", "LLAMA_CPP_LIB_PATH: empty folder", "start failed", lambda: library(lambda folder: None)),
        ("no library file", "LLAMA_CPP_LIB_PATH: text", "start failed",
         lambda: library(lambda folder: (folder / "libllama.so").write_text("no") and None)),
        ("wrong library", "LLAMA_CPP_LIB_PATH: another .so", "start failed", lambda: library(other_library)),
        ("cut library", "LLAMA_CPP_LIB_PATH: 200 kB of libllama.so", "start failed", lambda: library(cut_library)),
        ("parent killed", "kill -9 while loading", "no orphan", lambda: parent_killed(after_s=0.02)),
        ("parent killed", "kill -9 while measuring", "no orphan", lambda: parent_killed(after_s=0.7)),
        ("parent killed", "kill -9, engine stopped", "no orphan", lambda: parent_killed(after_s=0.3, stopped=True)),
        ("sweep: crash", "SIGSEGV in one of 2 cells", "1 done 1 failed", lambda: swept(faulty_engine("SIGSEGV"))),
        ("sweep: bug of ours", "TypeError in one of 2 cells", "1 done 1 failed", lambda: swept(faulty_engine("exception"))),
        ("sweep: rubbish", "no facts in one of 2 cells", "1 done 1 failed", lambda: swept(faulty_engine("empty start"))),
        ("guard: refused", "readings made up: 100 MB left", "2 failed", lambda: swept(meter=lambda: Meter(100_000_000))),
        ("guard: stopped", "readings made up: memory gone in a run", "2 failed",
         lambda: swept(meter=lambda: Meter(plenty, plenty, 5_000_000), output=4000)),
        ("guard: refused", "all in a control group of 300 MB", "2 failed", really_limited),
        ("guard: stopped", "a program eats up a group of 900 MB", "2 failed", eaten_up),
    ]  # fmt: skip
    return table


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    wanted = sys.argv[2:]
    wrong = 0
    print("| fault | how | times | outcome | sentence |\n|---|---|---|---|---|")
    for fault, how, right, deed in rows():
        if wanted and fault not in wanted:
            continue
        ends = [deed() for _ in range(times)]
        counts = Counter(kind for kind, _ in ends)
        is_right = set(counts) == {right}
        wrong += not is_right
        outcome = ", ".join(f"{count} × {kind}" for kind, count in counts.items()) + ("" if is_right else " !")
        print(f"| {fault} | {how} | {times} | {outcome} | {textwrap.shorten(ends[0][1], 400)} |", flush=True)
    print(f"\n{wrong} rows are not what they should be." if wrong else "\nEvery row is what it should be.")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
