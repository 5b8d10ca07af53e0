"""Which cell of one session is which of another: the same configuration, load and model."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profiler.records.axis import MIX, Configuration
from profiler.records.session_figures import MeasuredCell, MeasuredSession, ModelIdentity

_SHAPE = ("rate_to", "burst_on", "burst_off", "spike_at", "spike_for", "time_scale", "queue_limit", "timeout")
"""Fields of a plan's load that are no axes and yet make another load; how long it lasts is told, not matched."""

_FEW_AXES = 4
_DEFAULTS = {"time_scale": 1.0}


@dataclass(frozen=True, slots=True)
class Match:
    """Two cells to compare.

    Attributes:
        model_note: how the models differ although they were matched; empty when they are the same file.
    """

    a: MeasuredCell
    b: MeasuredCell
    model_note: str = ""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A cell that stands alone.

    Attributes:
        side: "a" or "b".
        reason: in a sentence.
    """

    side: str
    cell: MeasuredCell
    reason: str


def match_cells(
    a: MeasuredSession, b: MeasuredSession, ignored: Collection[str] = ()
) -> tuple[tuple[Match, ...], tuple[Unmatched, ...]]:
    """The cells of two sessions that are the same but for the ignored axes, in the order of a, and those left alone.

    Models are the same when their content is (sha256). What is left then is matched by name and quantization, with a note; where
    model or quantization are ignored axes, cells are matched whatever file they ran. Cells that several could be matched with
    are matched when they agree on the ignored axes as well, otherwise left alone.
    """
    ways: list[_Way] = [_by_content, _by_name]
    if {"model", "quant"} & set(ignored):
        ways.append(lambda cell: _by_axes(cell, ignored))
    left_a, left_b = list(a.cells), list(b.cells)
    found: list[Match] = []
    for way in ways:
        for is_exact in (True, False):
            axes: Collection[str] = () if is_exact else ignored
            pairs = _unique_pairs(_keyed(left_a, a, axes, way), _keyed(left_b, b, axes, way))
            found += [Match(mine, other, _model_note(mine, other, ignored)) for mine, other in pairs]
            left_a = [cell for cell in left_a if not any(cell is mine for mine, _ in pairs)]
            left_b = [cell for cell in left_b if not any(cell is other for _, other in pairs)]
    found.sort(key=lambda match: next(place for place, cell in enumerate(a.cells) if cell is match.a))
    alone = [Unmatched("a", cell, _reason(cell, a, b, left_b, ignored)) for cell in left_a]
    alone += [Unmatched("b", cell, _reason(cell, b, a, left_a, ignored)) for cell in left_b]
    return tuple(found), tuple(alone)


def match_within(session: MeasuredSession, axis: str) -> tuple[Match, ...]:
    """The cells of one session that differ on one axis only: each with the first of its kind, which is the base.

    Axes that merely follow (slots with users, a model's own quantization) are not held to be equal where the axis is one of them.
    """
    ignored = {axis, *FOLLOWERS.get(axis, ())}
    groups: dict[str, list[MeasuredCell]] = {}
    for cell in session.cells:
        groups.setdefault(_key(cell, session, ignored), []).append(cell)
    found = []
    for first, *others in groups.values():
        found += [Match(first, other) for other in others if other.configuration.get(axis) != first.configuration.get(axis)]
    return tuple(found)


FOLLOWERS: Mapping[str, tuple[str, ...]] = {
    "concurrency": ("slots", "batch_size", "prefill_chunk"),
    "threads": ("threads_batch",),
    "prompt_tokens": ("ctx_size",),
    "output_tokens": ("ctx_size",),
    "depth": ("ctx_size",),
    "shared_prefix": ("prefixes",),
    "batching": ("static_batch_size", "static_wait_ms", "priority", "prefill_chunk"),
    "batch_size": ("prefill_chunk",),
    "turns": ("ctx_size",),
}
"""Axes that merely follow another one."""


def load_shape(session: MeasuredSession, configuration: Configuration) -> str:
    """What a cell's load is beside its axes: a mix's classes and the fields that shape its arrivals, as one text."""
    load = session.plan.get("load")
    load = load if isinstance(load, Mapping) else {}
    shape: dict[str, Any] = {name: load[name] for name in _SHAPE if load.get(name) not in (None, _DEFAULTS.get(name))}
    if configuration.get("arrival") == MIX:
        shape["classes"] = load.get("classes")
    return json.dumps(shape, sort_keys=True, default=str)


def _key(cell: MeasuredCell, session: MeasuredSession, ignored: Collection[str]) -> str:
    axes = {name: value for name, value in cell.configuration.items() if name not in ignored and value is not None}
    return json.dumps(axes, sort_keys=True) + load_shape(session, cell.configuration)


def _by_content(cell: MeasuredCell) -> str | None:
    return cell.model.sha256 or None if cell.model is not None else None


def _by_name(cell: MeasuredCell) -> str | None:
    if cell.model is None:
        return f"{cell.configuration.get('model')} {cell.configuration.get('quant')}"
    return f"{cell.model.name} {cell.model.quantization}"


def _by_axes(cell: MeasuredCell, ignored: Collection[str]) -> str | None:
    """Only what is not ignored of name and quantization."""
    model = cell.model or ModelIdentity(str(cell.configuration.get("model")), str(cell.configuration.get("quant")))
    told = {"model": model.name, "quant": model.quantization}
    return " ".join(text for axis, text in told.items() if axis not in ignored)


_Keyed = list[tuple[str, MeasuredCell]]
_Way = Callable[[MeasuredCell], str | None]


def _keyed(cells: Iterable[MeasuredCell], session: MeasuredSession, ignored: Collection[str], way: _Way) -> _Keyed:
    # A model's label and quantization on the axes are how the user named the file; the way says which file it is.
    axes = {*ignored, "model", "quant"}
    keyed = []
    for cell in cells:
        identity = way(cell)
        if identity is not None:
            keyed.append((f"{identity} {_key(cell, session, axes)}", cell))
    return keyed


def _unique_pairs(a: _Keyed, b: _Keyed) -> list[tuple[MeasuredCell, MeasuredCell]]:
    pairs = []
    for key, cell in a:
        mine = [other for other_key, other in a if other_key == key]
        theirs = [other for other_key, other in b if other_key == key]
        if len(mine) == len(theirs) == 1:
            pairs.append((cell, theirs[0]))
    return pairs


def _model_note(a: MeasuredCell, b: MeasuredCell, ignored: Collection[str]) -> str:
    if {"model", "quant"} & set(ignored) or (_by_content(a) is not None and _by_content(a) == _by_content(b)):
        return ""
    if _by_content(a) is None or _by_content(b) is None:
        return "The content of a model is not known; they were matched by name and quantization."
    return "The model files differ in content; they were matched by name and quantization."


def _reason(
    cell: MeasuredCell, own: MeasuredSession, other: MeasuredSession, left: Sequence[MeasuredCell], ignored: Collection[str]
) -> str:
    """Why a cell found none, as far as it can be told in a sentence."""
    axes = {*ignored, "model", "quant"}
    key = _key(cell, own, axes)
    alike = [candidate for candidate in other.cells if _key(candidate, other, axes) == key]
    if any(candidate in left for candidate in alike):
        same_model = [candidate for candidate in alike if _by_name(candidate) == _by_name(cell)]
        return "Several cells could be its partner." if same_model or ignored else "The other session measured another model so."
    loads = [
        candidate
        for candidate in other.cells
        if load_shape(other, candidate.configuration) != load_shape(own, cell.configuration)
        and _axes_text(candidate, axes) == _axes_text(cell, axes)
    ]
    if loads:
        return "The load differs beside its axes."
    return f"The other session has no such cell{_nearest(cell, other, axes)}."


def _nearest(cell: MeasuredCell, other: MeasuredSession, ignored: Collection[str]) -> str:
    """On which axes the nearest cell differs, when they are few."""
    apart = [
        sorted(
            name
            for name in cell.configuration.keys() | candidate.configuration.keys()
            if name not in ignored and cell.configuration.get(name) != candidate.configuration.get(name)
        )
        for candidate in other.cells
    ]
    nearest = min(apart, key=len, default=[])
    return f"; the nearest differs in {', '.join(nearest)}" if 0 < len(nearest) <= _FEW_AXES else ""


def _axes_text(cell: MeasuredCell, ignored: Collection[str]) -> str:
    return json.dumps({name: value for name, value in cell.configuration.items() if name not in ignored}, sort_keys=True)
