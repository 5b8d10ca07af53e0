"""How far a machine's sessions differ although nothing was changed: learned from sessions of one configuration, and kept.

Kept are, for each session, the mean and variance of each figure's logarithm over its repetitions, so that a later session of the
same plan joins those before it. Sessions are alike when machine, engine, operating system and program version are, and cells when
configuration, model and load are. A session is known by its machine and the time it was made, and counts once.
"""

import contextlib
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profiler import paths
from profiler.records.axis import BY_NAME as AXES
from profiler.records.session_figures import MeasuredCell, MeasuredSession, SessionSpread

MOST_SESSIONS = 40
"""Of a machine; the oldest go first."""

_MOST_CELLS = 100
_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Repetitions:
    """A figure's logarithms over the repetitions of a cell in one session."""

    mean: float
    variance: float
    count: int


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """What is kept of a session.

    Attributes:
        conditions: what must not differ beside the machine, as one text.
        cells: the cell's key → flat name of a figure → its repetitions.
    """

    created_utc: str
    conditions: str
    cells: Mapping[str, Mapping[str, Repetitions]]


def machine_key(machine: Mapping[str, Any]) -> str:
    """What identifies a machine, from its fingerprint's document: processor, memory to the GiB, and other devices."""
    processor, memory = _section(machine, "cpu"), _section(machine, "memory")
    total = memory.get("total_bytes")
    devices = machine.get("devices")
    names = [
        str(device.get("name"))
        for device in (devices if isinstance(devices, list | tuple) else ())
        if isinstance(device, Mapping) and device.get("kind") != "cpu"
    ]
    return json.dumps(
        {
            "cpu": str(processor.get("name")),
            "logical_cores": str(processor.get("logical_cores")),
            "memory_gib": round(total / 2**30) if isinstance(total, int | float) and math.isfinite(total) else None,
            "devices": sorted(names),
        }
    )


def summary(session: MeasuredSession) -> SessionSummary:
    """A session's cells as far as they can teach something: figures that every one of at least two repetitions has, above 0."""
    cells = {}
    for cell in session.cells[:_MOST_CELLS]:
        figures = _repetitions(cell)
        if figures:
            cells[_cell_key(cell, session)] = figures
    return SessionSummary(session.created_utc, _conditions(session.machine), cells)


def learn(groups: Iterable[Sequence[SessionSummary]]) -> dict[str, SessionSpread]:
    """The spread of each figure, pooled over cells; sessions are compared within their group only.

    One-way random effects, by means (for equal counts the analysis of variance): over k sessions of a cell the variance of their
    means V has the expectation σ_s² + mean(σ_r²/n), so the second part W, from the variances within, is told beside it. V and W
    are averaged over cells by k - 1. Cells of the same sessions share what befell these, so the degrees of freedom are those of
    the sessions: of sessions that share cells one less than their number, however many the cells.
    """
    pooled: dict[str, _Pool] = {}
    for group in groups:
        unique = {session.created_utc: session for session in group}.values()
        for conditions in sorted({session.conditions for session in unique}):
            alike = [session for session in unique if session.conditions == conditions]
            for figure in sorted({name for session in alike for cell in session.cells.values() for name in cell}):
                pooled.setdefault(figure, _Pool()).add(alike, figure)
    return {figure: pool.spread() for figure, pool in pooled.items() if pool.degrees}


class _Pool:
    """Sums over the cells of one figure."""

    def __init__(self) -> None:
        self.degrees = 0
        self._weights = 0
        self._between = self._within = 0.0
        self._repetitions_degrees = 0

    def add(self, sessions: Sequence[SessionSummary], figure: str) -> None:
        linked: list[set[str]] = []
        for key in sorted({key for session in sessions for key in session.cells}):
            found = {
                session.created_utc: session.cells[key][figure] for session in sessions if figure in session.cells.get(key, {})
            }
            if len(found) < 2:
                continue
            weight = len(found) - 1
            means = [each.mean for each in found.values()]
            middle = sum(means) / len(means)
            self._weights += weight
            self._between += sum((mean - middle) ** 2 for mean in means)
            self._within += weight * sum(each.variance / each.count for each in found.values()) / len(found)
            self._repetitions_degrees += sum(each.count - 1 for each in found.values())
            apart = [names for names in linked if not names & found.keys()]
            linked = [*apart, set(found).union(*(names for names in linked if names & found.keys()))]
        self.degrees += sum(len(names) - 1 for names in linked)

    def spread(self) -> SessionSpread:
        between, within = self._between / self._weights, self._within / self._weights
        return SessionSpread(between, within, self.degrees, self._repetitions_degrees)


