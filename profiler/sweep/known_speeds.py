"""What this machine's finished runs took, kept in a file, so that the next plan's time is foretold from measurements.

Kept are, for each model, quantization and group of engine settings: the seconds of a decode step by the number of sequences and
by how many tokens of context these hold, the seconds that a prompt token adds to a step, and what a run takes beside its load.
"""

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler import paths
from profiler.hardware import cpu, main_memory
from profiler.hardware.memory_speed import kept_memory_speed
from profiler.modelfile.description import ModelDescription
from profiler.models import kernel_speeds, machine_prediction, prediction_residuals
from profiler.records.run_record import RunRecord
from profiler.records.specification import RunSpecification
from profiler.records.timing import RunData

FORMAT = 1
MOST_ENTRIES = 300
LEAST_STEPS = 3
"""So few steps of one batch size have no median to speak of."""

_IDLE = 0.2  # of a step: a longer pause before it was no work of the loop, there was nothing to do


@dataclass(frozen=True, slots=True)
class StepSpeed:
    """Decode steps of one size.

    Attributes:
        sequences: in the step.
        kv_tokens: of context that each held, on average.
        seconds: from the end of the step before to its own, typically.
    """

    sequences: int
    kv_tokens: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Speeds:
    """What runs of one model with one group of settings took.

    Attributes:
        architecture, parameters, quantization: the model; its name and path do not matter.
        tensor_bytes: of the file.
        settings, kin: what the engine was told, whole and as far as it matters most (threads, layers on the GPU).
        library_version: llama-cpp-python's.
        decode: at least one.
        prefill_s: what a prompt token adds to a step, None where none was measured.
        overhead_s: of a run beside its load: loading, warming up, computing figures; None likewise.
    """

    architecture: str
    parameters: int
    quantization: str
    tensor_bytes: int
    settings: str
    kin: str
    library_version: str
    decode: tuple[StepSpeed, ...]
    prefill_s: float | None
    overhead_s: float | None

    def decode_s(self, sequences: int, kv_tokens: float) -> float:
        """Seconds of a decode step, between and beyond the measured sizes along straight lines.

        Those measured at a similar depth of context (within a factor of two) count, else those at the nearest.
        """
        depths = {step.kv_tokens: abs(math.log((step.kv_tokens + 1) / (kv_tokens + 1))) for step in self.decode}
        near = max(math.log(2), min(depths.values()))
        by_size: dict[int, tuple[float, float]] = {}
        for step in self.decode:
            away = depths[step.kv_tokens]
            if away <= near + 1e-9 and away <= by_size.get(step.sequences, (math.inf, 0.0))[0]:
                by_size[step.sequences] = away, step.seconds
        sizes = sorted(by_size)
        seconds = [by_size[size][1] for size in sizes]
        if len(sizes) == 1 or sizes[0] <= sequences <= sizes[-1]:
            return float(np.interp(sequences, sizes, seconds))
        ends = (0, 1) if sequences < sizes[0] else (-2, -1)
        slope = max(0.0, (seconds[ends[1]] - seconds[ends[0]]) / (sizes[ends[1]] - sizes[ends[0]]))
        nearest = 0 if sequences < sizes[0] else -1
        return max(seconds[nearest] + slope * (sequences - sizes[nearest]), 0.2 * seconds[nearest])


def learn(run: RunRecord, data: RunData, model: ModelDescription, library_version: str, elapsed_s: float | None = None) -> None:
    """Keep what a valid run took; where something is kept already, the mean of both. Nothing happens when it cannot be written.

    Args:
        run: with its specification and facts.
        data: its raw rows.
        model: that it ran.
        library_version: llama-cpp-python's.
        elapsed_s: the whole repetition's wall time, from before loading until its figures were there; None: only loading is
            known of what it takes beside its load.
    """
    found = measured(run, data, model, library_version, elapsed_s)
    if found is None:
        return
    kept = known()
    entries = [entry for entry in kept if not _is_same(entry, found)]
    before = next((entry for entry in kept if _is_same(entry, found)), None)
    _store([*entries, found if before is None else _merged(before, found)][-MOST_ENTRIES:])
    _learn_residuals(run.specification, found, model)


