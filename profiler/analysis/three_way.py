"""Speed, memory and quality beside each other: how much quality each model file lost, and which files no other one beats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

from profiler.records.quality import QualityRecord
from profiler.records.run_record import ModelRecord

LossMeasure = Literal["kld", "bits_per_byte"]

NORMAL_95 = 1.96
"""Standard errors on each side of a mean in a 95 % interval; the scored tokens are many thousands."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How much worse a model predicts the text; less is better.

    Attributes:
        value: in the unit of its measure: nat a token against the base, or bits a byte.
        interval: its 95 % interval, None for the base, which is not compared with itself.
        is_base: the others were compared with it; its KL divergence is 0 by definition.
    """

    value: float
    interval: tuple[float, float] | None = None
    is_base: bool = False


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses of a session's models that can be held against each other.

    Attributes:
        measure: "kld" where all were compared with one base on the same tokens; "bits_per_byte" where models have different
            bases, since only that compares across vocabularies.
        base_name: of the base; None in bits a byte.
        by_model: by model_id; a model without an entry was not scored, or not in a way that compares.
    """

    measure: LossMeasure
    base_name: str | None
    by_model: Mapping[int, Loss]


@dataclass(frozen=True, slots=True)
class ThreeWayPoint:
    """One model file at one cell.

    Attributes:
        output_tok_s: more is better.
        memory_bytes: less is better.
        loss: less is better; None where it is not known.
    """

    output_tok_s: float
    memory_bytes: float
    loss: float | None


def losses(models: Sequence[ModelRecord]) -> Losses | None:
    """What can be held against each other of these models' quality; None where nothing was scored.

    Of several groups of models that compare (one text, one window, the same number of tokens, one base) the largest counts;
    where models have different bases and one text, bits a byte compare them all.
    """
    scored = [(model, model.quality) for model in models if model.quality is not None]
    groups: dict[tuple[str, int, int, str], dict[int, Loss]] = {}
    names: dict[str, str] = {}
    for model, quality in scored:
        if quality.base_sha256 is not None and quality.kld_mean is not None:
            key = (quality.text_sha256, quality.ctx_size, quality.tokens, quality.base_sha256)
            groups.setdefault(key, {})[model.model_id] = Loss(quality.kld_mean, _kld_interval(quality))
            names[quality.base_sha256] = quality.base_name or "the base"
    for key, group in groups.items():
        group |= {model.model_id: Loss(0.0, None, is_base=True) for model in models if model.sha256 == key[3]}
    texts = {(quality.text_sha256, quality.ctx_size) for _, quality in scored}
    largest = max(groups.items(), key=lambda item: len(item[1]), default=None)
    if largest is not None and (len(names) == 1 or len(texts) > 1):
        return Losses("kld", names[largest[0][3]], largest[1])
    if len(texts) != 1:
        return None
    return Losses("bits_per_byte", None, {model.model_id: _bits_per_byte(quality) for model, quality in scored})


def beaten_by(points: Mapping[int, ThreeWayPoint]) -> dict[int, int | None]:
    """For each point another one that is at least as good in all three and better in one (Pareto); None where there is none.

    Of several the one with the most output. Where no loss is known at all, speed and memory decide; where some are known, a point
    without one is neither beaten nor beats, since it might be the best or the worst. Points that tie do not beat each other.
    """
    has_loss = any(point.loss is not None for point in points.values())
    compared = {key: point for key, point in points.items() if point.loss is not None or not has_loss}
    beaten: dict[int, int | None] = dict.fromkeys(points)
    for key, point in compared.items():
        better = [other for other, rival in compared.items() if other != key and _beats(rival, point)]
        beaten[key] = max(better, key=lambda other: compared[other].output_tok_s, default=None)
    return beaten


def _beats(rival: ThreeWayPoint, point: ThreeWayPoint) -> bool:
    theirs, ours = _costs(rival), _costs(point)
    return theirs != ours and all(their <= our for their, our in zip(theirs, ours, strict=True))


def _costs(point: ThreeWayPoint) -> tuple[float, float, float]:
    return -point.output_tok_s, point.memory_bytes, point.loss or 0.0


def _kld_interval(quality: QualityRecord) -> tuple[float, float] | None:
    """A divergence is never negative."""
    if quality.kld_mean is None or quality.kld_mean_stderr is None:
        return None
    half = NORMAL_95 * quality.kld_mean_stderr
    return max(0.0, quality.kld_mean - half), quality.kld_mean + half


def _bits_per_byte(quality: QualityRecord) -> Loss:
    """Bits a byte are the mean negative log-likelihood by another unit, and the perplexity is its exponential.

    So the relative errors of bits and of that mean are one: (SE of PPL / PPL) / ln PPL.
    """
    value = quality.bits_per_byte
    if quality.perplexity <= 1:
        return Loss(value)
    half = NORMAL_95 * value * quality.perplexity_stderr / (quality.perplexity * log(quality.perplexity))
    return Loss(value, (max(0.0, value - half), value + half))
