"""What a search knows of its models before the first run: the memory that each takes, and what quantizing lost."""

from collections.abc import Sequence

from profiler.errors import UnusableArguments
from profiler.modelfile.footprint import predict_context
from profiler.plan.plan import Plan
from profiler.plan.resolution import specification
from profiler.records.run_record import CellRecord
from profiler.sweep.preparation import PreparedModel


def memory_bytes(plan: Plan, cell: CellRecord, model: PreparedModel) -> float | None:
    """What a cell's model will take, predicted from its header; None where that cannot be told."""
    if model.description is None or model.path is None:
        return None
    context = specification(plan, cell.configuration, model.path, 1).context
    try:
        return predict_context(model.description, context).total_bytes
    except UnusableArguments:
        return None


def losses(models: Sequence[PreparedModel]) -> list[float | None]:
    """The KL divergence of each against the base that all others were compared with, whose own is 0."""
    qualities = [model.record.quality if model.record is not None else None for model in models]
    bases = {quality.base_sha256 for quality in qualities if quality is not None and quality.base_sha256 is not None}
    losses: list[float | None] = []
    for model, quality in zip(models, qualities, strict=True):
        is_base = model.record is not None and model.record.sha256 in bases
        losses.append(0.0 if is_base else None if quality is None else quality.kld_mean)
    return losses
