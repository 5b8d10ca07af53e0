"""What a verdict calls the limit is what changes the speed when it is changed. All as ratios, interleaved: machines wander."""

import dataclasses
import shutil
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type

from profiler.analysis.bandwidth import FITS_IN_CACHE_BELOW, is_pure_decode, is_pure_prefill
from profiler.analysis.context import RunContext
from profiler.analysis.roofline import Phase, Roofs, Verdict, place, sentence, together, work_of
from profiler.analysis.window import measurement_window
from profiler.child.engine_child import EngineChild
from profiler.hardware import bandwidth, cpu, main_memory
from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import describe
from profiler.models import kernel_speeds
from tests.helpers.requantized import requantized
from tests.helpers.wide_model import LAYER_WEIGHTS, write_wide_model

pytestmark = pytest.mark.truth

THREADS = cpu.default_threads()
CACHE_BYTES = cpu.read().last_level_cache_bytes or 0
F16_LAYER_BYTES = 2 * LAYER_WEIGHTS
PROMPT = 512
HALF = 0.5
"""Of the change in proportion, in logarithms: what gains less does not follow it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A model under a load.

    Attributes:
        name: of the file.
        users: who decode together.
        prompt: tokens of a prompt.
        threads: of the processor.
    """

    name: str
    phase: Phase
    users: int = 1
    prompt: int = 4
    threads: int = THREADS


@dataclass(frozen=True, slots=True)
class Seen:
    """What a cell did over all its runs: the verdict on it, its rates, and the median time of a step of all its users."""

    verdict: Verdict | None
    sentence: str
    step_ms: float
    step_bytes: float
    step_flops: float


@pytest.fixture(scope="module")
def ceilings():
    return bandwidth.measure()


@pytest.fixture(scope="module")
def roofs(ceilings):
    speeds = kernel_speeds.measure(kernel_speeds.USUAL_TYPES, "interventions", THREADS)
    return Roofs(ceilings.bandwidth_gb_s, kernel_speeds.peak_gflop_s(speeds), CACHE_BYTES or None)


@pytest.fixture(scope="module")
def roofs_of(roofs, ceilings):
    return lambda threads: roofs.of_threads(threads, ceilings.by_threads, THREADS)


