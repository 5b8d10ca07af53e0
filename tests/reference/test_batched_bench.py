"""The engine beside llama.cpp's own batched-bench: the same library, the same shapes, the same definitions, in turn."""

import math
import statistics
from pathlib import Path

import numpy as np
import pytest

from profiler.child.engine_child import EngineChild
from profiler.hardware.cpu import default_threads
from profiler.records.message import MessageKind
from profiler.records.specification import ContextSettings, LoadSettings, ModelSettings, RequestClass, RunSpecification
from profiler.records.timing import STEP_DTYPE, no_rows
from tests.reference import batched_bench
from tests.reference.batched_bench import Speeds
from tests.reference.llama_tools import BUILD_S, Unavailable, assert_uses_the_installed_library, built_tool

pytestmark = [pytest.mark.reference, pytest.mark.timeout(3 * BUILD_S)]

OUTPUT = 32
CTX_SIZE = 256
TOLERANCE = 0.02
FEWEST_PAIRS, MOST_PAIRS = 10, 20
NARROW = 0.01
TOO_WIDE = 0.02


@pytest.fixture(scope="module")
def tool():
    try:
        path = built_tool(batched_bench.TOOL)
    except Unavailable as reason:
        pytest.skip(f"{reason}.")
    assert_uses_the_installed_library(path)
    return path


def engine_speeds(model: Path, prompt: int, batch: int, threads: int) -> Speeds:
    """The same from our engine: all prompts first, then OUTPUT decode calls, no logits looked at; the second run of two."""
    requests = RequestClass(
        arrival="offline", prompt_tokens=str(prompt), output_tokens=str(OUTPUT + 1), requests=batch
    )  # the first token is the prefill's
    order = RunSpecification(
        ModelSettings(str(model), 0, True),
        ContextSettings(batch, CTX_SIZE, 512, 512, threads, threads, "auto", "f16", "f16", True),
        LoadSettings((requests,), priority="prefill", sampling="none"),
    )
    with EngineChild() as child:
        for _ in range(2):
            parts = [no_rows(STEP_DTYPE)]

            def hear(message, parts=parts):
                if message.kind is MessageKind.ROWS:
                    parts.append(message.tables()["step"])

            end = child.run_job("run", order.to_json(), on_message=hear)
            assert end.outcome.is_done, end.outcome.sentence
    steps = np.concatenate(parts)
    is_prefill = steps["prefill_tokens"] > 0
    prefill, decode = steps[is_prefill], steps[~is_prefill]
    assert prefill["prefill_tokens"].sum() == batch * prompt
    assert not prefill["decode_tokens"].any()
    assert decode["decode_tokens"].tolist() == [batch] * OUTPUT
    return Speeds(batch * prompt / seconds(prefill), batch * OUTPUT / seconds(decode))


def seconds(steps) -> float:
    """From the first call of llama_decode to the end of the last, the loop's own time between them included."""
    return float(steps["start_ns"][-1] + steps["decode_ns"][-1] - steps["start_ns"][0]) / 1e9


def median_interval(values: list[float]) -> tuple[float, float]:
    """At least 95 % for the median, whatever the distribution: between two order statistics, by the sign test."""
    n, below = len(values), 0
    while sum(math.comb(n, k) for k in range(below + 1)) / 2**n <= 0.025:
        below += 1
    ordered = sorted(values)
    assert below >= 1, "fewer than six values have no such interval"
    return ordered[below - 1], ordered[n - below]


def test_the_interval_of_a_median_is_the_sign_tests():
    assert median_interval([float(value) for value in range(10)]) == (1.0, 8.0)  # P(≤ 1 of 10 heads) = 1.1 %, ≤ 2: 5.5 %
    assert median_interval([float(value) for value in range(20)]) == (5.0, 14.0)  # ≤ 5 of 20: 2.07 %


@pytest.mark.parametrize("batch", [1, 4, 8])
@pytest.mark.parametrize("prompt", [64, 128])
def test_decode_and_prefill_are_as_fast_as_in_batched_bench(tool, sample_model, capsys, prompt, batch):
    threads = default_threads()
    ours: list[Speeds] = []
    theirs: list[Speeds] = []

    def ratios(which: str) -> list[float]:
        return [getattr(our, which) / getattr(their, which) for our, their in zip(ours, theirs, strict=True)]

    def half_width(which: str) -> float:
        low, high = median_interval(ratios(which))
        return (high - low) / 2

    while len(ours) < FEWEST_PAIRS or (len(ours) < MOST_PAIRS and max(half_width("prefill"), half_width("decode")) >= NARROW):
        for is_ours in (True, False, False, True):  # A B B A: a drift meets both alike
            if is_ours:
                ours.append(engine_speeds(sample_model, prompt, batch, threads))
            else:
                theirs.append(batched_bench.run(tool, sample_model, prompt, OUTPUT, batch, threads, CTX_SIZE))

    too_noisy = []
    for which, name in (("prefill", "S_PP"), ("decode", "S_TG")):
        low, high = median_interval(ratios(which))
        our, their = (statistics.median(getattr(each, which) for each in side) for side in (ours, theirs))
        with capsys.disabled():
            print(
                f"\nPP {prompt:3} TG {OUTPUT} B {batch}: {name} ours {our:7.1f}, batched-bench {their:7.1f} tok/s, "
                f"ratio {statistics.median(ratios(which)):.4f} ({low:.4f} to {high:.4f}), n = {len(ours)} pairs",
                end="",
            )
        assert low <= 1 + TOLERANCE, f"{name}: implausibly faster than llama.cpp itself"
        assert high >= 1 - TOLERANCE, f"{name}: slower than llama.cpp itself"
        if (high - low) / 2 > TOO_WIDE:
            too_noisy.append(f"{name} {low:.3f} to {high:.3f}")
    if too_noisy:
        pytest.skip(f"The machine was too busy to tell: {', '.join(too_noisy)}.")
