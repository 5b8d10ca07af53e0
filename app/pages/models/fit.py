"""Whether a model fits here. Pure but for a look at the free memory."""

from dataclasses import dataclass, replace

from app.pages.models.model_columns import ModelRow
from profiler.errors import UnusableArguments
from profiler.hardware import main_memory
from profiler.modelfile.footprint import Footprint, fits, predict
from profiler.units import bytes_text


@dataclass(frozen=True, slots=True)
class Service:
    """What a model would have to hold: so many users, each with so many tokens of context."""

    ctx_size: int = 4096
    users: int = 1


def footprint_of(row: ModelRow, service: Service) -> Footprint | None:
    """The predicted memory; None when the file cannot be read."""
    if row.description is None:
        return None
    try:
        return predict(row.description, ctx_size=service.ctx_size, slots=service.users)
    except UnusableArguments:
        return None


def judged(row: ModelRow, service: Service, free_bytes: int | None = None) -> ModelRow:
    """The row with whether it fits into the free memory."""
    free = main_memory.available_bytes() if free_bytes is None else free_bytes
    footprint = footprint_of(row, service)
    if footprint is None:
        return replace(row, fits=None, fit_reason="")
    if footprint.total_bytes is None:
        needs = f"the weights alone need {bytes_text(footprint.weights_bytes)}, the KV cache is not understood yet"
    else:
        needs = f"needs {bytes_text(footprint.total_bytes)}"
    return replace(row, fits=fits(footprint, free), fit_reason=f"{needs}, {bytes_text(free)} are free")