def measured(
    run: RunRecord, data: RunData, model: ModelDescription, library_version: str, elapsed_s: float | None = None
) -> Speeds | None:
    """What a run took; None when too few of its steps only decoded. The arguments are those of `learn`."""
    steps = data.steps
    if not len(steps):
        return None
    whole_s = _whole_steps_s(steps)
    is_decode = (steps["prefill_tokens"] == 0) & (steps["decode_tokens"] > 0)
    decode = []
    for size in np.unique(steps["decode_tokens"][is_decode]).tolist():
        chosen = is_decode & (steps["decode_tokens"] == size)
        if np.count_nonzero(chosen) >= LEAST_STEPS:
            depth = float(np.mean(steps["kv_useful_tokens"][chosen] / size))
            decode.append(StepSpeed(size, depth, float(np.median(whole_s[chosen]))))
    if not decode:
        return None
    speeds = Speeds(
        architecture=model.architecture,
        parameters=model.parameters,
        quantization=model.quantization,
        tensor_bytes=model.tensor_bytes,
        settings=settings_of(run.specification),
        kin=kin_of(run.specification),
        library_version=library_version,
        decode=tuple(decode),
        prefill_s=None,
        overhead_s=run.facts.load_s if run.facts is not None else None,
    )
    if elapsed_s is not None:
        speeds = replace(speeds, overhead_s=max(0.0, elapsed_s - float(steps["end_ns"].max()) / 1e9))
    return replace(speeds, prefill_s=_prefill_s(steps, whole_s, speeds))


def _learn_residuals(order: RunSpecification, found: Speeds, model: ModelDescription) -> None:
    """Keep how the run's decode steps compare with what the kernels alone foretell, where these were measured as it ran."""
    context, settings = order.context, order.model
    if context.threads != context.threads_batch or not settings.repack:
        return
    speeds = kernel_speeds.known(found.library_version, context.threads, settings.n_gpu_layers)
    if not speeds:
        return
    setting = prediction_residuals.Setting.of(model, speeds, found.library_version, context.threads, settings.n_gpu_layers)
    memory = kept_memory_speed()
    for step in found.decode:
        foretold = machine_prediction.uncorrected(
            model,
            speeds,
            memory,
            tokens=step.sequences,
            context_tokens=step.kv_tokens,
            n_gpu_layers=settings.n_gpu_layers,
            cache_types=(context.cache_type_k, context.cache_type_v),
        )
        if foretold is not None and foretold.seconds is not None:
            prediction_residuals.learn(setting, step.sequences, step.seconds, foretold.seconds)


