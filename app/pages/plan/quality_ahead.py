"""How long it takes to score the quality of a plan's models: a rule of thumb, as the time of its runs is. Pure."""

from collections.abc import Mapping, Sequence

from profiler.modelfile.description import ModelDescription
from profiler.models.quality import CTX_SIZE, Scoring
from profiler.models.quality_text import QualityText
from profiler.plan.plan import AS_IS
from profiler.records.fingerprint import Ceilings
from profiler.sweep.estimate import ASSUMED_BANDWIDTH_GB_S, PREFILL_SPEEDUP, STEP_SLOWDOWN
from profiler.sweep.known_speeds import Speeds

DEFAULT_TOKENS = 5100
"""Twenty windows: enough that a 99th percentile is stated, and done within a minute for a small model."""

BYTES_PER_TOKEN = 3.5
"""Of a mixed text, roughly."""

_NO_TEXT = QualityText("", "", "")


def quality_seconds(
    tokens: int | None,
    sources: Mapping[str, ModelDescription],
    choices: Sequence[tuple[str, str]],
    ceilings: Ceilings | None,
    text_bytes: int | None,
    speeds: Sequence[Speeds] = (),
) -> float | None:
    """Seconds of scoring what a plan asks for; 0 where it asks for nothing, None while a model is not known.

    What was scored before is not scored again, so it may be less.

    Args:
        tokens: the plan's budget.
        sources: its models by their label.
        choices: label and quantization of everything that is measured.
        ceilings: of this machine, None when they were not measured.
        text_bytes: of the text; None when it cannot be read.
        speeds: what is known of this machine; the newest come last.
    """
    if tokens is None:
        return 0.0
    if text_bytes is None or any(label not in sources for label, _ in choices):
        return None
    windows = Scoring(_NO_TEXT, 1, "", tokens=tokens).windows
    assert windows is not None  # there is a budget
    evaluated = min(windows * CTX_SIZE, text_bytes / BYTES_PER_TOKEN)
    bandwidth = (ceilings.bandwidth_gb_s if ceilings else None) or ASSUMED_BANDWIDTH_GB_S
    seconds = 0.0
    for label, source in sources.items():
        members = [quant for other, quant in choices if other == label]
        # The base, the file itself, goes over the text beside those that are compared with it, whether it is measured or not.
        passes = len(members) + (AS_IS not in members)
        seconds += evaluated * passes * _token_s(source, bandwidth, speeds)
    return seconds


def _token_s(model: ModelDescription, bandwidth_gb_s: float, speeds: Sequence[Speeds]) -> float:
    """Seconds of a token of the text: what one of a prompt took in a sweep of the model, else by the bytes of its weights."""
    for known in reversed(speeds):
        if known.prefill_s and (known.architecture, known.parameters) == (model.architecture, model.parameters):
            return known.prefill_s
    return STEP_SLOWDOWN * model.tensor_bytes / (bandwidth_gb_s * 1e9) / PREFILL_SPEEDUP
