"""Reads the chosen sessions and compares them. On a worker thread; no widget is touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.bridge.job import JobLine
from profiler.analysis.comparison.result import Comparison, Options
from profiler.errors import Interrupted, UnusableArguments
from profiler.exchange.comparison import SUFFIX, compare_sessions, read_session
from profiler.exchange.findings.session_view import read_session as read_view
from profiler.exchange.machine_ranking import Contestant
from profiler.hardware.session_spread import machine_key
from profiler.records.axis import AXES
from profiler.records.session_figures import MeasuredSession
from profiler.session.reader import SessionReader

_MOST_OFFERED = 30


@dataclass(frozen=True, slots=True)
class Request:
    """What shall be compared: the base first, then one or more others."""

    paths: tuple[Path, ...]
    options: Options


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found.

    Attributes:
        names: of the sides, short and each another one; those in `comparison`.
        notices: sentences about files that may not have been read whole, being from a newer version.
        contestants: the sessions with all that Results would show of them, for the ranking and the figures.
        axes: names of the axes on which the sides have other values, in AXES' order: ignoring one may match more cells.
    """

    request: Request
    names: tuple[str, ...]
    comparison: Comparison
    axes: tuple[str, ...]
    notices: tuple[str, ...] = ()
    contestants: tuple[Contestant, ...] = ()


def compared(line: JobLine, request: Request) -> Outcome:
    """Read the files one after the other and compare the others with the first.

    Raises:
        UnusableArguments: two of them are the same file or hold the same session.
        EnvironmentFault, BadFile: a file cannot be read.
        Interrupted: it was cancelled.
    """
    names = side_names(request.paths)
    places = [path.resolve() for path in request.paths]
    twice = next((name for name, place in zip(names, places, strict=True) if places.count(place) > 1), None)
    if twice is not None:
        raise UnusableArguments(f"{twice} is chosen twice; a session can only be compared with another one.")
    sessions: list[MeasuredSession] = []
    contestants = []
    notices = []
    for number, path in enumerate(request.paths):
        line.progress(f"Reading {path.name}", number / (len(request.paths) + 1))
        with SessionReader.open(path) as reader:
            notices.append(reader.notice)
        sessions.append(read_session(path))
        contestants.append(Contestant(names[number], read_view(path), machine_key(sessions[-1].machine)))
        _stop_if_cancelled(line)
    _check_apart(names, sessions)
    line.progress("Comparing", len(request.paths) / (len(request.paths) + 1))
    sides = [(name, (session,)) for name, session in zip(names, sessions, strict=True)]
    comparison = compare_sessions(sides, request.options)
    _stop_if_cancelled(line)
    return Outcome(request, names, comparison, differing_axes(sessions), tuple(filter(None, notices)), tuple(contestants))


def side_names(paths: Sequence[Path]) -> tuple[str, ...]:
    """The files' names without the ending, with their folders where two have one name; the same file twice has one name."""
    names = [path.stem for path in paths]
    depth = 1
    while len(set(names)) < len(set(paths)) and depth < max(len(path.parts) for path in paths):
        depth += 1
        names = ["/".join((*path.parent.parts[-depth + 1 :], path.stem)) for path in paths]
    return tuple(names)


def differing_axes(sessions: Sequence[MeasuredSession]) -> tuple[str, ...]:
    """The axes that do not have the same values in all sessions."""
    return tuple(
        axis.name
        for axis in AXES
        if len({frozenset(cell.configuration.get(axis.name) for cell in session.cells) for session in sessions}) > 1
    )


def session_files(recent: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """The recent sessions, and behind them those of the folder, the newest first; a file that is gone meanwhile is left out."""
    dated = []
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            dated.append((path.stat().st_mtime_ns, path))
        except OSError:
            continue
    newest = [path for _, path in sorted(dated, reverse=True)]
    return tuple(dict.fromkeys((*recent, *newest)))[:_MOST_OFFERED]


def _stop_if_cancelled(line: JobLine) -> None:
    if line.cancel.is_set():
        raise Interrupted("The comparison was cancelled.")


def _check_apart(names: Sequence[str], sessions: Sequence[MeasuredSession]) -> None:
    """A session is known by its machine and the time it was made: a copy of a file has nothing to be compared with."""
    known: dict[tuple[str, str], str] = {}
    for name, session in zip(names, sessions, strict=True):
        key = machine_key(session.machine), session.created_utc
        if session.created_utc and key in known:
            raise UnusableArguments(f"{known[key]} and {name} are copies of one session; choose another one.")
        known[key] = name
