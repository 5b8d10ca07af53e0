"""What the Results page shows of a session file: its summary document, sorted for the eye. Nothing is computed anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from profiler.analysis.figure_name import figure_value
from profiler.analysis.flag_words import told_once
from profiler.analysis.validity import FITS_IN_CACHE, UNSTABLE
from profiler.exchange.findings.need_verdict import LimitCheck, Verdict, check, overall
from profiler.exchange.findings.search_view import Evidence, SearchView, evidence, search_view
from profiler.exchange.imports.origin import imported_words
from profiler.exchange.summary import summary_document
from profiler.plan.cell_words import cell_title, value_text
from profiler.plan.cells import varying_axes
from profiler.plan.slo import Slo, parse_slo
from profiler.records.axis import AXES, BY_NAME, Axis, Configuration
from profiler.records.run_record import (
    CellStatus,
    ClassFigures,
    Figures,
    ModelRecord,
    RunPurpose,
    RunRecord,
    RunStatus,
)
from profiler.session.claim import is_claimed
from profiler.session.reader import SessionReader
from profiler.session.sweep_log import is_unfinished
from profiler.units import bytes_text

_MEASURED = (RunPurpose.MEASURE, RunPurpose.CONFIRM)


@dataclass(frozen=True, slots=True)
class CellView:
    """One cell.

    Attributes:
        title: what tells it apart, in words; `legend` is the same in the table's shorter ones.
        runs: valid runs behind its figures.
        figures: None where nothing was measured.
        flags: "name: sentence" of what casts doubt on it, each kind once.
        asides: of what concerns its bandwidth only.
        checks: the limits held against the figures, empty without limits or figures.
        is_unstable: its requests came faster than they were served; percentiles that count from due are not stated.
        classes: figures of each class of requests, empty where there is one class.
        requests: how its valid runs' requests ended, by the words of the summary ("timed_out").
        tokens: of its valid runs: "prompt", those of them "cached", "output".
        cache: what the prefix cache saved against the cell without it, None where that is missing.
        model_id: of its model file, None where that could not be had.
        doubts: those of `flags` that its counted runs carry, and so its figures.
        evidence: what its runs are worth where a search made them.
    """

    cell_id: int
    configuration: Configuration
    title: str
    legend: str
    status: CellStatus
    reason: str
    runs: int
    figures: Figures | None
    intervals: Mapping[str, tuple[float, float]]
    flags: tuple[str, ...]
    asides: tuple[str, ...]
    checks: tuple[LimitCheck, ...]
    is_unstable: bool = False
    classes: ClassFigures = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    cache: Mapping[str, Any] | None = None
    model_id: int | None = None
    doubts: tuple[str, ...] = ()
    evidence: Evidence = Evidence.MEASURED

    @property
    def doubt_names(self) -> str:
        """The names of its doubts for beside a figure: "▲ foreign load, short window"; empty without any."""
        names = dict.fromkeys(flag.partition(":")[0] for flag in self.doubts)
        return f"▲ {', '.join(names)}" if names else ""

    @property
    def verdict(self) -> Verdict | None:
        """Whether it meets the need; None where the plan states none."""
        return overall(self.checks, is_unstable=self.is_unstable)

    @property
    def is_closed(self) -> bool:
        """Whether users wait for their answers: elsewhere requests come by a clock, or are all there at the start."""
        return self.configuration.get("arrival") in (None, "closed")

    @property
    def users(self) -> int | None:
        """Users of a closed loop, None in any other."""
        users = self.configuration.get("concurrency")
        return users if isinstance(users, int) and self.is_closed else None


_WRITTEN = "A sweep is being written into this session: it is shown as far as it goes, and only read."


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session.

    Attributes:
        machine: processor, cores and memory in a line.
        notice: something to know about the file, else empty.
        slo: the plan's limits; `class_slo` those of the request classes that have their own, which hold for them instead.
        varying: the axes on which the cells differ.
        runs, runs_flagged, runs_left_out: that have ended; on which a flag casts doubt; that a flag made invalid.
        need_users: people to be served at once, None when the plan names no number.
        model_records: the model files.
        search: what a search did and found, None where a grid was swept.
        is_unfinished: its sweep was broken off, and nobody is going on with it.
    """

    path: Path
    title: str
    created_utc: str
    machine: str
    notice: str
    models: tuple[str, ...]
    plan: dict[str, Any]
    slo: Slo
    need_users: int | None
    varying: tuple[Axis, ...]
    cells: tuple[CellView, ...]
    runs: int
    runs_flagged: int
    runs_left_out: int
    class_slo: Mapping[str, Slo] = field(default_factory=dict)
    model_records: tuple[ModelRecord, ...] = ()
    search: SearchView | None = None
    is_unfinished: bool = False

    @property
    def has_limits(self) -> bool:
        """Whether the plan states any."""
        return bool(self.slo) or bool(self.class_slo)

    @property
    def measured(self) -> tuple[CellView, ...]:
        """The cells that have figures."""
        return tuple(cell for cell in self.cells if cell.figures is not None)


