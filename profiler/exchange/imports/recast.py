"""An imported session as a measured one sees it: its cells on the other's configurations, where nothing that it tells differs.

A file of another tool is silent on most axes, so that none of its cells would match one of a run, where each is known. Here a
silent axis is taken as agreeing, and that is said (the flag "not told"); what is told must agree. llama-bench's tests are set
beside a user alone (measurement.md §1): of a cell with a prompt of P and an answer of n tokens at depth D

    pp  n_prompt = P, n_depth = D               gives prefill_ms
    tg  n_gen = n - 1, n_depth = D + P          gives tpot_ms and user_tok_s: the first token comes with the prompt

and nothing else, since a rate over a whole request holds both phases. A pp is a matter of threads_batch, a tg of threads; batch
sizes of at least a prompt's tokens are alike.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from profiler.exchange.imports import llama_bench
from profiler.records.axis import Configuration
from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession, ModelIdentity

NOT_TOLD = "not told"
"""The name of the flag of a recast cell."""

_OF_PP, _OF_TG = ("prefill_ms",), ("tpot_ms", "user_tok_s")
_SIZES = ("batch_size", "ubatch_size")
_OF_MODEL = ("model", "quant")
_NOT_OF_A_TEST = ("prompt_tokens", "output_tokens", "depth", "sampling", *_SIZES)
_MOST_NAMED = 40


def recast(imported: MeasuredSession, other: MeasuredSession, ignored: Collection[str] = ()) -> MeasuredSession:
    """`imported` with its cells as the cells of `other` that they speak of, followed by those that speak of none.

    Nothing changes where `imported` is a sweep's session, or both are imported.
    """
    if not imported.imported_from or other.imported_from:
        return imported
    is_llama_bench = imported.imported_from == llama_bench.TOOL
    cells, used = [], set()
    for cell in other.cells:
        if is_llama_bench:
            parts = _tests_of(imported.cells, cell, ignored)
        else:
            alike = [each for each in imported.cells if _agrees(each, cell, ignored, ())]
            parts = [(alike[0], None)] if len(alike) == 1 else []
        if parts:
            cells.append(_as(cell, parts))
            used |= {id(part) for part, _ in parts}
    return replace(imported, cells=(*cells, *(cell for cell in imported.cells if id(cell) not in used)))


_Part = tuple[MeasuredCell, Sequence[str] | None]
"""A cell, and the metrics that it gives; None for all."""


def _tests_of(imported: Sequence[MeasuredCell], cell: MeasuredCell, ignored: Collection[str]) -> list[_Part]:
    """The pp and the tg that belong to a cell; without one that there are several of."""
    axes = cell.configuration
    prompt, output, depth = axes.get("prompt_tokens"), axes.get("output_tokens"), axes.get("depth") or 0
    is_alone = axes.get("arrival") == "closed" and axes.get("concurrency") == 1 and axes.get("turns") in (None, 1)
    if not (is_alone and isinstance(prompt, int) and isinstance(output, int) and isinstance(depth, int)):
        return []
    parts: list[_Part] = []
    for wanted, others_threads, metrics in (
        ((prompt, 0, depth), "threads", _OF_PP),
        ((0, output - 1, depth + prompt), "threads_batch", _OF_TG),
    ):
        found = [
            each
            for each in imported
            if _test(each) == wanted
            and _agrees(each, cell, ignored, (*_NOT_OF_A_TEST, "slots", others_threads))
            and (metrics is _OF_TG or _read_alike(each.configuration, axes, prompt, ignored))
        ]
        if len(found) == 1:
            parts.append((found[0], metrics))
    return parts


def _test(cell: MeasuredCell) -> tuple[object, object, object]:
    return tuple(cell.configuration.get(name) or 0 for name in ("prompt_tokens", "output_tokens", "depth"))  # type: ignore[return-value]


def _read_alike(mine: Configuration, other: Configuration, prompt: int, ignored: Collection[str]) -> bool:
    """Whether a prompt is read in the same pieces; a size that holds all of it is as good as any other."""
    for name in _SIZES:
        a, b = mine.get(name), other.get(name)
        if name not in ignored and isinstance(a, int) and isinstance(b, int) and min(a, prompt) != min(b, prompt):
            return False
    return True


def _agrees(mine: MeasuredCell, other: MeasuredCell, ignored: Collection[str], apart: Collection[str]) -> bool:
    """Whether every axis that `mine` tells is as `other` has it; those `apart` are judged elsewhere."""
    left_out = {*ignored, *apart, *_OF_MODEL}
    if any(value is not None and name not in left_out and other.configuration.get(name) != value for name, value in _told(mine)):
        return False
    return all(axis in ignored or _names(mine, axis) & _names(other, axis) or not _names(mine, axis) for axis in _OF_MODEL)


def _told(cell: MeasuredCell) -> list[tuple[str, object]]:
    return [(name, value) for name, value in cell.configuration.items() if value is not None]


def _names(cell: MeasuredCell, axis: str) -> set[str]:
    """What a model or its quantization is called, by the file's name and by the model's own."""
    model = cell.model
    own = None if model is None else model.name if axis == "model" else model.quantization
    return {str(name).lower() for name in (cell.configuration.get(axis), own) if name} - {"as-is"}


def _as(cell: MeasuredCell, parts: Sequence[_Part]) -> MeasuredCell:
    """The parts as one cell, with the configuration of `cell`; repetition by repetition, as many as each part has."""
    runs: list[MeasuredRun] = []
    for place in range(min(len(part.runs) for part, _ in parts)):  # a figure that some runs lack would not be compared
        figures: dict[str, float] = {}
        for part, metrics in parts:
            figures |= _taken(part.runs[place].figures, metrics)
        runs.append(MeasuredRun(place + 1, figures))
    told = {name for part, _ in parts for name, _ in _told(part)}
    silent = [name for name, value in cell.configuration.items() if value is not None and name not in told]
    flags = dict.fromkeys(flag for part, _ in parts for flag in part.flags)
    named = f"{NOT_TOLD}: The imported file does not tell {', '.join(silent[:_MOST_NAMED])}; they are taken as on the other side."
    model = None if cell.model is None else ModelIdentity(cell.model.name, cell.model.quantization, _sha256(parts))
    first = parts[0][0]
    return MeasuredCell(
        cell.configuration,
        model,
        tuple(runs),
        first.left_out,
        first.disturbed,
        (*flags, *((named,) if silent else ())),
        first.cell_id,
    )


def _taken(figures: Mapping[str, float], metrics: Sequence[str] | None) -> dict[str, float]:
    return {name: value for name, value in figures.items() if metrics is None or name.partition(".")[0] in metrics}


def _sha256(parts: Sequence[_Part]) -> str:
    """Of the model's content, where every part tells one and the same; else empty."""
    told = {part.model.sha256 if part.model is not None else "" for part, _ in parts}
    return told.pop() if len(told) == 1 else ""
