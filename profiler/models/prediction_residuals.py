"""What finished runs took against what had been predicted for them, kept for this machine; it corrects the next prediction.

A residual is measured ÷ predicted seconds of a decode step. With the weight w of each kept one

    correction = exp(Σ w n log(residual) / (Σ w n + PRIOR))

where n is how many runs it rests on and w how near its setting is: 1 for the same model and number of tokens, less for another
mix of types, another size of model, another number of tokens. Another library, number of threads or calibration has none. Where
the very model was measured, only its own residuals count, without a prior. The interval narrows from the prediction's own to the
spread of the residuals as their weights come to outweigh the prior.
"""

import contextlib
import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from profiler import paths
from profiler.modelfile.description import ModelDescription
from profiler.models.speed_prediction import StepPrediction, matmul_bytes
from profiler.records.kernel_speed import KernelSpeed

FORMAT = 1
MOST_ENTRIES = 200
MOST_RATIOS = 8
PRIOR = 1.0
"""So much weighs the prediction itself against runs of other models."""

NARROWEST = 1.15
"""Two runs of the same are further apart than that seldom; an interval never gets narrower."""

_LEAST_NEARNESS = 0.1
_STRANGE = 20.0  # a run that took so many times more or less than predicted was none of what was predicted


@dataclass(frozen=True, slots=True)
class Setting:
    """What a prediction was made for.

    Attributes:
        model: architecture, parameters and size of the file in a line; its name and path do not matter.
        parameters: of the model.
        mix: share of the matrices' bytes by type.
        machine: library, threads and layers on the GPU in a line.
        calibration: a hash of the kernels' speeds; a new calibration starts anew.
    """

    model: str
    parameters: int
    mix: tuple[tuple[str, float], ...]
    machine: str
    calibration: str

    @classmethod
    def of(
        cls,
        description: ModelDescription,
        speeds: Sequence[KernelSpeed],
        library_version: str,
        threads: int,
        n_gpu_layers: int,
    ) -> "Setting":
        """The setting of a model with these kernels.

        Only those of its own types, and thin layers, are part of the hash, as long as no other has to stand in.
        """
        by_type = matmul_bytes(description, 1) or {}
        total = sum(by_type.values()) or 1.0
        own = {name.lower() for name in by_type}
        needs_others = not own <= {speed.type.lower() for speed in speeds}
        used = sorted(
            (speed.shape, speed.type, speed.tokens, speed.sequences, speed.seconds)
            for speed in speeds
            if needs_others or speed.shape == "thin" or speed.type.lower() in own
        )
        return cls(
            model=f"{description.architecture} {description.parameters} {description.tensor_bytes}",
            parameters=description.parameters,
            mix=tuple(sorted((name, round(count / total, 4)) for name, count in by_type.items())),
            machine=f"{library_version} threads {threads} layers {n_gpu_layers}",
            calibration=hashlib.sha256(json.dumps(used).encode()).hexdigest()[:16],
        )


@dataclass(frozen=True, slots=True)
class Residual:
    """What runs of one setting took at one number of tokens.

    Attributes:
        tokens: of the decode step.
        ratios: measured ÷ predicted, the newest last.
    """

    setting: Setting
    tokens: int
    ratios: tuple[float, ...]


def corrected(prediction: StepPrediction, setting: Setting, residuals: Iterable[Residual]) -> StepPrediction:
    """The prediction as the kept residuals have it; unchanged where they say nothing, or where it knows only bounds."""
    if prediction.seconds is None:
        return prediction
    weighted = [(nearness(each, setting, prediction.tokens), each) for each in residuals]
    own = [(weight, each) for weight, each in weighted if weight == 1.0]
    used, prior = (own, 0.0) if own else ([(weight, each) for weight, each in weighted if weight >= _LEAST_NEARNESS], PRIOR)
    logs = [(weight, math.log(ratio)) for weight, each in used for ratio in each.ratios]
    if not logs:
        return prediction
    weight = sum(each for each, _ in logs)
    shift = sum(each * log for each, log in logs) / (weight + prior)
    mean = sum(each * log for each, log in logs) / weight
    spread = math.sqrt(sum(each * (log - mean) ** 2 for each, log in logs) / weight)
    trust = weight / (weight + PRIOR)
    narrow = max(math.log(NARROWEST), 2 * spread)
    seconds = prediction.seconds * math.exp(shift)
    below = math.exp(trust * narrow + (1 - trust) * math.log(prediction.seconds / prediction.low_seconds))
    above = math.exp(trust * narrow + (1 - trust) * math.log(prediction.high_seconds / prediction.seconds))
    whose = "this model's own runs" if own else "runs of similar models"
    told = f"{prediction.method}, corrected by {whose}"
    return replace(prediction, seconds=seconds, low_seconds=seconds / below, high_seconds=seconds * above, method=told)


