"""What an importer makes of a file: models, cells and runs as a session holds them, and what they lack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from profiler.records.axis import AXES, AxisValue, Configuration
from profiler.records.metric import METRICS, STATISTICS
from profiler.records.run_record import Figures, ModelRecord, RunStatus
from profiler.records.specification import (
    Arrival,
    Batching,
    ContextSettings,
    LoadSettings,
    ModelSettings,
    RequestClass,
    RunSpecification,
)
from profiler.records.timing import RunData

MOST_RUNS = 5_000
"""Of a file: each is some rows of the session."""

FLAG = "imported"
"""The name of the flag that marks an imported run."""


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """One repetition.

    Attributes:
        figures: as the file tells them; None where they are computed from `data`.
        data: requests and tokens with their instants, where the file has them.
        utc: when it began, None where that is not told.
        flags: doubts that came along in the file.
        classes: the names of its classes of requests where it has several.
    """

    figures: Figures | None = None
    data: RunData | None = None
    utc: str | None = None
    status: RunStatus = RunStatus.DONE
    is_valid: bool = True
    flags: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedCell:
    """One configuration.

    Attributes:
        configuration: None on every axis that the file says nothing of.
        model: its place in `ImportedSession.models`, None where too little is told of it.
        kept: the fields of the file as they stood, those included that mean nothing here.
        lacks: what its runs have not, in words ("no request times").
    """

    configuration: Configuration
    runs: tuple[ImportedRun, ...]
    model: int | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedSession:
    """A file.

    Attributes:
        tool: which wrote it ("llama-bench").
        machine: a fingerprint's document, None where nothing is told.
        utc: the first instant that it tells, None when it tells none.
    """

    tool: str
    cells: tuple[ImportedCell, ...]
    machine: dict[str, Any]
    models: tuple[ModelRecord, ...] = ()
    title: str = ""
    utc: str | None = None


def configuration(**known: AxisValue) -> Configuration:
    """A cell's value on every axis, None on all that are not given."""
    return {axis.name: known.get(axis.name) for axis in AXES}


def figures(**known: Any) -> Figures:
    """Every metric, None on all that are not given."""
    return {metric.name: known.get(metric.name) for metric in METRICS}


def one_value(value: float | None) -> dict[str, float | int | None] | None:
    """The distribution of a single value."""
    return None if value is None else {**dict.fromkeys(STATISTICS, value), "n": 1}


def specification(values: Configuration, path: str = "") -> RunSpecification:
    """A run's specification as far as the configuration tells it.

    A specification has a value everywhere. What is not told stands in it as 0, "" or llama.cpp's default, and must not be read as
    known: the configuration is what says it, with None.
    """
    arrival = values["arrival"] if values["arrival"] in get_args(Arrival) else "closed"
    batching = values["batching"] if values["batching"] in get_args(Batching) else "continuous"
    users = _count(values, "concurrency") if arrival == "closed" else 0
    rate, burstiness = values["rate"], values["burstiness"]
    of_load = RequestClass(
        arrival=arrival,  # type: ignore[arg-type]  # one of its words
        users=users,
        prompt_tokens=str(values["prompt_tokens"] or 0),
        output_tokens=str(values["output_tokens"] or 0),
        rate_s=float(rate) if isinstance(rate, int | float) else None,
        burstiness=float(burstiness) if isinstance(burstiness, int | float) else 1.0,
        turns=_count(values, "turns") or 1,
    )
    flash = str(values["flash_attn"])
    context = ContextSettings(
        slots=_count(values, "slots"),
        ctx_size=_count(values, "ctx_size"),
        batch_size=_count(values, "batch_size"),
        ubatch_size=_count(values, "ubatch_size"),
        threads=_count(values, "threads"),
        threads_batch=_count(values, "threads_batch"),
        flash_attn=flash if flash in ("on", "off") else "auto",  # type: ignore[arg-type]  # one of its words
        cache_type_k=str(values["cache_type_k"] or ""),
        cache_type_v=str(values["cache_type_v"] or ""),
        kv_unified=values["kv_unified"] == "on",
    )
    return RunSpecification(
        ModelSettings(path, _count(values, "n_gpu_layers"), values["mmap"] != "off"),
        context,
        LoadSettings(
            (of_load,),
            batching=batching,  # type: ignore[arg-type]  # one of its words
            prefix_cache=values["prefix_cache"] == "on",
            depth=_count(values, "depth"),
        ),
    )


def _count(values: Configuration, axis: str) -> int:
    value = values[axis]
    return value if isinstance(value, int) and value > 0 else 0


def machine_document(
    *,
    processor: str | None = None,
    devices: tuple[tuple[str, str], ...] = (),
    backends: tuple[str, ...] | None = None,
    build: str | None = None,
    llama_cpp_python: str | None = None,
    operating_system: str | None = None,
    python: str | None = None,
) -> dict[str, Any]:
    """A fingerprint's document (`records.fingerprint`) in which all that is not given is None.

    Args:
        processor: its name.
        devices: of each GPU its name and its backend.
        backends: of llama.cpp.
        build: of llama.cpp, in words.
        llama_cpp_python: its version.
        operating_system: in words.
        python: its version.
    """
    listed = [
        {"name": name, "kind": "gpu", "backend": backend, "vram_total_bytes": None, "vram_free_bytes": None, "driver": None}
        for name, backend in devices
    ]
    return {
        "cpu": {"name": processor, "physical_cores": None, "logical_cores": None, "last_level_cache_bytes": None},
        "memory": {"total_bytes": None, "swap_total_bytes": None, "modules": None},
        "devices": listed if backends is not None or listed else None,
        "ceilings": {"bandwidth_gb_s": None, "compute_gflop_s": None},
        "engine": {
            "llama_cpp_python": llama_cpp_python,
            "backends": None if backends is None else list(backends),
            "system_info": build,
        },
        "operating_system": operating_system,
        "kernel": None,
        "python": python,
        "app_version": None,
    }