def kept(machine: Mapping[str, Any]) -> list[SessionSummary]:
    """The sessions that are kept of a machine; none when there are none or the file is damaged."""
    return _read().get(machine_key(machine), [])


def remember(machine: Mapping[str, Any], sessions: Iterable[SessionSummary]) -> None:
    """Keep sessions of a machine; one that is known already is replaced, one without a time or figures is not kept."""
    everything = _read()
    key = machine_key(machine)
    before = {session.created_utc: session for session in everything.get(key, [])}
    known = before | {session.created_utc: session for session in sessions if session.created_utc and session.cells}
    newest = [known[created] for created in sorted(known)][-MOST_SESSIONS:]
    if newest != everything.get(key, []):
        everything[key] = newest
        _write(everything)


def _repetitions(cell: MeasuredCell) -> dict[str, Repetitions]:
    count = len(cell.runs)
    if count < 2:
        return {}
    found = {}
    for figure in cell.runs[0].figures:
        values = [run.figures[figure] for run in cell.runs if figure in run.figures]
        if len(values) == count and all(0 < value < math.inf for value in values):
            logs = [math.log(value) for value in values]
            mean = sum(logs) / count
            variance = sum((value - mean) ** 2 for value in logs) / (count - 1)
            found[figure] = Repetitions(round(mean, 7), float(f"{variance:.4g}"), count)
    return found


def _cell_key(cell: MeasuredCell, session: MeasuredSession) -> str:
    named = dict(cell.configuration)
    if cell.model is not None and cell.model.sha256:
        named |= {"model": cell.model.sha256, "quant": cell.model.quantization}
    load = {name: value for name, value in _section(session.plan, "load").items() if name not in AXES}
    text = json.dumps([{name: value for name, value in named.items() if value is not None}, load], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _conditions(machine: Mapping[str, Any]) -> str:
    processor, engine = _section(machine, "cpu"), _section(machine, "engine")
    devices = machine.get("devices")
    drivers = [
        str(device.get("driver"))
        for device in (devices if isinstance(devices, list | tuple) else ())
        if isinstance(device, Mapping)
    ]
    told = [machine.get(name) for name in ("operating_system", "kernel", "python", "app_version")]
    told += [processor.get("quota_cores"), engine.get("llama_cpp_python"), engine.get("system_info"), drivers]
    return hashlib.blake2b(json.dumps(told, default=str).encode(), digest_size=12).hexdigest()


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = document.get(name)
    return section if isinstance(section, Mapping) else {}


def _file() -> Path:
    return paths.data_folder() / "session_spread.json"


def _read() -> dict[str, list[SessionSummary]]:
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        if document["version"] != _FORMAT_VERSION:
            return {}
        return {key: [_from_document(each) for each in sessions] for key, sessions in document["machines"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _from_document(document: Mapping[str, Any]) -> SessionSummary:
    """Raises ValueError, TypeError or KeyError on anything that `_write` would not have written."""
    cells = {
        str(key): {str(figure): _checked(*numbers) for figure, numbers in figures.items()}
        for key, figures in document["cells"].items()
    }
    return SessionSummary(str(document["created_utc"]), str(document["conditions"]), cells)


def _checked(mean: float, variance: float, count: int) -> Repetitions:
    if not (math.isfinite(mean) and 0 <= variance < math.inf and count >= 2):
        raise ValueError("these repetitions contradict themselves")
    return Repetitions(float(mean), float(variance), int(count))


def _write(everything: Mapping[str, Sequence[SessionSummary]]) -> None:
    """Write the file in one move; where it cannot be written, sessions are learned from again the next time."""
    machines = {key: [_to_document(session) for session in sessions] for key, sessions in everything.items()}
    text = json.dumps({"version": _FORMAT_VERSION, "machines": machines})
    with contextlib.suppress(OSError):
        paths.write_in_one_move(_file(), text)


def _to_document(session: SessionSummary) -> dict[str, Any]:
    cells = {
        key: {figure: [each.mean, each.variance, each.count] for figure, each in figures.items()}
        for key, figures in session.cells.items()
    }
    return {"created_utc": session.created_utc, "conditions": session.conditions, "cells": cells}
