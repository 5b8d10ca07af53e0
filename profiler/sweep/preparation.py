"""What a sweep needs before its first run: the machine told, the models read, hashed and where asked quantized."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault, InferometerError, UnusableArguments
from profiler.hardware import ceilings, fingerprint, telemetry
from profiler.modelfile.content_hash import sha256_of_parts
from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import ModelDescription, describe
from profiler.models.quantization import make
from profiler.models.sample import sample_model_path
from profiler.plan.cells import model_labels
from profiler.plan.plan import AS_IS, SAMPLE_MODEL, Plan
from profiler.records.fingerprint import Device, EngineIdentity, Fingerprint
from profiler.records.run_record import ModelRecord, StepCosts
from profiler.records.specification import ContextSettings

Report = Callable[[str, float | None], None]
"""Hears what is being prepared and the share done, None when unknown."""


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A model of the plan in one quantization: its record and its description, or why it cannot be had."""

    label: str
    quant: str
    path: Path | None
    record: ModelRecord | None
    description: ModelDescription | None
    problem: str = ""

    def costs(self, context: ContextSettings) -> StepCosts | None:
        """What a step of it reads; None where that is not understood, or for a cache type that llama.cpp will refuse."""
        if self.description is None:
            return None
        try:
            return step_costs(self.description, context.cache_type_k, context.cache_type_v)
        except UnusableArguments:
            return None


def resolve_model_path(name: str) -> Path:
    """The file that a plan names; raises EnvironmentFault when there is none."""
    if name == SAMPLE_MODEL:
        return sample_model_path()
    path = Path(name).expanduser()
    if not path.exists():
        raise EnvironmentFault(f"There is no file {path}; give the path of a GGUF model, or 'sample'.")
    return path.absolute()


def describe_machine(child: EngineChild, report: Report, *, refresh: bool = False) -> Fingerprint:
    """The fingerprint with this engine's identity.

    The ceilings are measured when no measurement of this machine is kept, or anew with `refresh`.
    """
    end = child.run_job("describe", {})
    if not end.outcome.is_done:
        raise EnvironmentFault(end.outcome.sentence)
    identity = EngineIdentity(end.result["llama_cpp_python"], tuple(end.result["backends"]), str(end.result["system_info"]))
    devices = tuple(Device(**device) for device in end.result["devices"])
    if refresh or ceilings.cached() is None:
        report("measuring this machine's memory bandwidth", None)
    return fingerprint.take(identity, devices, ceilings.measured(refresh), telemetry.sources_available())


def prepare_models(
    plan: Plan, library_version: str, threads: int, report: Report, cancel: threading.Event
) -> list[PreparedModel]:
    """Every model of the plan in every quantization, in the plan's order; records are numbered from 1.

    Raises InferometerError when a source model cannot be read; a quantization that cannot be made is told in its `problem`.
    """
    paths = [resolve_model_path(name) for name in plan.models.paths]
    prepared: list[PreparedModel] = []
    for label, path in zip(model_labels([str(path) for path in paths]), paths, strict=True):
        source = describe(path)
        for quant in plan.models.quant:
            prepared.append(_prepare(label, path, source, quant, library_version, threads, report, cancel, len(prepared) + 1))
    return prepared


def _prepare(
    label: str,
    path: Path,
    source: ModelDescription,
    quant: str,
    library_version: str,
    threads: int,
    report: Report,
    cancel: threading.Event,
    model_id: int,
) -> PreparedModel:
    if quant == AS_IS:
        report(f"reading {path.name}", None)
        content_hash = sha256_of_parts(source.parts, lambda share: report(f"reading {path.name}", share), cancel)
        return PreparedModel(label, quant, path, _record(model_id, path, source, content_hash), source)
    report(f"making {quant} of {path.name}", None)
    try:
        made = make(
            path,
            quant,
            library_version=library_version,
            threads=threads,
            on_progress=lambda share: report(f"making {quant} of {path.name}", share),
            cancel=cancel,
        )
        description = describe(made.path)
    except InferometerError as error:
        return PreparedModel(label, quant, None, None, None, error.sentence)
    record = _record(model_id, made.path, description, made.sha256)
    record = replace(record, source_name=path.name, fallback_tensors=made.fallback_tensors)
    return PreparedModel(label, quant, made.path, record, description)


def _record(model_id: int, path: Path, description: ModelDescription, content_hash: str) -> ModelRecord:
    return ModelRecord(
        model_id=model_id,
        name=description.name,
        path=str(path),
        sha256=content_hash,
        architecture=description.architecture,
        parameters=description.parameters,
        quantization=description.quantization,
        file_bytes=description.file_bytes,
        bits_per_weight=description.bits_per_weight,
        context_train=description.context_train,
    )
