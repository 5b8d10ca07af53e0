"""How well a model file predicts a text, beside how a base model does (measurement.md §3)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QualityRecord:
    """One model's quality over scored tokens of a text.

    Without a base the figures that need one are None; against itself a model is not measured: it is the base.

    Attributes:
        text_name, text_sha256: the text, by name and by content.
        ctx_size: tokens of a window; the second half of each is scored.
        tokens: scored.
        bits_per_byte: bits of information that the model lacks, a byte of the text; comparable across vocabularies.
        base_name, base_sha256: the model that it was compared with, token by token.
        kld_mean, kld_mean_stderr, kld_median, kld_p99, kld_max: D(P_base ‖ P) in nat over the scored tokens.
        top1_agreement, top1_agreement_stderr: share of tokens (0 to 1) where both rank the same token first.
        rms_dp: root of the mean squared difference of the correct token's probability.
        log_ratio, log_ratio_stderr: mean of the paired differences of negative log-likelihood, ours less the base's:
            ln(PPL / PPL_base) with its standard error.
    """

    text_name: str
    text_sha256: str
    ctx_size: int
    tokens: int
    perplexity: float
    perplexity_stderr: float
    bits_per_byte: float
    base_name: str | None = None
    base_sha256: str | None = None
    kld_mean: float | None = None
    kld_mean_stderr: float | None = None
    kld_median: float | None = None
    kld_p99: float | None = None
    kld_max: float | None = None
    top1_agreement: float | None = None
    top1_agreement_stderr: float | None = None
    rms_dp: float | None = None
    log_ratio: float | None = None
    log_ratio_stderr: float | None = None
