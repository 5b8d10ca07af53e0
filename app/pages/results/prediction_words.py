"""Rows of what was predicted and what was measured."""

from dataclasses import dataclass

from app.tables.column import Column
from profiler.exchange.findings.prediction_reading import PredictionReading, SpeedBeside
from profiler.models.fit import BufferBytes
from profiler.units import NOT_AVAILABLE, bytes_text, rate_text, significant

_PARTS = (
    ("Weights", "weights_bytes", "With the copies that llama.cpp lays out anew for the processor"),
    ("KV cache", "kv_bytes", "With the states of recurrent layers"),
    ("Compute buffers", "compute_bytes", "With the output buffer"),
    ("Together", "total_bytes", "All buffers that the load log names"),
)


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """One quantity.

    Attributes:
        predicted, measured: with their units.
        ratio: measured ÷ predicted; None where one of them is missing.
        interval: within which the truth was expected, in words.
        is_inside: whether it was; None without an interval.
    """

    name: str
    predicted: str
    measured: str
    ratio: float | None
    interval: str = ""
    is_inside: bool | None = None


def rows_of(found: PredictionReading) -> list[PredictionRow]:
    """Parts of all devices together, each device's total where there are several, then speeds."""
    predicted, measured = found.totals
    rows = [_of_bytes(name, _size(predicted, part), _size(measured, part)) for name, part, _ in _PARTS]
    names = list(dict.fromkeys((*found.predicted, *found.measured)))
    if len(names) > 1:
        rows += [
            _of_bytes(
                name or "In main memory",
                _size(found.predicted.get(name), "total_bytes"),
                _size(found.measured.get(name), "total_bytes"),
            )
            for name in names
        ]
    return [*rows, _of_speed("Decode", found.decode), _of_speed("Prefill", found.prefill)]


def columns() -> tuple[Column[PredictionRow], ...]:
    """Of the table."""
    return (
        Column(
            "What",
            "Memory as the load log names it; speeds by the median of steps that only decode or only prefill",
            lambda row: row.name,
        ),
        Column("Predicted", "From the model's header and this machine's kernels", lambda row: row.predicted, is_figure=True),
        Column("Measured", "In this cell's runs", lambda row: row.measured, is_figure=True),
        Column("Measured ÷ predicted", "1 is as predicted", lambda row: row.ratio, _ratio, is_figure=True),
        Column("Expected", "Where the truth was expected, and whether it lies there", _expected, is_figure=True, can_fold=True),
    )


def _expected(row: PredictionRow) -> str | None:
    if not row.interval:
        return None
    return f"{row.interval} {'✓' if row.is_inside else '✕'}"


def _ratio(raw: object) -> str:
    return significant(raw) if isinstance(raw, float) else str(raw)


def _size(buffers: BufferBytes | None, part: str) -> int | None:
    size = getattr(buffers, part, None)
    return size if isinstance(size, int) else None


def _of_bytes(name: str, predicted: int | None, measured: int | None) -> PredictionRow:
    ratio = measured / predicted if predicted and measured is not None else None
    return PredictionRow(name, bytes_text(predicted), bytes_text(measured), ratio)


def _of_speed(name: str, found: SpeedBeside | None) -> PredictionRow:
    if found is None:
        return PredictionRow(name, NOT_AVAILABLE, NOT_AVAILABLE, None)
    title = f"{name}, {found.tokens} {'token' if found.tokens == 1 else 'tokens'} a step"
    predicted, measured = found.predicted, rate_text(found.measured_tok_s)
    if predicted is None:
        return PredictionRow(title, NOT_AVAILABLE, measured, None)
    likely, low, high = predicted.tok_s, predicted.tok_s_low, predicted.tok_s_high
    return PredictionRow(
        title,
        "bounds only" if likely is None else rate_text(likely),
        measured,
        None if likely is None else found.measured_tok_s / likely,
        f"{significant(low, 2)} to {significant(high, 2)} tok/s",
        low <= found.measured_tok_s <= high,
    )
