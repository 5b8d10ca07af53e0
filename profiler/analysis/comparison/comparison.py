"""Compares sessions cell by cell and figure by figure. Pure: sessions and learned spreads come in, a typed result goes out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.comparison import needed
from profiler.analysis.comparison.between_sessions import (
    ENOUGH_SESSIONS,
    LEAST_LEARNED_DEGREES,
    SessionLogs,
    assumed_spread,
    shift_between,
)
from profiler.analysis.comparison.family import LEVEL, holm_levels
from profiler.analysis.comparison.machine import machine_differences, plan_differences
from profiler.analysis.comparison.matching import Match, match_cells, match_within
from profiler.analysis.comparison.result import Alone, ComparedFigure, Comparison, Options, Side, SidesDiffer
from profiler.analysis.comparison.shift import Shift
from profiler.analysis.comparison.verdict import Finding, Verdict, judge, metric_of, verdict_text
from profiler.analysis.comparison.within_session import common_blocks, paired_shift
from profiler.plan.slo import parse_slo
from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession

DEFAULT_PRIMARY = "output_tok_s"
EXPLORED = (
    "output_tok_s", "user_tok_s", "prompt_tok_s", "ttft_ms.p50", "ttft_ms.p95", "itl_ms.p50", "tpot_ms.p50", "e2e_ms.p95",
    "rss_peak_bytes", "vram_peak_bytes", "tokens_per_joule",
)  # fmt: skip
"""Figures that are compared beside the primary one, unless others are asked for."""

CONFIDENCE = 0.95


def compare(pairs: Sequence[tuple[Side, Side]], options: Options) -> Comparison:
    """Each second side against its first; all primary figures of the call make one family.

    Args:
        pairs: (base, other); the spreads of both must come from sessions that neither holds.
        options: axes to ignore, figures, the bounds of "same".
    """
    figures: list[_Prepared] = []
    alone: list[Alone] = []
    differences = []
    for base, other in pairs:
        matches, unmatched = match_cells(base.sessions[0], other.sessions[0], options.ignored)
        names = {"a": base.name, "b": other.name}
        alone += [Alone(names[each.side], each) for each in unmatched]
        machine = machine_differences(base.sessions[0].machine, other.sessions[0].machine)
        differences.append(SidesDiffer(base.name, other.name, machine, plan_differences(base.sessions[0], other.sessions[0])))
        for match in matches:
            figures += _compared_sides(match, base, other, options)
    return _judged(figures, alone, differences, options)


def compare_within(session: MeasuredSession, axis: str, options: Options) -> Comparison:
    """Cells of one session that differ on one axis only, paired by block; the first of each kind is the base."""
    figures: list[_Prepared] = []
    for match in match_within(session, axis):
        figures += _compared_cells(match, session, options)
    return _judged(figures, [], [], options)


def primary_figure(session: MeasuredSession) -> str:
    """The figure that the plan's first limit is about, the output's speed without one."""
    need = session.plan.get("need")
    text = need.get("slo", "") if isinstance(need, Mapping) else ""
    try:
        limits = parse_slo(text) if isinstance(text, str) else ()
    except ValueError:
        limits = ()
    return f"{limits[0].metric}.{limits[0].statistic}" if limits else DEFAULT_PRIMARY


def _figure_names(primary: str, options: Options) -> list[str]:
    return [primary, *(name for name in options.figures or EXPLORED if name != primary)]


def _compared_sides(match: Match, base: Side, other: Side, options: Options) -> "list[_Prepared]":
    cells_a, cells_b = _same_cells(match.a, base), _same_cells(match.b, other)
    primary = primary_figure(base.sessions[0])
    found: list[_Prepared] = []
    for name in _figure_names(primary, options):
        row = _row(match, (cells_a, base.name), (cells_b, other.name), name, is_primary=name == primary)
        if row.a_value is None and row.b_value is None and name != primary and options.figures is None:
            continue
        if row.reason:
            found.append((row, None))
        else:
            logs = _session_logs(cells_a, base, name), _session_logs(cells_b, other, name)
            found.append((_with_session_shift(row, *logs), logs))
    return found


def _with_session_shift(row: ComparedFigure, a: SessionLogs, b: SessionLogs) -> ComparedFigure:
    shift = shift_between(a, b)
    if shift is None:
        return replace(row, reason="One repetition does not tell how far repetitions vary.")
    row = replace(row, shift=shift, interval=shift.interval(CONFIDENCE))
    if min(len(a.sessions), len(b.sessions)) >= ENOUGH_SESSIONS:
        return row
    return replace(row, spread_a=a.spread, spread_b=b.spread)


def _compared_cells(match: Match, session: MeasuredSession, options: Options) -> "list[_Prepared]":
    primary = primary_figure(session)
    found: list[_Prepared] = []
    for name in _figure_names(primary, options):
        row = _row(match, ((match.a,), session.name), ((match.b,), session.name), name, is_primary=name == primary)
        if row.a_value is None and row.b_value is None and name != primary and options.figures is None:
            continue
        if row.reason:
            found.append((row, None))
            continue
        logs = common_blocks(_logs_by_block(match.a, name), _logs_by_block(match.b, name))
        shift = paired_shift(*logs)
        if shift is None:
            found.append((replace(row, reason="The cells have fewer than two blocks in common."), None))
        else:
            found.append((replace(row, shift=shift, interval=shift.interval(CONFIDENCE)), logs))
    return found


def _row(
    match: Match, a: tuple[Sequence[MeasuredCell], str], b: tuple[Sequence[MeasuredCell], str], name: str, *, is_primary: bool
) -> ComparedFigure:
    """What is known before any statistics; `reason` is set when there can be none."""
    runs_a, runs_b = _runs(a[0]), _runs(b[0])
    problems = [
        f"{side} {problem}"
        for (cells, side), runs in ((a, runs_a), (b, runs_b))
        if (problem := _problem(runs, name, sum(cell.disturbed for cell in cells))) is not None
    ]
    flags = [f"{side}: {flag}" for cells, side in (a, b) for cell in cells for flag in cell.flags]
    return ComparedFigure(
        match.a, match.b, a[1], b[1], name, is_primary,
        _median(runs_a, name), _median(runs_b, name), len(runs_a), len(runs_b), len(a[0]), len(b[0]),
        reason="; ".join(problems) + "." if problems else "",
        model_note=match.model_note,
        flags=tuple(dict.fromkeys(flags)),
    )  # fmt: skip


def _problem(runs: Sequence[MeasuredRun], name: str, disturbed: int) -> str | None:
    values = [run.figures[name] for run in runs if name in run.figures]
    if disturbed and len(runs) < 2:
        return f"has {len(runs)} undisturbed runs of this cell, {disturbed} were disturbed and stay out"
    if not runs:
        return "has no valid run of this cell"
    if not values:
        return f"has no {name}"
    if len(values) < len(runs):  # the others alone might be the fast ones
        return f"has {name} in {len(values)} of {len(runs)} runs only"
    if not all(0 < value < math.inf for value in values):
        return f"has a {name} of 0 or less, of which no ratio can be taken"
    return None


def _median(runs: Sequence[MeasuredRun], name: str) -> float | None:
    values = [run.figures[name] for run in runs if name in run.figures]
    return float(np.median(values)) if values and len(values) == len(runs) else None


def _runs(cells: Sequence[MeasuredCell]) -> list[MeasuredRun]:
    return [run for cell in cells for run in cell.runs]


def _same_cells(cell: MeasuredCell, side: Side) -> tuple[MeasuredCell, ...]:
    """The cell in every session of its side that has run it."""
    first, *others = side.sessions
    found = [cell]
    for session in others:
        matches, _ = match_cells(first, session)
        found += [match.b for match in matches if match.a is cell and match.b.runs]
    return tuple(each for each in found if each.runs) or (cell,)


def _session_logs(cells: Sequence[MeasuredCell], side: Side, name: str) -> SessionLogs:
    logs = tuple(np.log([run.figures[name] for run in cell.runs]) for cell in cells)
    learned = side.spreads.get(name)
    is_enough = learned is not None and learned.degrees >= LEAST_LEARNED_DEGREES
    return SessionLogs(logs, learned if learned is not None and is_enough else assumed_spread(name))


def _logs_by_block(cell: MeasuredCell, name: str) -> dict[int, float]:
    return {run.block: math.log(run.figures[name]) for run in cell.runs}


def _judged(
    figures: "Sequence[_Prepared]", alone: Sequence[Alone], differences: Sequence[SidesDiffer], options: Options
) -> Comparison:
    family = [row.shift.p_value for row, _ in figures if row.is_primary and row.shift is not None]
    levels = iter(holm_levels(family))
    judged = []
    for row, logs in figures:
        if row.shift is None:
            judged.append(row)
            continue
        level = next(levels) if row.is_primary else LEVEL
        row = _with_verdict(row, row.shift, level, options.same_within_percent)
        if row.is_primary and row.verdict is Verdict.NOT_ENOUGH_DATA and logs is not None:
            row = _with_needed(row, logs, level)
        judged.append(row)
    return Comparison(tuple(judged), tuple(alone), tuple(differences), len(family), options.same_within_percent)


def _with_verdict(row: ComparedFigure, shift: Shift, level: float, same_within_percent: float) -> ComparedFigure:
    metric = metric_of(row.figure)
    if metric is None or metric.better == "neither":
        return replace(row, reason="No direction of this figure is better.")
    finding = judge(shift, metric, level, same_within_percent)
    reason = _why_undecided(row, shift, finding) if finding.verdict is Verdict.NOT_ENOUGH_DATA else ""
    return replace(row, finding=finding, verdict=finding.verdict, text=verdict_text(finding, same_within_percent), reason=reason)


def _with_needed(row: ComparedFigure, logs: "_Logs", level: float) -> ComparedFigure:
    a, b = logs
    if isinstance(a, SessionLogs) and isinstance(b, SessionLogs):
        repetitions = needed.repetitions_of_two_sessions(a, b, level)
        return replace(row, repetitions_needed=repetitions, sessions_needed=needed.sessions_a_side(a, b, level))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return replace(row, repetitions_needed=needed.repetitions_within_session(a, b, level))
    return row


_Logs = tuple[SessionLogs, SessionLogs] | tuple[NDArray[np.float64], NDArray[np.float64]]
_Prepared = tuple[ComparedFigure, _Logs | None]
"""A figure before its verdict, with what its shift was taken from."""


def _why_undecided(row: ComparedFigure, shift: Shift, finding: Finding) -> str:
    if finding.is_out_of_reach:
        count = "sessions" if row.sessions_a > 1 else "repetitions"
        return f"So few {count} cannot decide among so many comparisons, however clear they are."
    if shift.p_value <= LEVEL:
        return "It would differ if it were the only comparison; among so many it may be chance."
    if row.spread_a is not None and row.spread_b is not None and (row.spread_a.is_assumed or row.spread_b.is_assumed):
        return "The shift is inside what sessions are assumed to differ by; how far they do on this machine is not learned yet."
    if row.spread_a is not None:
        return "The shift is inside what sessions and repetitions differ by."
    return "The shift is inside what repetitions differ by."