@pytest.fixture
def files(tmp_path):
    """Where models of this test lie; they are too large to be kept as long as pytest keeps its folders."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture
def measured(order_of, serve, roofs_of):
    """Runs cells in turn, several times over, each file in an engine of its own that keeps it loaded."""

    def order(cell, path):
        output = 2 if cell.phase is Phase.PREFILL else 12
        made = order_of(
            users=cell.users,
            slots=4,
            prompt=cell.prompt,
            output=output,
            ctx_size=PROMPT + 256,
            threads=cell.threads,
            threads_batch=cell.threads,
        )
        return dataclasses.replace(made, model=dataclasses.replace(made.model, path=str(path)))

    def measure(cells, paths, rounds=2):
        works = {cell: [] for cell in cells}
        times_ms = {cell: [] for cell in cells}
        with ExitStack() as stack:
            engines = {name: stack.enter_context(EngineChild()) for name in {cell.name for cell in cells}}
            for _ in range(rounds):
                for cell in cells:
                    asked = order(cell, paths[cell.name])
                    run = serve(asked, child=engines[cell.name])
                    assert run.outcome.is_done, run.outcome.sentence
                    costs = step_costs(describe(paths[cell.name]), "f16", "f16")
                    window = measurement_window(run.data, RunContext(asked, run.facts, costs, None))
                    works[cell].append(work_of(run.data.steps, costs, window, cell.phase))
                    steps = run.data.steps
                    is_phase = is_pure_decode(steps) if cell.phase is Phase.DECODE else is_pure_prefill(steps)
                    rows = steps[is_phase & (steps["sequences"] == (cell.users if cell.phase is Phase.DECODE else 1))]
                    times_ms[cell] += ((rows["end_ns"] - rows["start_ns"]) / 1e6).tolist()
        return {cell: _seen(cell, together(works[cell]), times_ms[cell]) for cell in cells}

    def _seen(cell, work, times_ms):
        held = roofs_of(cell.threads)
        told = sentence(work, held)
        print(f"{cell.name} {cell.phase} {cell.users} {cell.threads}: {np.median(times_ms):.2f} ms. {told}")
        verdict = place(work, held).verdict
        return Seen(verdict, told, float(np.median(times_ms)), work.mean_step_bytes, work.flops / work.steps)

    return measure


def test_what_is_bound_by_memory_follows_its_bytes_and_computes_more_for_nothing(measured, files, ceilings):
    blocks = max(3, int(1.02 * FITS_IN_CACHE_BELOW * CACHE_BYTES / F16_LAYER_BYTES) + 1)
    needed_bytes = 2 * blocks * F16_LAYER_BYTES
    available_bytes = main_memory.available_bytes() or 0
    if needed_bytes > min(shutil.disk_usage(files).free, available_bytes) / 2:
        pytest.skip(f"weights beyond the last-level cache take {needed_bytes / 1e9:.0f} GB of memory and of disk here")
    paths = {
        each.name: write_wide_model(files / f"{each.name}.gguf", blocks=blocks, tensor_type=each)
        for each in (Type.F16, Type.Q8_0)
    }
    alone, smaller = Cell("F16", Phase.DECODE), Cell("Q8_0", Phase.DECODE)
    four, slower = Cell("F16", Phase.DECODE, users=4), Cell("F16", Phase.DECODE, threads=max(1, THREADS // 2))
    seen = measured((alone, smaller, four, slower), paths)
    assert seen[alone].verdict is Verdict.MEMORY, seen[alone].sentence
    bytes_ratio = seen[alone].step_bytes / seen[smaller].step_bytes
    assert bytes_ratio == pytest.approx(16 / 8.5, rel=0.01)
    assert seen[alone].step_ms / seen[smaller].step_ms == pytest.approx(bytes_ratio, rel=0.25), "half the bytes, half the time"
    assert 4 * seen[alone].step_ms / seen[four].step_ms > 4**0.75, "four tokens take hardly longer than one"
    reached = ceilings.by_threads[slower.threads] / ceilings.by_threads[THREADS]
    assert seen[alone].step_ms / seen[slower].step_ms == pytest.approx(reached, rel=0.25), (
        "fewer threads read as much less as the roof says"
    )
    assert seen[slower].verdict is Verdict.MEMORY, seen[slower].sentence


def test_what_is_bound_by_compute_follows_its_operations_and_not_its_bytes(measured, files):
    paths = {
        each.name: write_wide_model(files / f"{each.name}.gguf", blocks=4, tensor_type=each) for each in (Type.Q8_0, Type.Q4_0)
    }
    whole, smaller = Cell("Q8_0", Phase.PREFILL, prompt=PROMPT), Cell("Q4_0", Phase.PREFILL, prompt=PROMPT)
    shorter = Cell("Q8_0", Phase.PREFILL, prompt=PROMPT // 2)
    slower = Cell("Q8_0", Phase.PREFILL, prompt=PROMPT, threads=max(1, THREADS // 2))
    seen = measured((whole, smaller, shorter, slower), paths)
    assert seen[whole].verdict is Verdict.COMPUTE, seen[whole].sentence
    bytes_ratio = seen[whole].step_bytes / seen[smaller].step_bytes
    assert bytes_ratio > 1.5
    assert seen[whole].step_ms / seen[smaller].step_ms < bytes_ratio**HALF, "a smaller file does not help in proportion"
    assert seen[whole].step_ms / seen[shorter].step_ms == pytest.approx(2, rel=0.25), "half the tokens, half the time"
    fewer = slower.threads / THREADS
    assert seen[whole].step_ms / seen[slower].step_ms == pytest.approx(fewer, rel=0.25), "half the threads, half the speed"
    assert seen[slower].verdict is Verdict.COMPUTE, seen[slower].sentence


def test_what_is_bound_by_neither_does_not_follow_its_bytes_and_wider_layers_get_more_out_of_both(measured, files, sample_model):
    """The sample's layers are thin. Wide ones of the same type, bytes and operations show what kernels and overhead take."""
    paths = {
        "sample": sample_model,
        "larger": requantized(sample_model, files / "larger.gguf", Type.Q8_0),
        "wide": write_wide_model(files / "wide.gguf", blocks=3, tensor_type=Type.Q4_1),
    }
    crowds = [Cell("sample", Phase.DECODE, users=users) for users in (1, 2, 4)]
    same = {cell: (dataclasses.replace(cell, name="larger"), dataclasses.replace(cell, name="wide")) for cell in crowds}
    seen = measured([each for cell in crowds for each in (cell, *same[cell])], paths)
    bound_by_neither = [cell for cell in crowds if seen[cell].verdict is Verdict.OVERHEAD]
    assert bound_by_neither, [seen[cell].sentence for cell in crowds]
    cell = bound_by_neither[-1]
    larger, wide = (seen[other] for other in same[cell])
    bytes_ratio = larger.step_bytes / seen[cell].step_bytes
    assert bytes_ratio > 1.4
    assert larger.step_ms / seen[cell].step_ms < bytes_ratio**HALF, "half as many bytes more cost much less time than that"
    assert wide.step_bytes == pytest.approx(seen[cell].step_bytes, rel=0.1)
    assert wide.step_flops > 0.95 * seen[cell].step_flops
    assert seen[cell].step_ms / wide.step_ms > 1.15, "as many bytes and operations, in less time: neither roof held it"
