"""Whether a model fits here. Pure but for a look at the processor and the free memory."""

from dataclasses import dataclass, replace
from functools import cache

from app.pages.models.model_columns import ModelRow
from profiler.errors import UnusableArguments
from profiler.hardware import cpu, main_memory
from profiler.modelfile.footprint import Footprint, predict
from profiler.modelfile.offload import CacheSettings
from profiler.models.fit import USUAL_USERS, Fit, FreeMemory, Processor, fit
from profiler.records.fingerprint import Fingerprint
from profiler.units import bytes_text


@dataclass(frozen=True, slots=True)
class Service:
    """What a model would have to hold: so many users, each with so many tokens of context."""

    ctx_size: int = 4096
    users: int = 1


@cache
def processor() -> Processor:
    """This machine's, as a plan runs it by default."""
    return Processor(cpu.read().instruction_sets)


def free_memory(machine: Fingerprint | None = None) -> FreeMemory:
    """What is free now; of GPUs, which only the engine can ask, what was free when the machine was last looked at.

    A GPU counts that llama.cpp was built for and that has memory of its own.
    """
    devices = () if machine is None else machine.devices
    backends = () if machine is None else machine.engine.backends
    return FreeMemory(
        main_memory.available_bytes(),
        tuple(
            device.vram_free_bytes
            for device in devices
            if device.kind == "gpu" and device.vram_free_bytes is not None and device.backend in backends
        ),
    )


def fit_of(row: ModelRow, service: Service, free: FreeMemory, *, far: bool = True) -> Fit | None:
    """How the model fits; None when the file cannot be read. Without `far` no largest context is looked for."""
    if row.description is None:
        return None
    settings = CacheSettings(ctx_size=service.ctx_size, slots=service.users)
    try:
        return fit(row.description, settings, free, processor(), users=USUAL_USERS if far else ())
    except UnusableArguments:
        return None


def footprint_of(row: ModelRow, service: Service) -> Footprint | None:
    """The predicted memory on the processor; None when the file cannot be read."""
    if row.description is None:
        return None
    try:
        return predict(row.description, ctx_size=service.ctx_size, slots=service.users)
    except UnusableArguments:
        return None


def judged(row: ModelRow, service: Service, free: FreeMemory) -> ModelRow:
    """The row with whether it fits into the free memory."""
    found = fit_of(row, service, free, far=False)
    if found is None:
        return replace(row, fits=None, fit_reason="")
    if found.needed_bytes is None:
        weights = sum(each.held.weights_bytes for each in found.devices)
        needs = f"the weights alone need {bytes_text(weights)}, the KV cache is not understood yet"
    else:
        needs = f"needs {bytes_text(found.needed_bytes)}"
    total = free.main_bytes + sum(free.gpu_bytes)
    return replace(row, fits=found.is_enough, fit_reason=f"{needs}, {bytes_text(total)} are free")
