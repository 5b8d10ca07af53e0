"""Cells that differ only in how the same load was served, put beside each other in a sentence."""

from collections.abc import Sequence

from profiler.analysis.figure_name import figure_value
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.spoken import POLICY, STEPS, apart, capitalised
from profiler.units import milliseconds_text, significant

_MOST_CELLS = 4
_NEVER = float("inf")


def compared_cells(view: SessionView) -> tuple[CellView, ...]:
    """The cells to be put beside each other: of one load, served in different ways; none where the session is about other things.

    Of several loads it is the heaviest that every cell kept up with, else the lightest. The quickest first token comes first, in
    a mix of classes the shortest freeze.
    """
    names = [axis.name for axis in view.varying]
    if not any(name in POLICY for name in names) or any(name not in (*POLICY, *STEPS) for name in names):
        return ()
    loads: dict[tuple[float, ...], list[CellView]] = {}
    for cell in view.measured:
        load = tuple(float(cell.configuration.get(step) or 0) for step in STEPS if step in names)
        loads.setdefault(load, []).append(cell)
    several = {load: cells for load, cells in loads.items() if 2 <= len(cells) <= _MOST_CELLS}
    if not several:
        return ()
    kept_up = [load for load, cells in several.items() if not any(cell.is_unstable for cell in cells)]
    chosen = several[max(kept_up) if kept_up else min(several)]
    return tuple(sorted(chosen, key=_freeze_ms if all(cell.classes for cell in chosen) else _first_token_ms))


def comparison(view: SessionView) -> str:
    """The sentence; empty where nothing is to be compared."""
    cells = compared_cells(view)
    if not cells:
        return ""
    axes = [axis.name for axis in view.varying if axis.name in POLICY]
    loads = [axis.name for axis in view.varying if axis.name in STEPS]
    if all(cell.classes for cell in cells):
        told = [f"{_name(cell, axes)}: {_of_class(cell, is_first=place == 0)}{_doubts(cell)}" for place, cell in enumerate(cells)]
    else:
        told = [f"{_name(cell, axes)}: {_of_cell(cell, is_first=place == 0)}{_doubts(cell)}" for place, cell in enumerate(cells)]
    at_load = f"with {apart(cells[0], loads)}, " if loads else ""
    return capitalised(f"{at_load}{'; '.join(told)}.")


def _name(cell: CellView, axes: Sequence[str]) -> str:
    """In strong words; a static batch's size says already that it is static."""
    sized = cell.configuration.get("static_batch_size") is not None and "static_batch_size" in axes
    kept = [name for name in axes if not (name == "batching" and sized)]
    return f"**{apart(cell, kept)}**"


def _doubts(cell: CellView) -> str:
    """What casts doubt on a cell's figures; of an unstable one that it is unstable was said."""
    return f" ({cell.doubt_names})" if cell.doubts and not cell.is_unstable else ""


def _first_token_ms(cell: CellView) -> float:
    value = figure_value(cell.figures or {}, "ttft_ms.p95")
    return _NEVER if value is None else value


def _of_cell(cell: CellView, *, is_first: bool) -> str:
    figures = cell.figures or {}
    output = figure_value(figures, "output_tok_s")
    at_output = f" at {significant(output)} tok/s" if output is not None else ""
    if cell.is_unstable:
        return f"unstable{at_output}"
    value = figure_value(figures, "ttft_ms.p95")
    if value is None:
        return f"too many requests never got a first token{at_output}"
    return f"{'first token p95 ' if is_first else ''}{milliseconds_text(value)}{at_output}"


def _of_class(cell: CellView, *, is_first: bool) -> str:
    freeze_ms = _freeze_ms(cell)
    if freeze_ms == _NEVER:
        return "no gap between tokens was measured"
    return f"{f'longest freeze of {reading_class(cell)} ' if is_first else ''}{milliseconds_text(freeze_ms)}"


def reading_class(cell: CellView) -> str:
    """The class with the most gaps between tokens: those who are reading while somebody else asks."""
    return max(cell.classes, key=lambda name: figure_value(cell.classes[name], "itl_ms.n") or 0.0)


def _freeze_ms(cell: CellView) -> float:
    value = figure_value(cell.classes[reading_class(cell)], "itl_ms.max")
    return _NEVER if value is None else value