def read_session(path: Path) -> SessionView:
    """Read a session file; raises BadFile or EnvironmentFault with a sentence."""
    with SessionReader.open(path) as reader:
        document = summary_document(reader)
        runs = [run for run in reader.runs() if run.status is not RunStatus.RUNNING]
        models = tuple(reader.models())
        events = reader.events()
        search = search_view(events)
        is_written = is_claimed(path)
        notice = " ".join(filter(None, (reader.notice, imported_words(reader.meta()), _WRITTEN if is_written else "")))
    need = document["plan"].get("need", {})
    slo = _readable_slo(need.get("slo", ""))
    configurations = [_whole(cell["config"]) for cell in document["cells"]]
    class_slo = _class_slo(document["plan"])
    varying = _varying(configurations)
    names = [axis.name for axis in varying]
    cells = tuple(
        _with_runs(
            _cell(cell, configuration, names, slo, class_slo),
            [run for run in runs if run.cell_id == cell["cell_id"]],
            search,
        )
        for cell, configuration in zip(document["cells"], configurations, strict=True)
    )
    users = need.get("users")
    return SessionView(
        path=path,
        title=document["title"] or path.stem,
        created_utc=document["created"],
        machine=machine_words(document["machine"]),
        notice=notice,
        models=tuple(dict.fromkeys(str(model["name"]) for model in document["models"])),
        plan=document["plan"],
        slo=slo,
        need_users=users if isinstance(users, int) else None,
        varying=varying,
        cells=cells,
        runs=len(runs),
        runs_flagged=sum(any(not is_aside(flag) for flag in run.flags) for run in runs),
        runs_left_out=sum(not run.is_valid and run.purpose in _MEASURED for run in runs),
        class_slo=class_slo,
        model_records=models,
        search=search,
        is_unfinished=is_unfinished(events, len(runs)) and not is_written,
    )


def machine_words(machine: Mapping[str, Any]) -> str:
    """A fingerprint's document in a line; what it lacks is left out, since a file may hold anything."""
    cpu, memory, devices = machine.get("cpu"), machine.get("memory"), machine.get("devices")
    words = []
    if isinstance(cpu, dict):
        if cpu.get("name"):
            words.append(" ".join(str(cpu["name"]).replace("(R)", "").replace("(TM)", "").split()))
        if cpu.get("physical_cores"):
            words.append(f"{cpu['physical_cores']} cores")
    if isinstance(memory, dict) and isinstance(memory.get("total_bytes"), int):
        words.append(bytes_text(memory["total_bytes"]))
    if isinstance(devices, list):
        words += [str(device["name"]) for device in devices if isinstance(device, dict) and device.get("kind") == "gpu"]
    return " · ".join(words)


def is_aside(flag: str) -> bool:
    """Whether a flag ("name: sentence") leaves the latencies and rates as good as they are."""
    return flag.partition(":")[0] == FITS_IN_CACHE


