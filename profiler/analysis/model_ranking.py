"""The models of a session beside each other: size, speed, memory and quality, and which of them no other model beats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from profiler.analysis.figure_name import figure_value
from profiler.records.run_record import CellRecord, Figures, ModelRecord

LOWER_IS_BETTER = {
    "file_bytes": True,
    "output_tok_s": False,
    "user_tok_s": False,
    "rss_peak_bytes": True,
    "bits_per_byte": True,
}
"""What models are ranked by, and in which direction."""


@dataclass(frozen=True, slots=True)
class RankedModel:
    """One model file of a session.

    Attributes:
        file_bytes: its size.
        output_tok_s: the most that any of its cells reached.
        user_tok_s: at the lowest concurrency of the session, the best cell of those; None where it has none there.
        rss_peak_bytes: likewise, the smallest peak.
        bits_per_byte: bits of information that it lacks, a byte of text; comparable across vocabularies.
        ranks: place from 1 by figure of LOWER_IS_BETTER; models that tie share one. Without figures that it lacks.
        is_unbeaten: no other model is at least as good in every figure that all have, and better in one (Pareto). None for a
            model without any measured figure.
    """

    model_id: int
    name: str
    quantization: str
    file_bytes: int
    output_tok_s: float | None
    user_tok_s: float | None
    rss_peak_bytes: float | None
    bits_per_byte: float | None
    ranks: dict[str, int]
    is_unbeaten: bool | None

    def value(self, figure: str) -> float | None:
        """The figure of that name."""
        value: float | None = getattr(self, figure)
        return value


def rank_models(
    models: Sequence[ModelRecord], cells: Sequence[CellRecord], figures: Mapping[int, Figures | None]
) -> tuple[RankedModel, ...]:
    """A row for each model, the smallest file first.

    What was not measured neither helps nor hurts: a figure that one of the measured models lacks decides nothing between them.
    Quality counts only where all was scored on one text with one context.

    Args:
        models: of the session.
        cells: of the session.
        figures: by cell; None or absent where nothing was measured.
    """
    measured = [(cell, known) for cell in cells if (known := figures.get(cell.cell_id)) and _has_speed(known)]
    lowest = min((users for cell, _ in measured if (users := _users(cell)) is not None), default=None)
    rows = []
    for model in models:
        own = [(cell, known) for cell, known in measured if cell.model_id == model.model_id]
        alone = [known for cell, known in own if lowest is not None and _users(cell) == lowest]
        rows.append(
            RankedModel(
                model.model_id,
                model.name,
                model.quantization,
                model.file_bytes,
                max(_values([known for _, known in own], "output_tok_s"), default=None),
                max(_values(alone, "user_tok_s"), default=None),
                min(_values(alone, "rss_peak_bytes"), default=None),
                None if model.quality is None else model.quality.bits_per_byte,
                {},
                None,
            )
        )
    texts = {(model.quality.text_sha256, model.quality.ctx_size) for model in models if model.quality}
    has_one_text = len(texts) == 1  # tokens scored differ between vocabularies
    ranked_by = [name for name in LOWER_IS_BETTER if name != "bits_per_byte" or has_one_text]
    finished = [_judged(row, rows, ranked_by) for row in rows]
    return tuple(sorted(finished, key=lambda row: (row.file_bytes, row.model_id)))


def _judged(row: RankedModel, rows: Sequence[RankedModel], ranked_by: Sequence[str]) -> RankedModel:
    """The row with its ranks and whether another one beats it."""
    ranks = {}
    for name in ranked_by:
        value = row.value(name)
        if value is not None:
            ranks[name] = 1 + sum(_gain(other, name) > _gain(row, name) for other in rows if other.value(name) is not None)
    compared = [other for other in rows if other.output_tok_s is not None]
    if row.output_tok_s is None:
        return replace(row, ranks=ranks)
    known_of_all = [name for name in ranked_by if all(other.value(name) is not None for other in compared)]
    ours = [_gain(row, name) for name in known_of_all]
    others = [[_gain(other, name) for name in known_of_all] for other in compared if other is not row]
    is_beaten = any(all(their >= our for their, our in zip(other, ours, strict=True)) and other != ours for other in others)
    return replace(row, ranks=ranks, is_unbeaten=not is_beaten)


def _gain(row: RankedModel, name: str) -> float:
    """The figure so that more is better; called only where it is known."""
    value = row.value(name)
    assert value is not None
    return -value if LOWER_IS_BETTER[name] else value


def _has_speed(figures: Figures) -> bool:
    return figure_value(figures, "output_tok_s") is not None


def _values(cells: Sequence[Figures], name: str) -> list[float]:
    return [value for figures in cells if (value := figure_value(figures, name)) is not None]


def _users(cell: CellRecord) -> int | None:
    """Users of a closed loop, or sequences decoded together."""
    value = cell.configuration.get("concurrency") or cell.configuration.get("slots")
    return value if isinstance(value, int) else None
