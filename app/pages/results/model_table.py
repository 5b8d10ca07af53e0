"""The models of a session beside each other: size, quality, and what each gives at its best cell."""

from app.tables.column import Column, Interval, Raw
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.sentence import Tone
from profiler.analysis.three_way import NORMAL_95
from profiler.exchange.findings.contenders import Contender, Contenders
from profiler.records.metric import BY_NAME
from profiler.records.quality import QualityRecord
from profiler.units import bytes_text, significant

_OWN_TERM = "of its best cell: most output within the need"


class ModelTable(TableView):
    """A row for each model file."""

    def __init__(self) -> None:
        self.rows: RecordTable[Contender] = RecordTable(())
        super().__init__(self.rows, "Models")

    def show_models(self, of: Contenders) -> None:
        """Show these."""
        self.rows.show_records(of.models, model_columns(of))
        self.setFixedHeight(self.height_of_rows(len(of.models)))


def model_columns(of: Contenders) -> tuple[Column[Contender], ...]:
    """The columns; those of quality only where some model was scored."""
    columns = [
        Column("Model", "its quantization; ▲ where flags cast doubt on its cell", _name_of, tone=_name_tone, tip=_name_tip),
        Column("Size", "of the file", lambda each: each.model.file_bytes, _bytes, is_figure=True),
        Column(
            "Bits/weight", "of the file's tensors, all together", lambda each: each.model.bits_per_weight, _number, is_figure=True
        ),
    ]
    scored = [each.model.quality for each in of.models if each.model.quality is not None]
    if scored:
        columns.append(_quality("Perplexity", BY_NAME["perplexity"].term, "perplexity", "perplexity_stderr"))
    if any(quality.kld_mean is not None for quality in scored):
        columns.append(_quality("KLD", BY_NAME["kld_mean"].term + ", in nat", "kld_mean", "kld_mean_stderr", is_base_told=True))
        columns.append(_same_first())
    if scored and of.losses is not None and of.losses.measure == "bits_per_byte":
        columns.append(
            _quality("Bits/byte", "bits that it lacks a byte of text: compares across vocabularies", "bits_per_byte", "")
        )
    columns += [
        Column(
            "tok/s",
            f"{BY_NAME['output_tok_s'].label}, tok/s, {_OWN_TERM}",
            lambda each: None if each.speed is None else each.speed.value,
            _number,
            is_figure=True,
            interval=lambda each: None if each.speed is None else each.speed.interval,
            tip=_name_tip,
        ),
        Column(
            "Memory",
            f"{of.memory_words}, {_OWN_TERM}",
            lambda each: None if each.memory is None else each.memory.value,
            _bytes,
            is_figure=True,
        ),
    ]
    if any(each.beaten_by for each in of.models):
        columns.append(_BEATEN_BY)
    return tuple(columns)


def _quality(title: str, term: str, value: str, stderr: str, *, is_base_told: bool = False) -> Column[Contender]:
    """A figure of the quality record with its 95 % interval."""

    def raw(each: Contender) -> Raw:
        quality = each.model.quality
        known: float | None = None if quality is None else getattr(quality, value)
        is_base = each.loss is not None and each.loss.is_base
        return 0.0 if known is None and is_base_told and is_base else known

    def interval(each: Contender) -> Interval | None:
        quality = each.model.quality
        return _interval(quality, value, stderr) if quality is not None and stderr else None

    def text(known: Raw) -> str:
        return "base" if is_base_told and known == 0.0 else _number(known)

    return Column(title, f"{term}; ± is the 95 % interval", raw, text, is_figure=True, interval=interval, tip=_quality_tip)


def _same_first() -> Column[Contender]:
    def raw(each: Contender) -> Raw:
        share = None if each.model.quality is None else each.model.quality.top1_agreement
        return None if share is None else 100 * share

    def interval(each: Contender) -> Interval | None:
        ends = None if each.model.quality is None else _interval(each.model.quality, "top1_agreement", "top1_agreement_stderr")
        return None if ends is None else (100 * ends[0], 100 * ends[1])

    title, term = "Same first %", f"{BY_NAME['top1_agreement'].label}: {BY_NAME['top1_agreement'].term}"
    return Column(title, term, raw, _number, is_figure=True, interval=interval, tip=_quality_tip, can_fold=True)


def _interval(quality: QualityRecord, value: str, stderr: str) -> Interval | None:
    middle: float | None = getattr(quality, value)
    error: float | None = getattr(quality, stderr)
    return None if middle is None or error is None else (middle - NORMAL_95 * error, middle + NORMAL_95 * error)


def _quality_tip(each: Contender) -> str:
    quality = each.model.quality
    if quality is None:
        return "Not scored"
    base = f", against {quality.base_name}" if quality.base_name is not None else ""
    return f"{quality.tokens} tokens of {quality.text_name}, in windows of {quality.ctx_size}{base}"


def _name_of(each: Contender) -> str:
    return f"{each.name} ▲" if each.cell is not None and each.cell.doubts else each.name


def _name_tone(each: Contender) -> Tone:
    return "muted" if each.beaten_by else "plain"


def _name_tip(each: Contender) -> str:
    if each.cell is None:
        return "No cell of it was measured"
    told = [f"at {each.cell.title}", *(f"▲ {flag}" for flag in each.cell.doubts)]
    return "\n".join([*told, *(["✕ does not meet the need"] if each.breaks_need else [])])


def _muted(each: Contender) -> Tone:
    return "muted"


_BEATEN_BY: Column[Contender] = Column(
    "Beaten by",
    "a model that is as good or better in speed, memory and quality",
    lambda each: each.beaten_by or None,
    tone=_muted,
    can_fold=True,
)


def _number(raw: Raw) -> str:
    assert isinstance(raw, int | float)
    return significant(raw)


def _bytes(raw: Raw) -> str:
    assert isinstance(raw, int | float)
    return bytes_text(raw)
