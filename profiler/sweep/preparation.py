"""What a sweep needs before its first run: the machine told, the models read, hashed and where asked quantized."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault, InferometerError, UnusableArguments
from profiler.hardware import ceilings, cpu, fingerprint, telemetry
from profiler.modelfile.content_hash import sha256_of_parts
from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.imatrix import Imatrix, read_imatrix
from profiler.modelfile.type_mix import class_mix
from profiler.models import kernel_speeds, quantization_cache
from profiler.models.grouping import ModelChoice, model_choices, separate_choices
from profiler.models.quantization import make, requantizing_warning
from profiler.models.sample import sample_model_path
from profiler.plan.cells import ALL_LAYERS, model_labels
from profiler.plan.plan import SAMPLE_MODEL, Plan
from profiler.records.fingerprint import Device, EngineIdentity, Fingerprint
from profiler.records.run_record import ModelRecord, StepCosts
from profiler.records.specification import ContextSettings

Report = Callable[[str, float | None], None]
"""Hears what is being prepared and the share done, None when unknown."""


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A model of the plan in one quantization: its record and its description, or why it cannot be had.

    Attributes:
        problem: why it cannot be had, empty when it can.
        warning: what casts doubt on it and on the others made from the same file, told once. Empty when nothing does.
    """

    label: str
    quant: str
    path: Path | None
    record: ModelRecord | None
    description: ModelDescription | None
    problem: str = ""
    warning: str = ""

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


def describe_machine(
    child: EngineChild, report: Report, *, refresh: bool = False, cancel: threading.Event | None = None
) -> Fingerprint:
    """The fingerprint with this engine's identity.

    The ceilings are measured when no measurement of this machine is kept, or anew with `refresh`; `cancel` ends that.

    Raises:
        EnvironmentFault: the engine cannot tell, or there is no memory to measure with; Interrupted: `cancel` was set.
    """
    end = child.run_job("describe", {})
    if not end.outcome.is_done:
        raise EnvironmentFault(end.outcome.sentence)
    identity = EngineIdentity(end.result["llama_cpp_python"], tuple(end.result["backends"]), str(end.result["system_info"]))
    devices = tuple(Device(**device) for device in end.result["devices"])
    sentence = "measuring this machine's memory bandwidth"
    if refresh or ceilings.cached() is None:
        report(sentence, None)
    bandwidth = ceilings.measured(refresh, on_progress=lambda share: report(sentence, share), cancel=cancel)
    compute_gflop_s = _compute_gflop_s(identity, devices, report, refresh=refresh, cancel=cancel)
    compute_threads = None if compute_gflop_s is None or _has_gpu(devices) else cpu.default_threads()
    peaks = replace(bandwidth, compute_gflop_s=compute_gflop_s, compute_threads=compute_threads)
    return fingerprint.take(identity, devices, peaks, telemetry.sources_available())


def _compute_gflop_s(
    identity: EngineIdentity, devices: Sequence[Device], report: Report, *, refresh: bool, cancel: threading.Event | None
) -> float | None:
    """The most that a prompt gets out of this machine; None when the engine cannot tell.

    Measured by an engine of its own: the one that is given would show the probe's memory as its own.
    """
    layers = ALL_LAYERS if _has_gpu(devices) else 0
    try:
        speeds = kernel_speeds.measure(
            kernel_speeds.USUAL_TYPES,
            identity.llama_cpp_python,
            cpu.default_threads(),
            layers,
            on_progress=report,
            cancel=cancel,
            refresh=refresh,
        )
    except EnvironmentFault:
        return None
    return kernel_speeds.peak_gflop_s(speeds)


def _has_gpu(devices: Sequence[Device]) -> bool:
    return any(device.kind == "gpu" for device in devices)


def choices_of(plan: Plan) -> list[ModelChoice]:
    """What the plan measures, files that are one model grouped; raises InferometerError when a file cannot be read."""
    return model_choices([describe(resolve_model_path(name)) for name in plan.models.paths], plan.models.quant)


