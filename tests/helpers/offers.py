"""What could be made of models, put together by hand, for tests that ask no engine."""

from app.pages.models.quantization_offers import Offer, Offers, SourceOffers
from profiler.models.quantization_sizes import Prediction
from profiler.records.quality import QualityRecord


def prediction(
    type_name: str, file_bytes: int | None = 1000, *, bits: float = 4.5, needs_imatrix: bool = False, fallback: int = 0
) -> Prediction:
    """A type of a model; without a size it cannot be made."""
    refused = file_bytes is None
    return Prediction(
        type_name,
        file_bytes,
        None if refused else bits,
        None if refused else fallback,
        needs_imatrix,
        "no fallback is defined" if refused else "",
    )


def offers_of(*names: str, **of_types: Offer) -> Offers:
    """The same offers for each source."""
    return Offers(tuple(of_types), {name: SourceOffers(of_types) for name in names})


def quality(*, base: str | None = "best.gguf", kld: float | None = 0.0123, tokens: int = 1020) -> QualityRecord:
    """A record of quality."""
    return QualityRecord(
        "calibration.txt",
        "ef" * 32,
        512,
        tokens,
        21.0,
        0.5,
        1.3,
        base_name=base,
        base_sha256=None if base is None else "ab" * 32,
        kld_mean=kld,
        kld_mean_stderr=None if kld is None else kld / 10,
        top1_agreement=None if kld is None else 0.9,
        top1_agreement_stderr=None if kld is None else 0.01,
        rms_dp=None if kld is None else 0.05,
    )
