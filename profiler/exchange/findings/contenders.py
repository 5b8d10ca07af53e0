"""The models of a session, each at its best cell: what the three-way frontier and its table show."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.analysis.figure_name import figure_value
from profiler.analysis.three_way import Loss, Losses, ThreeWayPoint, beaten_by, losses
from profiler.exchange.findings.answer import most_output
from profiler.exchange.findings.marks import AxisWords, Reading, ThreeWayMark
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.search_view import Evidence
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.records.run_record import ModelRecord
from profiler.units import bytes_text, half_width_text, significant

SPEED = "output_tok_s"
_MEMORIES = (("vram_peak_bytes", "Peak VRAM"), ("rss_peak_bytes", "Peak memory of the engine"))
_FILE = "Model file (the peak was not measured)"


@dataclass(frozen=True, slots=True)
class Contender:
    """One model file.

    Attributes:
        name: what tells it from the others.
        cell: its best one: that meets the need with most output, of fresh runs where there are some; else that with most output.
            None where no cell of it was measured.
        speed: of that cell, in tok/s.
        memory: of that cell; of the file where the peaks of some cells are missing.
        loss: None where it is not known, or not comparable.
        beaten_by: name of another one that is as good in all and better in one; empty where there is none.
    """

    model: ModelRecord
    name: str
    cell: CellView | None
    speed: Reading | None
    memory: Reading | None
    loss: Loss | None
    beaten_by: str = ""

    @property
    def breaks_need(self) -> bool:
        """Whether even its best cell does not meet the need."""
        return self.cell is not None and self.cell.verdict is Verdict.BROKEN


@dataclass(frozen=True, slots=True)
class Contenders:
    """All model files, the smallest first.

    Attributes:
        losses: what of their quality compares, None where nothing does.
        memory_words: what their memory is.
    """

    models: tuple[Contender, ...]
    losses: Losses | None
    memory_words: str

    @property
    def drawn(self) -> tuple[Contender, ...]:
        """Those with a speed; where the losses of two or more are known, these only."""
        measured = tuple(each for each in self.models if each.speed is not None)
        scored = tuple(each for each in measured if each.loss is not None)
        return scored if len(scored) > 1 else measured

    @property
    def has_quality(self) -> bool:
        """Whether quality is drawn."""
        return bool(self.drawn) and all(each.loss is not None for each in self.drawn) and len(self.drawn) > 1


def contenders(view: SessionView) -> Contenders:
    """The session's models."""
    known = losses(view.model_records)
    best = {
        model.model_id: _best_cell([cell for cell in view.measured if cell.model_id == model.model_id], view)
        for model in view.model_records
    }
    source, memory_words = _memory_source([cell for cell in best.values() if cell is not None])
    made = [_contender(model, best[model.model_id], source, known, view.model_records) for model in view.model_records]
    made.sort(key=lambda each: (each.model.file_bytes, each.model.model_id))
    whole = Contenders(tuple(made), known, memory_words)
    points = {
        each.model.model_id: ThreeWayPoint(
            each.speed.value, each.memory.value, each.loss.value if whole.has_quality and each.loss is not None else None
        )
        for each in whole.drawn
        if each.speed is not None and each.memory is not None
    }
    names = {each.model.model_id: each.name for each in made}
    beaten = {key: names[other] for key, other in beaten_by(points).items() if other is not None}
    judged = tuple(_beaten(each, beaten.get(each.model.model_id, "")) for each in made)
    return Contenders(judged, known, memory_words)


def marks(of: Contenders) -> list[ThreeWayMark]:
    """What is drawn; the looks are those of the curves, which go by the session's order."""
    order = sorted(each.model.model_id for each in of.models if each.speed is not None)
    return [
        ThreeWayMark(
            key=each.model.model_id,
            index=order.index(each.model.model_id),
            name=f"{each.name} ▲" if each.cell is not None and each.cell.doubts else each.name,
            speed=each.speed,
            memory=each.memory,
            loss=Reading(each.loss.value, each.loss.interval) if each.loss is not None and of.has_quality else None,
            words=_words(each, of),
            is_base=each.loss is not None and each.loss.is_base and of.has_quality,
            is_beaten=bool(each.beaten_by),
        )
        for each in of.drawn
        if each.speed is not None and each.memory is not None
    ]


