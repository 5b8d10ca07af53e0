"""The columns of the tables of quantizations and of quality."""

import math

from app.pages.models.made_models import MadeModel, ScoredModel
from app.tables.column import Column, Interval, Raw
from profiler.units import bytes_text, significant

_NORMAL_95 = 1.96
"""Standard errors in half of a 95 % interval; hundreds of tokens are scored."""


def _number(raw: Raw) -> float:
    assert isinstance(raw, int | float)
    return raw


def _bits(made: MadeModel) -> float | None:
    return None if made.description is None else made.description.bits_per_weight


def _fell_back(made: MadeModel) -> str | None:
    if made.description is None:
        return None
    count = made.cached.fallback_tensors
    return f"{count} of {len(made.description.tensors)} tensors" if count else "none"


def _state(made: MadeModel) -> Raw:
    return "▲ being measured" if made.cached.is_in_use else "no"


def _day(utc: str) -> str:
    """The day and the minute of an ISO 8601 time, which is in UTC."""
    return utc[:16].replace("T", " ")


MADE_COLUMNS: tuple[Column[MadeModel], ...] = (
    Column("Type", "llama.cpp's name of the file type", lambda made: made.cached.type, tip=lambda made: str(made.cached.path)),
    Column(
        "Size",
        "Of the file",
        lambda made: made.cached.file_bytes,
        lambda raw: bytes_text(_number(raw)),
        is_figure=True,
    ),
    Column("Bits/weight", "Bits of the tensors / their elements", _bits, lambda raw: significant(_number(raw)), is_figure=True),
    Column(
        "Fell back",
        "Tensors that have another type than asked, since their rows do not divide into its blocks",
        _fell_back,
    ),
    Column(
        "Matrix", "The importance matrix that it was made with", lambda made: made.cached.imatrix_name or "none", can_fold=True
    ),
    Column("Made, UTC", "When it was made", lambda made: made.cached.made_utc, lambda raw: _day(str(raw)), can_fold=True),
    Column(
        "In use",
        "A sweep that runs holds it; it cannot be deleted until that ends",
        _state,
        tone=lambda made: "caution" if made.cached.is_in_use else "plain",
        can_fold=True,
    ),
)


def mix_text(made: MadeModel) -> str:
    """What the file really holds: "Q4_K_M holds attention Q5_0 88 %, Q8_0 12 %; norm F32"; empty when it cannot be read."""
    told = []
    for name, types in made.mix.items():
        total = sum(types.values())
        shares = [f"{kind} {share_text(count / total)}" if len(types) > 1 else kind for kind, count in types.items()]
        told.append(f"{name} {', '.join(shares)}")
    return f"**{made.cached.type}** holds {'; '.join(told)} (shares of the weights)." if told else ""


def share_text(share: float) -> str:
    """A share that is neither nothing nor all does not become either: under 1 %, 88 %, over 99 %."""
    percent = 100 * share
    if 0 < percent < 1:
        return "under 1 %"
    return "over 99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def _name(scored: ScoredModel) -> str:
    return f"{scored.type} (base)" if scored.is_base else scored.type


def _of(name: str, scored: ScoredModel, scale: float = 1.0) -> float | None:
    value = None if scored.record is None else getattr(scored.record, name)
    return None if value is None else scale * value


def _interval(name: str, error: str, scored: ScoredModel, scale: float = 1.0) -> Interval | None:
    """The 95 % interval by the standard error."""
    value, stderr = _of(name, scored, scale), _of(error, scored, scale)
    if value is None or stderr is None or not math.isfinite(stderr):
        return None
    return value - _NORMAL_95 * stderr, value + _NORMAL_95 * stderr


def _why_none(scored: ScoredModel) -> str:
    if scored.record is None:
        return "Not measured: “Measure quality” does."
    if scored.is_base:
        return "The base itself, with which the others are compared"
    return f"Against {scored.record.base_name}, token by token"


QUALITY_COLUMNS: tuple[Column[ScoredModel], ...] = (
    Column("Model", "The file's type", _name, tip=lambda scored: str(scored.path)),
    Column(
        "Perplexity",
        "exp of the mean negative log-likelihood, as llama-perplexity computes it; ± half of the 95 % interval. Lower is better; "
        "only models of one vocabulary compare",
        lambda scored: _of("perplexity", scored),
        lambda raw: significant(_number(raw), 4),
        is_figure=True,
        interval=lambda scored: _interval("perplexity", "perplexity_stderr", scored),
        tip=_why_none,
    ),
    Column(
        "KL divergence",
        "Mean of D(P_base ‖ P) in nat over the scored tokens; ± half of the 95 % interval. 0 is no difference",
        lambda scored: _of("kld_mean", scored),
        lambda raw: significant(_number(raw)),
        is_figure=True,
        interval=lambda scored: _interval("kld_mean", "kld_mean_stderr", scored),
        tip=_why_none,
    ),
    Column(
        "Same first choice, %",
        "Share of tokens where both rank the same token first (top-1 agreement); ± half of the 95 % interval",
        lambda scored: _of("top1_agreement", scored, 100),
        lambda raw: significant(_number(raw)),
        is_figure=True,
        interval=lambda scored: _interval("top1_agreement", "top1_agreement_stderr", scored, 100),
        tip=_why_none,
    ),
    Column(
        "RMS Δp, %",
        "Root of the mean squared difference of the correct token's probability",
        lambda scored: _of("rms_dp", scored, 100),
        lambda raw: significant(_number(raw)),
        is_figure=True,
        tip=_why_none,
        can_fold=True,
    ),
    Column(
        "Bits/byte",
        "Bits of information that the model lacks, a byte of the text; comparable across vocabularies",
        lambda scored: _of("bits_per_byte", scored),
        lambda raw: significant(_number(raw), 4),
        is_figure=True,
        tip=_why_none,
        can_fold=True,
    ),
    Column(
        "Tokens",
        "Scored",
        lambda scored: None if scored.record is None else scored.record.tokens,
        is_figure=True,
        can_fold=True,
    ),
)
