"""What this machine is expected to make of a model: read, measured and put into words. The first two on worker threads only."""

from dataclasses import dataclass

from app.bridge.job import JobLine
from app.pages.models.fit import Service
from app.widgets.fact_rows import Fact
from profiler.child.engine_child import EngineChild
from profiler.hardware import cpu
from profiler.hardware.memory_speed import kept_memory_speed
from profiler.modelfile.description import ModelDescription
from profiler.models import kernel_speeds, prediction_residuals
from profiler.models.machine_prediction import predict_speed, types_to_measure
from profiler.models.prediction_residuals import Residual
from profiler.models.quantization_sizes import library_types
from profiler.models.speed_prediction import StepPrediction
from profiler.units import NOT_AVAILABLE, significant

_PROMPT_TOKENS = 512
_NOTHING = "Neither this machine's kernels nor its memory bandwidth were measured yet. Calibrate to have the kernels measured."


@dataclass(frozen=True, slots=True)
class SpeedOutlook:
    """What to expect.

    Attributes:
        users: that decode together.
        decode: of a step of all users, each with a context half full.
        prefill: of a prompt of 512 tokens.
        last: the newest residual of the same model, None without one.
        is_calibrated: its types' kernels were measured here.
    """

    users: int
    decode: StepPrediction | None
    prefill: StepPrediction | None
    last: Residual | None
    is_calibrated: bool


def look(description: ModelDescription, service: Service) -> SpeedOutlook:
    """Everything that is kept of this machine, applied to this model on the processor; measures nothing."""
    threads, memory = cpu.default_threads(), kept_memory_speed()
    tokens, context = service.users, service.ctx_size // 2
    version = kernel_speeds.newest_version(threads)
    speeds = () if version is None else kernel_speeds.known(version, threads)
    last = None
    if version is not None:
        setting = prediction_residuals.Setting.of(description, speeds, version, threads, 0)
        last = next((each for each in reversed(prediction_residuals.known()) if each.setting == setting), None)
    known = {speed.type.lower() for speed in speeds if speed.shape == "wide"}
    return SpeedOutlook(
        users=tokens,
        decode=predict_speed(description, memory, threads=threads, tokens=tokens, context_tokens=context),
        prefill=predict_speed(
            description, memory, threads=threads, tokens=min(_PROMPT_TOKENS, service.ctx_size), is_prefill=True
        ),
        last=last,
        is_calibrated={name.lower() for name in types_to_measure(description)} <= known,
    )


def calibrate(line: JobLine, description: ModelDescription) -> None:
    """Measure this machine's kernels for the types of the model.

    Raises:
        EnvironmentFault: the engine cannot, or other programs disturbed it; Interrupted: the job was cancelled.
    """
    with EngineChild() as child:
        version = library_types(child).library_version
        kernel_speeds.calibrate(
            types_to_measure(description),
            version,
            cpu.default_threads(),
            child=child,
            on_progress=line.progress,
            cancel=line.cancel,
        )


def facts(outlook: SpeedOutlook) -> list[Fact]:
    """Decode and prefill, each with its interval."""
    whose = "" if outlook.users == 1 else f", {outlook.users} users together"
    return [
        Fact(f"Decode{whose}", speed_text(outlook.decode), term="Tokens a second, with half of the context used"),
        Fact("Prefill", speed_text(outlook.prefill), term=f"Prompt tokens a second, of a prompt of {_PROMPT_TOKENS} tokens"),
    ]


def speed_text(prediction: StepPrediction | None) -> str:
    """The likeliest speed with its interval, or the interval alone."""
    if prediction is None:
        return NOT_AVAILABLE
    low, high = significant(prediction.tok_s_low, 2), significant(prediction.tok_s_high, 2)
    if prediction.tok_s is None:
        return f"{low} to {high} tok/s"
    return f"{significant(prediction.tok_s, 2)} tok/s ({low} to {high})"


def basis_words(outlook: SpeedOutlook) -> str:
    """On what it rests."""
    prediction = outlook.decode or outlook.prefill
    return _NOTHING if prediction is None else f"On the processor, from {prediction.method}."


def residual_words(outlook: SpeedOutlook) -> str:
    """How the last run of this file compared with what the kernels alone foretell; empty without one."""
    if outlook.last is None:
        return ""
    percent = 100 * (outlook.last.ratios[-1] - 1)
    users = "1 user" if outlook.last.tokens == 1 else f"{outlook.last.tokens} users"
    if abs(percent) < 1:
        return f"Its last run here, with {users}, took as long as the kernels alone foretell."
    more = "longer" if percent > 0 else "less"
    return (
        f"Its last run here, with {users}: a step took {significant(abs(percent), 2)} % {more} than the kernels alone foretell."
    )