def _readable_slo(text: object) -> Slo:
    """The limits; none where a newer version wrote what this one cannot read."""
    try:
        return parse_slo(str(text))
    except ValueError:
        return ()


def _class_slo(plan: Mapping[str, Any]) -> dict[str, Slo]:
    """The limits of the request classes that have their own, by name."""
    load = plan.get("load")
    classes = load.get("classes") if isinstance(load, dict) else None
    named = [each for each in classes or () if isinstance(each, dict)] if isinstance(classes, list | tuple) else []
    limits = {str(each.get("name", "")): _readable_slo(each.get("slo", "")) for each in named}
    return {name: slo for name, slo in limits.items() if slo}


def _varying(configurations: list[Configuration]) -> tuple[Axis, ...]:
    """The axes on which cells differ; where nobody comes back for an answer, concurrency is another word for slots."""
    varying = varying_axes(configurations) if configurations else []
    if all(configuration["arrival"] not in (None, "closed") for configuration in configurations):
        varying = [BY_NAME["slots"] if axis.name == "concurrency" else axis for axis in varying]
    return tuple(varying)


def _whole(configuration: Mapping[str, Any]) -> Configuration:
    """A configuration with every axis, None where the file knows none."""
    return {axis.name: configuration.get(axis.name) for axis in AXES}


def _has_values(figures: Figures) -> bool:
    """Whether anything was measured; a distribution of nothing has an n of 0."""
    return any(value.get("n") if isinstance(value, dict) else value is not None for value in figures.values())


def _checks(
    figures: Figures, classes: ClassFigures, slo: Slo, class_slo: Mapping[str, Slo], *, is_unstable: bool
) -> tuple[LimitCheck, ...]:
    """The limits held against all requests; where classes have limits of their own, each class against what holds for it."""
    if not class_slo or not classes:
        return check(figures, slo, is_unstable=is_unstable)
    of_classes = [
        check(of_class, class_slo.get(name, slo), is_unstable=is_unstable, of=name) for name, of_class in classes.items()
    ]
    return tuple(item for checks in of_classes for item in checks)


def _with_runs(cell: CellView, runs: Sequence[RunRecord], search: SearchView | None) -> CellView:
    """The cell with what its runs say of themselves."""
    counted = [run for run in runs if run.status is RunStatus.DONE and run.is_valid]
    doubts = dict.fromkeys(flag for run in counted for flag in run.flags if not is_aside(flag))
    confirmed = search.confirmed_ids if search is not None else ()
    return replace(cell, doubts=told_once(doubts), evidence=evidence(runs, confirmed))


def _cell(
    document: Mapping[str, Any], configuration: Configuration, varying: list[str], slo: Slo, class_slo: Mapping[str, Slo]
) -> CellView:
    figures: Figures | None = document["metrics"] if _has_values(document["metrics"]) else None
    classes: ClassFigures = document.get("classes") or {}
    has_flag = any(flag.partition(":")[0] == UNSTABLE for flag in document["flags"])
    is_unstable = figures is not None and has_flag and figure_value(figures, "ttft_ms.p50") is None
    return CellView(
        cell_id=document["cell_id"],
        configuration=configuration,
        title=cell_title(configuration, varying),
        legend=cell_title({**configuration, "quant": value_text(configuration["quant"])}, varying),
        status=CellStatus(document["status"]),
        reason=document["reason"],
        runs=document["runs"],
        figures=figures,
        intervals={name: (low, high) for name, (low, high) in document["intervals"].items()},
        flags=told_once(flag for flag in document["flags"] if not is_aside(flag)),
        asides=told_once(flag for flag in document["flags"] if is_aside(flag)),
        checks=_checks(figures, classes, slo, class_slo, is_unstable=is_unstable) if figures is not None else (),
        is_unstable=is_unstable,
        classes=classes,
        requests=document.get("requests") or {},
        tokens=document.get("tokens") or {},
        cache=document.get("cache"),
        model_id=document.get("model_id"),
    )
