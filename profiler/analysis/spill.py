"""What did not fit where it was meant to be, and therefore slowed a run: told in sentences, empty when nothing was seen.

Pages of the model that were given up and read again, and swap, are `validity`'s: their counters need no knowledge of the engine.
"""

import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.device_buffers import is_in_main_memory
from profiler.analysis.memory import vram_peak_bytes
from profiler.records.fingerprint import Device
from profiler.records.run_record import StepCosts
from profiler.records.specification import EngineFacts, RunSpecification
from profiler.records.timing import Samples
from profiler.units import bytes_text, percent_text

FULL_SHARE = 0.98
"""Of a GPU's memory in use: from there on some drivers (NVIDIA's on Windows) silently put what is new into main memory."""

MOST_MOVED_BYTES = 64_000_000
"""By which a driver's use of main memory may grow in a run: its own book-keeping."""

_ROUNDING_SHARE = 0.01  # the log tells hundredths of a MiB, and buffers are padded
_MODEL, _KV = "model buffer size", "KV buffer size"
_MOVED = re.compile(r"(amdgpu\d+)_gtt_used_bytes")


def device_memory_bytes(devices: Iterable[Device]) -> dict[str, int]:
    """All memory of each GPU that has its own, by ggml's name of it: its backend's, and its number there ("CUDA0")."""
    counts: dict[str, int] = {}
    sizes = {}
    for device in devices:
        if device.kind == "cpu":
            continue
        number = counts.get(device.backend, 0)
        counts[device.backend] = number + 1
        if device.vram_total_bytes is not None:
            sizes[f"{device.backend}{number}"] = device.vram_total_bytes
    return sizes


def left_on_cpu(specification: RunSpecification, facts: EngineFacts | None, costs: StepCosts | None) -> str:
    """Weights, or the KV cache, in main memory although layers were asked for on a GPU.

    The table of input embeddings stays there always, so the GPU's share is held against what every step reads; where the costs of
    a step are not known, only a GPU that holds nothing at all is noticed.
    """
    if specification.model.n_gpu_layers == 0 or facts is None or not _bytes(facts, _MODEL):
        return ""
    on_gpu = _bytes(facts, _MODEL) - _bytes(facts, _MODEL, on_host=True)
    if not on_gpu:
        return "Layers were asked for on a GPU, but all weights lie in main memory: llama.cpp found no GPU that it can use."
    needed = costs.weight_bytes_per_ubatch + costs.output_bytes_per_ubatch + costs.expert_bytes if costs else 0
    left = needed - on_gpu
    if left > _ROUNDING_SHARE * needed:
        return (
            f"Of {bytes_text(needed)} of weights that a step may need, {bytes_text(left)} ({percent_text(left / needed)}) lie in "
            "main memory: the GPU waits for the processor in every step."
        )
    kv_on_host = _bytes(facts, _KV, on_host=True)
    if specification.context.kv_offload and costs is not None and kv_on_host:
        return f"{bytes_text(kv_on_host)} of the KV cache lie in main memory, while the weights are on the GPU."
    return ""


def over_committed(facts: EngineFacts | None, memory_bytes: Mapping[str, int], samples: Samples) -> str:
    """More on a GPU than its memory holds: by the engine's own buffers, by what was in use, or by what the driver moved away.

    Args:
        facts: with the engine's buffers by device.
        memory_bytes: of each GPU (`device_memory_bytes`); what was in use is held against it only where there is one GPU, since
            telemetry may number several in another order.
        samples: of the run.
    """
    for device, size in memory_bytes.items():
        held = sum(buffer for name, buffer in (facts.buffers if facts else {}).items() if name.split()[0] == device)
        if held > size:
            return f"llama.cpp holds {bytes_text(held)} on {device}, which has {bytes_text(size)}: the rest lies in main memory."
    for channel, column in samples.channels.items():
        match = _MOVED.fullmatch(channel)
        moved = _growth(column) if match else 0.0
        if match and moved > MOST_MOVED_BYTES:
            return f"{match[1]}'s driver moved {bytes_text(moved)} to main memory during the run."
    used = vram_peak_bytes(samples)
    if used is not None and len(memory_bytes) == 1:
        (size,) = memory_bytes.values()
        if FULL_SHARE * size < used <= size:  # beyond it, these are not the same GPU
            return f"The GPU's memory was full, {bytes_text(used)} of {bytes_text(size)}: part of it may lie in main memory."
    return ""


def _bytes(facts: EngineFacts, kind: str, *, on_host: bool = False) -> int:
    """Of all buffers of a kind; only those in main memory with `on_host`."""
    return sum(size for name, size in facts.buffers.items() if name.endswith(kind) and (not on_host or is_in_main_memory(name)))


def _growth(column: NDArray[np.float64]) -> float:
    readings = column[np.isfinite(column)]
    return float(readings.max() - readings[0]) if len(readings) else 0.0