def nearness(residual: Residual, setting: Setting, tokens: int) -> float:
    """From 1, the same model and number of tokens, to 0: it says nothing about this one."""
    kept = residual.setting
    if kept.machine != setting.machine:
        return 0.0
    is_same = kept.model == setting.model and kept.mix == setting.mix
    if is_same and kept.calibration != setting.calibration:
        return 0.0
    apart_tokens = abs(math.log2(residual.tokens / tokens))
    if is_same:
        return math.exp(-apart_tokens)
    shares = dict(kept.mix)
    overlap = sum(min(share, shares.get(name, 0.0)) for name, share in setting.mix)
    apart_size = abs(math.log2(max(1, kept.parameters) / max(1, setting.parameters)))
    return 0.5 * overlap * math.exp(-apart_tokens - apart_size / 2)


def learn(setting: Setting, tokens: int, measured_s: float, predicted_s: float) -> None:
    """Keep what a run's decode step took; nothing happens where the file cannot be written, or the figures make no sense.

    Args:
        setting: of the run.
        tokens: of the step.
        measured_s: the median of steps that only decoded.
        predicted_s: without any correction.
    """
    if not (measured_s > 0 and predicted_s > 0) or not 1 / _STRANGE < measured_s / predicted_s < _STRANGE:
        return
    kept = known()
    before = next((each for each in kept if each.setting == setting and each.tokens == tokens), None)
    ratios = (*(before.ratios if before is not None else ()), measured_s / predicted_s)
    others = [each for each in kept if each is not before and not _is_superseded(each, setting)]
    _store([*others, Residual(setting, tokens, ratios[-MOST_RATIOS:])][-MOST_ENTRIES:])


def known() -> tuple[Residual, ...]:
    """Everything kept, the newest last; nothing from a file of another format or a damaged one."""
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            return ()
        return tuple(_from_document(entry) for entry in document["residuals"][-MOST_ENTRIES:])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()


def _is_superseded(residual: Residual, setting: Setting) -> bool:
    """It rests on an older calibration of the same types."""
    kept = residual.setting
    return kept.machine == setting.machine and kept.model == setting.model and kept.calibration != setting.calibration


def _file() -> Path:
    return paths.data_folder() / "prediction_residuals.json"


def _store(residuals: Sequence[Residual]) -> None:
    document = {"format": FORMAT, "residuals": [dataclasses.asdict(each) for each in residuals]}
    # Where it cannot be written, the next prediction is as good as this one was: no reason to fail now.
    with contextlib.suppress(OSError):
        paths.write_in_one_move(_file(), json.dumps(document))


def _from_document(document: dict[str, Any]) -> Residual:
    """Raises ValueError, TypeError or KeyError on anything that `_store` would not have written."""
    setting = document["setting"]
    texts = {name: setting[name] for name in ("model", "machine", "calibration")}
    mix = tuple((str(name), float(share)) for name, share in setting["mix"])
    ratios = tuple(float(ratio) for ratio in document["ratios"])
    tokens, parameters = int(document["tokens"]), int(setting["parameters"])
    is_sound = (
        all(isinstance(text, str) for text in texts.values())
        and all(0 <= share <= 1 for _, share in mix)
        and 0 < len(ratios) <= MOST_RATIOS
        and all(1 / _STRANGE < ratio < _STRANGE for ratio in ratios)
        and tokens > 0
        and parameters >= 0
    )
    if not is_sound:
        raise ValueError("this residual contradicts itself")
    return Residual(Setting(**texts, parameters=parameters, mix=mix), tokens, ratios)
