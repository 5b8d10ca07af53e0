"""What was predicted for a session's cell from its model's header and this machine's kernels, beside what its runs took.

The prediction is made anew, and without the corrections that finished runs brought: this cell's own are among them.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.bandwidth import is_pure_decode, is_pure_prefill
from profiler.errors import InferometerError, Interrupted
from profiler.hardware import cpu
from profiler.hardware.memory_speed import kept_memory_speed
from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.offload import CacheSettings
from profiler.models import kernel_speeds
from profiler.models.fit import BufferBytes, FreeMemory, Processor, devices_of, logged_buffers, predicted_buffers, total_of
from profiler.models.machine_prediction import uncorrected
from profiler.models.speed_prediction import StepPrediction
from profiler.records.fingerprint import Ceilings
from profiler.records.run_record import ModelRecord, RunRecord, RunStatus
from profiler.records.specification import RunSpecification
from profiler.session.reader import SessionReader

MAIN_MEMORY = ""
"""The name of the first device."""

_PARTS_OF_A_SPLIT = 1_000_000


@dataclass(frozen=True, slots=True)
class SpeedBeside:
    """One phase.

    Attributes:
        tokens: of a step, those that most of the steps had.
        measured_tok_s: by the median of those steps.
        predicted: None where nothing is known.
    """

    tokens: int
    measured_tok_s: float
    predicted: StepPrediction | None


@dataclass(frozen=True, slots=True)
class PredictionReading:
    """One cell.

    Attributes:
        predicted, measured: bytes by device, main memory first; empty where they are not known.
        decode, prefill: None where no steps only decoded, or only prefilled.
        no_memory: why no memory is predicted; empty where it is.
        no_speed: likewise.
    """

    path: Path
    cell_id: int
    predicted: Mapping[str, BufferBytes] = field(default_factory=dict)
    measured: Mapping[str, BufferBytes] = field(default_factory=dict)
    decode: SpeedBeside | None = None
    prefill: SpeedBeside | None = None
    no_memory: str = ""
    no_speed: str = ""

    @property
    def totals(self) -> tuple[BufferBytes | None, BufferBytes | None]:
        """Of all devices together: predicted and measured, each None where nothing is known."""
        predicted, measured = list(self.predicted.values()), list(self.measured.values())
        return total_of(predicted) if predicted else None, total_of(measured) if measured else None


def read_prediction(path: Path, cell_id: int, cancel: threading.Event) -> PredictionReading | None:
    """Read a cell's counted runs and predict them; None when it has none.

    Raises:
        InferometerError: as `SessionReader` does; Interrupted: `cancel` was set.
    """
    with SessionReader.open(path) as reader:
        machine = reader.machine()
        runs = [run for run in reader.runs(cell_id) if run.status is RunStatus.DONE and run.is_valid]
        if not runs:
            return None
        models = {model.model_id: model for model in reader.models()}
        record = next((models.get(cell.model_id or 0) for cell in reader.cells() if cell.cell_id == cell_id), None)
        parts = []
        for run in runs:
            if cancel.is_set():
                raise Interrupted("Reading the steps was stopped.")
            parts.append(reader.run_data(run.run_id).steps)
    steps = np.concatenate(parts)
    order = runs[0].specification
    measured = _measured(runs)
    description, why_not = _description(order, record)
    predicted: dict[str, BufferBytes] = {}
    if description is not None:
        predicted = _predicted(description, order, list(measured), machine)
        if total_of(list(predicted.values())).total_bytes is None:
            why_not = "The KV cache of this architecture is not understood yet, so its memory is predicted in part."
    no_speed = "" if _is_this_machine(machine) else "Speeds are predicted for this machine only; the session is another one's."
    predicts = description if not no_speed else None
    return PredictionReading(
        path,
        cell_id,
        predicted,
        measured,
        decode=_speed(steps[is_pure_decode(steps)], "decode_tokens", predicts, order, machine),
        prefill=_speed(steps[is_pure_prefill(steps)], "prefill_tokens", predicts, order, machine),
        no_memory=why_not,
        no_speed=no_speed,
    )


def _description(order: RunSpecification, record: ModelRecord | None) -> tuple[ModelDescription | None, str]:
    """The file as it is now, or why it cannot be taken for the one that was measured."""
    path = Path(order.model.path)
    try:
        found = describe(path)
    except InferometerError as error:
        return None, f"{path.name} cannot be read any more, so nothing is predicted: {error.sentence}"
    if record is not None and found.file_bytes != record.file_bytes:
        return None, f"{path.name} is another file than the one that was measured, so nothing is predicted."
    return found, ""


def _measured(runs: Sequence[RunRecord]) -> dict[str, BufferBytes]:
    """As the first run that loaded the model logged it; main memory first."""
    facts = next((run.facts for run in runs if run.facts is not None and run.facts.buffers), None)
    found = {} if facts is None else logged_buffers(facts.buffers)
    return {name: found[name] for name in sorted(found)}


def _predicted(
    description: ModelDescription, order: RunSpecification, logged: Sequence[str], machine: Mapping[str, Any]
) -> dict[str, BufferBytes]:
    """By the devices that the log names; several GPUs share as the run was told to, or alike."""
    gpus = [name for name in logged if name != MAIN_MEMORY]
    split = order.model.tensor_split[: len(gpus)] or (1.0,) * len(gpus)
    processor = Processor(_instruction_sets(machine), order.model.repack, order.model.no_host)
    shares = FreeMemory(0, tuple(round(share * _PARTS_OF_A_SPLIT) for share in split))
    layers = order.model.n_gpu_layers if gpus else 0
    held = devices_of(description, CacheSettings.of(order.context), shares, processor, layers)
    names = (MAIN_MEMORY, *gpus)
    return {name: predicted_buffers(each, mmap=order.model.mmap) for name, each in zip(names, held, strict=True)}


def _speed(
    steps: NDArray[Any],
    column: str,
    description: ModelDescription | None,
    order: RunSpecification,
    machine: Mapping[str, Any],
) -> SpeedBeside | None:
    if not len(steps):
        return None
    sizes, counts = np.unique(steps[column], return_counts=True)
    tokens = int(sizes[np.argmax(counts)])
    rows = steps[steps[column] == tokens]
    seconds = float(np.median(rows["end_ns"] - rows["start_ns"])) / 1e9
    if seconds <= 0:
        return None
    is_prefill = column == "prefill_tokens"
    held = float(np.mean(rows["kv_useful_tokens"]))
    context_tokens = max(0.0, held - tokens) if is_prefill else held / tokens
    predicted = None
    if description is not None:
        context, layers = order.context, order.model.n_gpu_layers
        threads = context.threads_batch if is_prefill else context.threads
        version = _text(machine, "engine", "llama_cpp_python")
        predicted = uncorrected(
            description,
            kernel_speeds.known(version, threads, layers),
            kept_memory_speed(_ceilings(machine)),
            tokens=tokens,
            context_tokens=context_tokens,
            is_prefill=is_prefill,
            n_gpu_layers=layers,
            cache_types=(context.cache_type_k, context.cache_type_v),
        )
    return SpeedBeside(tokens, tokens / seconds, predicted)


def _is_this_machine(machine: Mapping[str, Any]) -> bool:
    return _text(machine, "cpu", "name") == cpu.read().name


def _instruction_sets(machine: Mapping[str, Any]) -> tuple[str, ...]:
    found = machine.get("cpu")
    sets = found.get("instruction_sets") if isinstance(found, dict) else None
    return tuple(each for each in sets if isinstance(each, str)) if isinstance(sets, list | tuple) else ()


def _ceilings(machine: Mapping[str, Any]) -> Ceilings | None:
    """Those of the session; a file may hold anything."""
    found = machine.get("ceilings")
    rate = found.get("bandwidth_gb_s") if isinstance(found, dict) else None
    return Ceilings(bandwidth_gb_s=float(rate)) if isinstance(rate, int | float) and 0 < rate < float("inf") else None


def _text(machine: Mapping[str, Any], part: str, name: str) -> str:
    found = machine.get(part)
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
