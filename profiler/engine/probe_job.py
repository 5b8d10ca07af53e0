"""The job "probe": how long a decode call of so many tokens takes with weights of each type, in the engine as it always runs.

Nothing of a kernel is called by itself: what llama.cpp makes of the weights when it loads them (other layouts for this processor,
a GPU's memory) and what surrounds the kernels in a graph belongs to the speed.

So does where the weights come from. Of 60 MB a virtual machine's cache kept most, and a step of Q4_1 was twice as fast as where
100 MB were read; so each type is measured on as many layers as make up `_LEAST_BYTES`, which is still read in a few milliseconds.
"""

import statistics
from pathlib import Path
from typing import Any

import numpy as np

from profiler.clock import now_ns
from profiler.engine.batch import Batch
from profiler.engine.cancellation import Cancellation
from profiler.engine.ggml_library import type_layout
from profiler.engine.model import Context, Model
from profiler.engine.outbox import Outbox
from profiler.engine.probe_model import LARGE_HEADS, NARROW, SMALL_HEADS, THIN, WIDE, ProbeShape, write_probe_model
from profiler.records.message import MessageKind
from profiler.records.specification import ContextSettings, ModelSettings
from profiler.scheduling.step import PrefillSlice, StepPlan

DECODE_SEQUENCES = (1, 2, 4, 8, 16)
PREFILL_TOKENS = (64, 512)
_BATCH = max(PREFILL_TOKENS)
_CELLS_EACH = 64
_NARROW_SEQUENCES = (1, 2, 4, 16)
_TWICE = 3  # of these numbers are looked at again later: what disturbs a machine for a moment disturbs one of the looks
_DECODE_BUDGET_NS = 25_000_000  # of a look
_LEAST_STEPS, _MOST_STEPS = 2, 50  # together less than the cells of a sequence
_PREFILLS = 3
_PREFILL_BUDGET_S = 0.15
_LONGEST_PREFILL_S = 0.4
_LEAST_BYTES = 128_000_000
_FIXED = (THIN, SMALL_HEADS, LARGE_HEADS)
"""Measured with one type, since their time does not go into the weights."""

_HELD_TOKENS = 768
_LOOKING_TOKENS = 64
"""Of a prompt's part that is read behind the held tokens."""


def probe(
    outbox: Outbox, cancellation: Cancellation, types: list[str], folder: str, threads: int, n_gpu_layers: int
) -> dict[str, Any] | None:
    """Measure each type on wide and on narrow layers, and the first on thin ones and on heads.

    Args:
        outbox: hears how far it is.
        cancellation: ends it.
        types: as ggml names them ("q4_K").
        folder: where the files of the probe may lie meanwhile, about 130 to 210 MB at a time.
        threads: for all steps.
        n_gpu_layers: 0 keeps the weights on the CPU.

    Returns:
        {"steps": [{"shape", "type", "tokens", "sequences", "seconds", "spread_percent", "weights", "bytes", "layers", "depth",
        "heads", "head_size"}]}, where
        `seconds` is the fastest of several, and the spread reaches to the median of the calmer look; None when cancelled.

    Raises:
        RefusedError: a type cannot be made or loaded.
    """
    plans = [*((shape, types[0]) for shape in _FIXED), *((shape, name) for name in types for shape in (NARROW, WIDE))]
    steps: list[dict[str, Any]] = []
    outbox.enter_phase("measuring this machine's kernels")
    for number, (shape, type_name) in enumerate(plans):
        outbox.send(MessageKind.PROGRESS, {"phase": f"measuring {type_name}", "share": number / len(plans)})
        layout = type_layout(type_name)
        filled = shape if shape in _FIXED or layout is None else shape.filling(layout, _LEAST_BYTES)
        path = Path(folder) / f"probe-{shape.name}-{type_name}.gguf"
        try:
            write_probe_model(path, filled, type_name)
            steps += _measure(path, filled, type_name, threads, n_gpu_layers, cancellation)
        finally:
            path.unlink(missing_ok=True)
        if cancellation.is_requested:
            return None
    return {"steps": steps}


def _measure(
    path: Path, shape: ProbeShape, type_name: str, threads: int, n_gpu_layers: int, cancellation: Cancellation
) -> list[dict[str, Any]]:
    model = Model(ModelSettings(str(path), n_gpu_layers, mmap=True), cancellation, lambda share: None)
    try:
        slots, cells = (1, 1024) if shape.name == SMALL_HEADS.name else (max(DECODE_SEQUENCES), _CELLS_EACH)
        settings = ContextSettings(slots, cells, _BATCH, _BATCH, threads, threads, "auto", "f16", "f16", kv_unified=True)
        context = Context(model, settings, cancellation)
        try:
            return _looks_back(context, shape, type_name) if slots == 1 else _steps(context, shape, type_name)
        finally:
            context.close()
    finally:
        model.close()