def prepare_models(
    plan: Plan,
    library_version: str,
    threads: int,
    report: Report,
    cancel: threading.Event,
    choices: Sequence[ModelChoice] | None = None,
) -> list[PreparedModel]:
    """Every model of the plan in every quantization, in the order of `choices`; records are numbered from 1.

    Models that were made are held in the cache until `release_models`.

    Args:
        plan: the plan.
        library_version: of llama-cpp-python.
        threads: for the quantizer.
        report: hears what is being done.
        cancel: ends it when set.
        choices: what to prepare (`choices_of`); None takes each file for a model of its own.

    Raises:
        InferometerError: a source model or the importance matrix cannot be read; a quantization that cannot be made is told in
            its `problem`.
    """
    paths = [resolve_model_path(name) for name in plan.models.paths]
    if choices is None:
        choices = separate_choices(model_labels([str(path) for path in paths]), plan.models.quant)
    sources = [describe(path) for path in paths]
    imatrix = None
    if plan.models.imatrix is not None and any(choice.made_type for choice in choices):
        imatrix = read_imatrix(Path(plan.models.imatrix).expanduser(), plan.models.imatrix)
    prepared: list[PreparedModel] = []
    with EngineChild() as quantizer, ExitStack() as undo:  # not the engine that is measured: its memory would show the making
        undo.callback(lambda: release_models(prepared))
        for choice in choices:
            source, model_id = sources[choice.place], len(prepared) + 1
            if choice.made_type is None:
                prepared.append(_read(choice, source, report, cancel, model_id))
            else:
                order = _Order(choice.made_type, imatrix, library_version, threads, quantizer)
                prepared.append(_made(choice, order, source, report, cancel, model_id))
        undo.pop_all()
    return _with_warnings(prepared, choices, sources)


def _with_warnings(
    prepared: Sequence[PreparedModel], choices: Sequence[ModelChoice], sources: Sequence[ModelDescription]
) -> list[PreparedModel]:
    """The first model made from each source warns of all that were."""
    warned = list(prepared)
    for place in dict.fromkeys(choice.place for choice in choices):
        made = [number for number, choice in enumerate(choices) if choice.place == place and choice.made_type is not None]
        made = [number for number in made if prepared[number].path is not None]
        if made:
            warning = requantizing_warning(sources[place], [choices[number].quant for number in made])
            warned[made[0]] = replace(prepared[made[0]], warning=warning)
    return warned


def release_models(prepared: Sequence[PreparedModel]) -> None:
    """Let the cache's files that a sweep has used be deleted again."""
    for model in prepared:
        if model.path is not None and model.record is not None and model.record.source_name is not None:
            quantization_cache.release(model.path)


def _read(choice: ModelChoice, source: ModelDescription, report: Report, cancel: threading.Event, model_id: int) -> PreparedModel:
    name = source.path.name
    report(f"reading {name}", None)
    content_hash = sha256_of_parts(source.parts, lambda share: report(f"reading {name}", share), cancel)
    return PreparedModel(choice.label, choice.quant, source.path, _record(model_id, source.path, source, content_hash), source)


@dataclass(frozen=True, slots=True)
class _Order:
    """What to make, and with what."""

    type_name: str
    imatrix: Imatrix | None
    library_version: str
    threads: int
    child: EngineChild


def _made(
    choice: ModelChoice, order: _Order, source: ModelDescription, report: Report, cancel: threading.Event, model_id: int
) -> PreparedModel:
    told = f"making {order.type_name} of {source.path.name}"
    report(told, None)
    try:
        made = make(
            source.path,
            order.type_name,
            library_version=order.library_version,
            threads=order.threads,
            imatrix=order.imatrix,
            child=order.child,
            on_progress=lambda share: report(told, share),
            cancel=cancel,
        )
        quantization_cache.hold(made.path)
        try:
            description = describe(made.path)
        except InferometerError:
            quantization_cache.release(made.path)
            raise
    except InferometerError as error:
        return PreparedModel(choice.label, choice.quant, None, None, None, error.sentence)
    record = replace(
        _record(model_id, made.path, description, made.sha256),
        source_name=source.path.name,
        fallback_tensors=made.fallback_tensors,
        imatrix_name=made.imatrix_name,
    )
    return PreparedModel(choice.label, choice.quant, made.path, record, description)


def _record(model_id: int, path: Path, description: ModelDescription, content_hash: str) -> ModelRecord:
    imatrix = description.metadata.get("quantize.imatrix.file")
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
        # Whoever made a downloaded file may have given a path of any system.
        imatrix_name=PureWindowsPath(imatrix).name or None if isinstance(imatrix, str) else None,
        type_mix=class_mix(description.tensors),
    )
