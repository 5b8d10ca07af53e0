"""Comparing session files: reads them, learns how far sessions of a machine differ, makes the document of `compare --json`."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from profiler.analysis.comparison import comparison as compared
from profiler.analysis.comparison.cause import Cause, causes
from profiler.analysis.comparison.machine import Difference
from profiler.analysis.comparison.result import ComparedFigure, Comparison, Options, Side, SidesDiffer
from profiler.analysis.comparison.shift import Interval, percent
from profiler.analysis.comparison.verdict import metric_of
from profiler.analysis.comparison.words import is_spread_assumed, needed_words
from profiler.analysis.figure_name import FIGURE_NAMES, figure_value
from profiler.analysis.validity import INVALIDATING
from profiler.errors import UnusableArguments
from profiler.exchange.imports.origin import imported_tool
from profiler.exchange.imports.recast import recast
from profiler.hardware import session_spread
from profiler.records.axis import BY_NAME as AXES
from profiler.records.run_record import CellRecord, Figures, RunRecord, RunStatus
from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession, ModelIdentity
from profiler.session.reader import SessionReader

SUFFIX = ".inferometer"


def compare(sides: Sequence[Path], options: Options) -> Comparison:
    """Compare each further side with the first, and remember what their sessions tell of the machines' spread.

    Args:
        sides: session files; a folder stands for all session files in it, as one side.
        options: axes to ignore, figures, the bounds of "same".

    Raises:
        UnusableArguments: fewer than two sides, a folder without sessions, an axis or figure that does not exist.
        EnvironmentFault, BadFile: a file cannot be read.
    """
    _check(options)
    if len(sides) < 2:
        raise UnusableArguments(
            "A comparison needs two session files or more; cells within one are compared with --between AXIS."
        )
    return compare_sessions([(str(side), read_side(side)) for side in sides], options)


def compare_within(file: Path, axis: str, options: Options) -> Comparison:
    """Compare the cells of one session that differ on one axis only.

    Raises:
        UnusableArguments: there is no such axis or figure, or the session has no cells that differ on it.
        EnvironmentFault, BadFile: the file cannot be read.
    """
    _check(options)
    _check_axes([axis])
    result = compared.compare_within(read_session(file), axis, options)
    if not result.figures:
        raise UnusableArguments(f"{file} has no two cells that differ on {axis} alone.")
    return result


def compare_sessions(sides: Sequence[tuple[str, tuple[MeasuredSession, ...]]], options: Options) -> Comparison:
    """The same for sessions that were read: (name, sessions) of each side, the first being the base.

    The spread that judges a pair is learned from what is kept of the machine and from the sessions given, but never from how the
    two sides differ from each other.
    """
    for _, sessions in sides:
        for session in sessions:
            if not session.imported_from:  # nothing says that its machine was left unchanged
                session_spread.remember(session.machine, [session_spread.summary(session)])
    given = [session for _, sessions in sides for session in sessions]
    pairs = []
    for name, sessions in sides[1:]:
        base = tuple(recast(each, sessions[0], options.ignored) for each in sides[0][1])
        sessions = tuple(recast(each, sides[0][1][0], options.ignored) for each in sessions)
        both = (base, sessions)
        pairs.append((_side(sides[0][0], base, both, given), _side(name, sessions, both, given)))
    return compared.compare(pairs, options)


def read_side(path: Path) -> tuple[MeasuredSession, ...]:
    """The session of a file, or all sessions in a folder, each once.

    Raises:
        UnusableArguments: the folder has none.
        EnvironmentFault, BadFile: a file cannot be read.
    """
    if not path.is_dir():
        return (read_session(path),)
    sessions = [read_session(file) for file in sorted(path.glob(f"*{SUFFIX}"))]
    if not sessions:
        raise UnusableArguments(f"The folder {path} has no session files ({SUFFIX}).")
    unique = {(session_spread.machine_key(session.machine), session.created_utc): session for session in sessions}
    return tuple(unique.values())


def read_session(path: Path) -> MeasuredSession:
    """A session's valid, finished runs, cell by cell.

    Runs that were disturbed even when they were measured again (other programs' load, throttling, swapping) are valid where there
    is nothing better, but stay out here: such a machine is not the one whose sessions were learned from (measurement.md §4).

    Raises:
        EnvironmentFault, BadFile: the file cannot be read.
    """
    with SessionReader.open(path) as reader:
        models = {model.model_id: ModelIdentity(model.name, model.quantization, model.sha256) for model in reader.models()}
        runs = reader.runs()
        cells = []
        for cell in reader.cells():
            model = models.get(cell.model_id) if cell.model_id is not None else None
            cells.append(_measured_cell(reader, cell, model, [run for run in runs if run.cell_id == cell.cell_id]))
        return MeasuredSession(
            str(path), reader.created_utc(), tuple(cells), reader.machine(), reader.plan(), imported_tool(reader.meta())
        )


def flat_figures(figures: Figures) -> dict[str, float]:
    """Every figure that was measured, by flat name."""
    values = ((name, figure_value(figures, name)) for name in FIGURE_NAMES)
    return {name: float(value) for name, value in values if value is not None and math.isfinite(value)}


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """The document of `inferometer compare --json` (design.md, "The command line"); what was not measured is None.

    `exploratory` figures are outside the corrected family. `ci_*` is the 95 % interval, `corrected_ci_*` the one held against 0.
    """
    return {
        "matched": [_figure_document(each) for each in comparison.figures],
        "unmatched": [
            {"file": each.name, "config": each.unmatched.cell.configuration, "reason": each.unmatched.reason}
            for each in comparison.alone
        ],
        "machine_differences": [_told(fact, each) for each in comparison.differences for fact in each.machine],
        "plan_differences": [_told(fact, each) for each in comparison.differences for fact in each.plan],
        "causes": [_cause_document(each) for each in causes(comparison)],
        "same_within_percent": comparison.same_within_percent,
        "family_size": comparison.family_size,
        "has_regression": comparison.has_regression,
    }


def _figure_document(each: ComparedFigure) -> dict[str, Any]:
    low, high = _percents(each.interval)
    corrected_low, corrected_high = _percents(each.finding.corrected if each.finding is not None and each.is_primary else None)
    spreads = [spread for spread in (each.spread_a, each.spread_b) if spread is not None]
    return {
        "config": each.a.configuration,
        "b_config": each.b.configuration,
        "metric": each.figure,
        "exploratory": not each.is_primary,
        "a": each.a_value,
        "b": each.b_value,
        "a_file": each.a_name,
        "b_file": each.b_name,
        "shift_percent": each.shift_percent,
        "ci_low_percent": low,
        "ci_high_percent": high,
        "corrected_ci_low_percent": corrected_low,
        "corrected_ci_high_percent": corrected_high,
        "n_a": each.n_a,
        "n_b": each.n_b,
        "sessions_a": each.sessions_a,
        "sessions_b": each.sessions_b,
        "method": each.shift.method if each.shift is not None else None,
        "p_value": each.shift.p_value if each.shift is not None else None,
        "verdict": str(each.verdict),
        "is_same": each.finding.is_same if each.finding is not None else None,
        "text": each.text,
        "reason": each.reason,
        "needed": needed_words(each),
        "repetitions_needed": each.repetitions_needed,
        "sessions_needed": each.sessions_needed,
        "session_spread_percent": max((100 * spread.log_std for spread in spreads), default=None),
        "session_spread_is_assumed": is_spread_assumed(each) if spreads else None,
        "model_note": each.model_note,
        "disturbed_a": each.a.disturbed,
        "disturbed_b": each.b.disturbed,
        "flags": list(each.flags),
    }


def _cause_document(each: Cause) -> dict[str, Any]:
    return {
        "a_file": each.a_name,
        "b_file": each.b_name,
        "differing": list(each.things),
        "is_likely": each.is_likely,
        "text": each.sentence,
    }


def _told(fact: Difference, sides: SidesDiffer) -> dict[str, str]:
    return {"fact": fact.fact, "a": fact.a, "b": fact.b, "a_file": sides.a_name, "b_file": sides.b_name}


def _percents(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (percent(interval[0]), percent(interval[1]))


def _side(
    name: str,
    sessions: tuple[MeasuredSession, ...],
    both: tuple[tuple[MeasuredSession, ...], ...],
    given: Sequence[MeasuredSession],
) -> Side:
    """A side with the spread of its machine, learned from others and from within each side."""
    machine = session_spread.machine_key(sessions[0].machine)

    def of_machine(candidates: Sequence[MeasuredSession]) -> list[session_spread.SessionSummary]:
        return [session_spread.summary(each) for each in candidates if session_spread.machine_key(each.machine) == machine]

    judged = {each.created_utc for side in both for each in side}
    known = [*session_spread.kept(sessions[0].machine), *of_machine(given)]
    others = [each for each in known if each.created_utc not in judged]
    return Side(name, sessions, session_spread.learn([others, *(of_machine(side) for side in both)]))


def _measured_cell(reader: SessionReader, cell: CellRecord, model: ModelIdentity | None, runs: list[RunRecord]) -> MeasuredCell:
    valid = [run for run in runs if run.status is RunStatus.DONE and run.is_valid]
    measured = []
    disturbed = [run for run in valid if any(flag.partition(":")[0] in INVALIDATING for flag in run.flags)]
    for run in valid:
        if run in disturbed:
            continue
        figures = reader.run_figures(run.run_id)
        if figures is not None:
            measured.append(MeasuredRun(run.block, flat_figures(figures)))
    flags = tuple(dict.fromkeys(flag for run in valid for flag in run.flags))
    return MeasuredCell(
        cell.configuration, model, tuple(measured), len(runs) - len(measured), len(disturbed), flags, cell.cell_id
    )


def _check(options: Options) -> None:
    _check_axes(options.ignored)
    for name in options.figures or ():
        metric = metric_of(name)
        if name not in FIGURE_NAMES or metric is None:
            statistics = [each for each in FIGURE_NAMES if each.startswith(f"{name}.")]
            hint = f"; write one of {', '.join(statistics)}" if statistics else ""
            raise UnusableArguments(f"There is no figure '{name[:60]}' of a run{hint}.")
        if metric.better == "neither":
            raise UnusableArguments(f"{name} has no direction that is better, so that there is no verdict on it.")
    if not 0 < options.same_within_percent < 100:
        raise UnusableArguments("What counts as the same is a percentage above 0 and below 100.")


def _check_axes(names: Sequence[str]) -> None:
    for name in names:
        if name not in AXES:
            raise UnusableArguments(f"There is no axis '{name[:60]}'; there are {', '.join(AXES)}.")