def axis_words(of: Contenders) -> AxisWords:
    """What the axes are called."""
    kld = of.losses is not None and of.losses.measure == "kld"
    loss = f"KL divergence from {of.losses.base_name}, nat" if of.losses is not None and kld else "Bits lacking a byte of text"
    return AxisWords("Output, tok/s", of.memory_words, loss, kld)


def remark(of: Contenders) -> str:
    """What is not drawn and how to get it; empty where all is."""
    drawn = of.drawn
    if not of.has_quality:
        some = [each.name for each in drawn if each.loss is not None]
        known = f"Only of {some[0]} is quality known" if some else "Quality was not measured"
        return f"{known}: score it on the Plan page, with the models, to see the third figure here."
    left_out = [each.name for each in of.models if each.speed is not None and each.loss is None]
    return f"Not drawn, since their quality is not known here: {', '.join(left_out)}." if left_out else ""


def quality_base(of: Contenders) -> str:
    """Which model the losses are counted from, for a title; empty where none is."""
    return of.losses.base_name or "" if of.losses is not None else ""


def _beaten(each: Contender, by: str) -> Contender:
    return Contender(each.model, each.name, each.cell, each.speed, each.memory, each.loss, by)


def _best_cell(cells: Sequence[CellView], view: SessionView) -> CellView | None:
    fit = [cell for cell in cells if cell.verdict is Verdict.MET] if view.has_limits else list(cells)
    fit = [cell for cell in fit if not cell.is_unstable]
    fresh = [cell for cell in fit if cell.evidence in (Evidence.CONFIRMED, Evidence.FRESH)]
    return most_output(fresh) or most_output(fit) or most_output(cells)


def _memory_source(cells: Sequence[CellView]) -> tuple[str, str]:
    """The figure that all of these cells have, and its words; no figure where none is: then the file's size stands for it."""
    for name, words in _MEMORIES:
        if cells and all(figure_value(cell.figures or {}, name) for cell in cells):
            return name, words
    return "", _FILE


def _contender(
    model: ModelRecord, cell: CellView | None, memory: str, known: Losses | None, models: Sequence[ModelRecord]
) -> Contender:
    loss = known.by_model.get(model.model_id) if known is not None else None
    return Contender(
        model,
        _name(model, models),
        cell,
        _reading(cell, SPEED) if cell is not None else None,
        (_reading(cell, memory) if memory else Reading(model.file_bytes)) if cell is not None else None,
        loss,
    )


def _name(model: ModelRecord, models: Sequence[ModelRecord]) -> str:
    """Its quantization; where the models are several, or two files are of one type, with the model's name."""
    others = [other for other in models if other.model_id != model.model_id]
    if not others or any(other.name != model.name for other in others):
        return f"{model.name} {model.quantization}"
    is_alone = all(other.quantization != model.quantization for other in others)
    return (
        model.quantization if is_alone else f"{model.quantization} ({'own file' if model.source_name is None else 'made here'})"
    )


def _reading(cell: CellView, name: str) -> Reading | None:
    value = figure_value(cell.figures or {}, name)
    return None if value is None else Reading(value, cell.intervals.get(name))


def _words(each: Contender, of: Contenders) -> str:
    """All three figures with their intervals, and what is to be known of them."""
    assert each.cell is not None
    assert each.speed is not None
    assert each.memory is not None
    lines = [f"{each.name} · {each.cell.title}"]
    half = f" {half_width_text(each.speed.value, each.speed.interval)}" if each.speed.interval else ""
    lines.append(f"{significant(each.speed.value)}{half} tok/s · {of.memory_words.lower()} {bytes_text(each.memory.value)}")
    if each.loss is not None and of.losses is not None:
        lines.append(loss_words(each.loss, of.losses))
    if each.breaks_need:
        lines.append("✕ does not meet the need; its most output is shown")
    if each.beaten_by:
        lines.append(f"{each.beaten_by} is as good or better in all of them")
    return "\n".join([*lines, *(f"▲ {flag}" for flag in each.cell.doubts)])


def loss_words(loss: Loss, known: Losses) -> str:
    """A loss within a sentence."""
    if loss.is_base:
        return "the base, from which the others' loss is counted"
    half = f" {half_width_text(loss.value, loss.interval)}" if loss.interval else ""
    return f"{significant(loss.value)}{half} {f'nat from {known.base_name}' if known.measure == 'kld' else 'bits a byte'}"