def known() -> tuple[Speeds, ...]:
    """Everything kept of this machine, the newest last; nothing from a file that is another machine's, older or damaged."""
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        if document["format"] != FORMAT or document["machine"] != _machine():
            return ()
        return tuple(_from_document(entry) for entry in document["speeds"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()


def settings_of(order: RunSpecification) -> str:
    """The engine's settings that a step's time depends on, in a line."""
    context, model = order.context, order.model
    return (
        f"{kin_of(order)} ubatch {context.ubatch_size} flash {context.flash_attn} "
        f"cache {context.cache_type_k}/{context.cache_type_v} unified {context.kv_unified} "
        f"offload {context.op_offload}/{context.kv_offload} repack {model.repack} sampling {order.load.sampling}"
    )


def kin_of(order: RunSpecification) -> str:
    """Those that matter most."""
    context, model = order.context, order.model
    split = f"{model.split_mode} {model.tensor_split} {model.main_gpu}" if model.n_gpu_layers else ""
    return f"threads {context.threads}/{context.threads_batch} layers {model.n_gpu_layers} {split}".strip()


def _whole_steps_s(steps: NDArray[Any]) -> NDArray[np.float64]:
    """Each step with the loop's work before it, but without time in which there was nothing to do."""
    start_ns, end_ns = steps["start_ns"], steps["end_ns"]
    own_ns = (end_ns - start_ns).astype(np.float64)
    before_ns = np.concatenate(([0.0], (start_ns[1:] - end_ns[:-1]).astype(np.float64)))
    return np.asarray((own_ns + np.where((before_ns > 0) & (before_ns < _IDLE * own_ns), before_ns, 0.0)) / 1e9)


def _prefill_s(steps: NDArray[Any], whole_s: NDArray[np.float64], speeds: Speeds) -> float | None:
    """What a prompt token adds to a step that would take place anyway."""
    chosen = steps["prefill_tokens"] > 0
    tokens = int(steps["prefill_tokens"][chosen].sum(dtype=np.int64))
    if not tokens:
        return None
    passes_s = sum(speeds.decode_s(max(1, size), speeds.decode[0].kv_tokens) for size in steps["decode_tokens"][chosen].tolist())
    return max(0.0, float(whole_s[chosen].sum()) - passes_s) / tokens


def _is_same(entry: Speeds, other: Speeds) -> bool:
    def identity(speeds: Speeds) -> tuple[object, ...]:
        return (speeds.architecture, speeds.parameters, speeds.quantization, speeds.settings, speeds.library_version)

    return identity(entry) == identity(other)


def _merged(old: Speeds, new: Speeds) -> Speeds:
    """Steps of the same size at a similar depth become their mean, so that what was long ago fades; others stay."""
    steps = {_kind(step): step for step in old.decode}
    for step in new.decode:
        before = steps.get(_kind(step), step)
        steps[_kind(step)] = StepSpeed(
            step.sequences, (before.kv_tokens + step.kv_tokens) / 2, (before.seconds + step.seconds) / 2
        )
    return replace(
        new,
        decode=tuple(steps.values()),
        prefill_s=_mean(old.prefill_s, new.prefill_s),
        overhead_s=_mean(old.overhead_s, new.overhead_s),
    )


def _kind(step: StepSpeed) -> tuple[int, int]:
    return step.sequences, round(math.log2(step.kv_tokens + 1))


def _mean(old: float | None, new: float | None) -> float | None:
    return (new if old is None else old) if old is None or new is None else (old + new) / 2


def _file() -> Path:
    return paths.cache_folder() / "known-speeds.json"


def _machine() -> dict[str, Any]:
    processor = cpu.read()
    return {
        "cpu": processor.name,
        "logical_cores": processor.logical_cores,
        "quota_cores": processor.quota_cores,
        "memory_total_bytes": main_memory.total_bytes(),
    }


def _store(entries: Iterable[Speeds]) -> None:
    """Write the file in one move, so that a reader sees the old one or the new one."""
    document = {"format": FORMAT, "machine": _machine(), "speeds": [dataclasses.asdict(entry) for entry in entries]}
    # Where it cannot be written, the next plan's time is a guess: no reason to fail now.
    with contextlib.suppress(OSError):
        paths.write_in_one_move(_file(), json.dumps(document))


def _from_document(document: dict[str, Any]) -> Speeds:
    """Raises ValueError, TypeError or KeyError on anything that `_store` would not have written."""
    decode = tuple(
        StepSpeed(int(step["sequences"]), _number(step["kv_tokens"], 0.0), _number(step["seconds"], 1e-9))
        for step in document["decode"]
    )
    texts = ("architecture", "quantization", "settings", "kin", "library_version")
    if not decode or any(step.sequences < 1 for step in decode) or not all(isinstance(document[name], str) for name in texts):
        raise ValueError("these speeds contradict themselves")
    prefill_s, overhead_s = document["prefill_s"], document["overhead_s"]
    return Speeds(
        **{name: document[name] for name in texts},
        parameters=int(document["parameters"]),
        tensor_bytes=int(document["tensor_bytes"]),
        decode=decode,
        prefill_s=None if prefill_s is None else _number(prefill_s, 0.0),
        overhead_s=None if overhead_s is None else _number(overhead_s, 0.0),
    )


def _number(value: Any, least: float) -> float:
    number = float(value)
    if not (math.isfinite(number) and number >= least):
        raise ValueError("a speed is no number, or a negative one")
    return number