def _steps(context: Context, shape: ProbeShape, type_name: str) -> list[dict[str, Any]]:
    batch = Batch(context)
    counts = _NARROW_SEQUENCES if shape.name == NARROW.name else DECODE_SEQUENCES
    timed = [(count, count, [_decodes(context, batch, count)]) for count in counts]
    for count, _, seconds in timed[:_TWICE]:
        seconds.append(_decodes(context, batch, count))
    for count in () if shape.name == NARROW.name else PREFILL_TOKENS:
        tokens_before, _, before = timed[-1]
        # Beyond the first a prompt's time is about in proportion to its tokens: a slow kernel need not prove it.
        if count == PREFILL_TOKENS[0] or min(before[-1]) * count / tokens_before < _LONGEST_PREFILL_S:
            timed.append((count, 1, [_prefills(context, batch, count)]))
    return [_told(shape, type_name, tokens, sequences, seconds, 0) for tokens, sequences, seconds in timed]


def _looks_back(context: Context, shape: ProbeShape, type_name: str) -> list[dict[str, Any]]:
    """Steps of one sequence that holds nothing, and of one that holds much; each looked at twice."""
    batch = Batch(context)
    timed: dict[tuple[int, int], list[list[float]]] = {}
    for depth in (0, _HELD_TOKENS) * 2:
        timed.setdefault((1, depth), []).append(_decodes(context, batch, 1, depth))
        timed.setdefault((_LOOKING_TOKENS, depth), []).append(_prefills(context, batch, _LOOKING_TOKENS, depth))
    return [_told(shape, type_name, tokens, 1, seconds, depth) for (tokens, depth), seconds in timed.items()]


def _told(shape: ProbeShape, type_name: str, tokens: int, sequences: int, looks: list[list[float]], depth: int) -> dict[str, Any]:
    layout = type_layout(type_name)
    assert layout is not None  # the file was written with it
    best = min(map(min, looks))  # what disturbs a step only ever makes it longer
    typical = min(map(statistics.median, looks))
    return {
        "shape": shape.name,
        "type": type_name,
        "tokens": tokens,
        "sequences": sequences,
        "seconds": best,
        "spread_percent": 100 * (typical - best) / best,
        "weights": shape.weights,
        "bytes": shape.file_bytes(layout),
        "layers": shape.layers,
        "depth": depth,
        "heads": shape.heads,
        "head_size": shape.embedding // shape.heads,
    }


def _decodes(context: Context, batch: Batch, sequences: int, depth: int = 0) -> list[float]:
    """Seconds of steps that give each of so many sequences, which hold `depth` tokens, one more."""
    context.restart(np.ones(depth, np.int32))
    plan = StepPlan(np.arange(sequences, dtype=np.int32), (), sequences, 0, sequences, 0)
    batch.fill(plan, [1] * context.settings.slots, {})
    batch.decode(looks_at_logits=False)
    until_ns = now_ns() + _DECODE_BUDGET_NS
    times_ns, _, _ = batch.repeat(_LEAST_STEPS, None, until_ns=2**62)
    if now_ns() < until_ns:
        times_ns += batch.repeat(_MOST_STEPS, None, until_ns)[0]
    return [(decoded_ns - start_ns) / 1e9 for start_ns, decoded_ns, _ in times_ns]


def _prefills(context: Context, batch: Batch, tokens: int, depth: int = 0) -> list[float]:
    """Seconds of steps that read a prompt behind `depth` tokens; the first, a warm-up, is left out if there are more."""
    seconds: list[float] = []
    plan = StepPlan(np.empty(0, np.int32), (PrefillSlice(0, 0, tokens, True, True),), 0, tokens, 1, 0)
    while len(seconds) <= _PREFILLS and (len(seconds) < 2 or sum(seconds) < _PREFILL_BUDGET_S):
        context.restart(np.ones(depth, np.int32))
        batch.fill(plan, [1] * context.settings.slots, {0: np.ones(tokens, np.int32)})
        (start_ns, decoded_ns, _), _, _ = batch.decode(looks_at_logits=False)
        seconds.append((decoded_ns - start_ns) / 1e9)
    return seconds[1:]
