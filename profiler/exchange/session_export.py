"""Export as a session file: a compact copy of this one, or one without the names that say whose it is."""

from pathlib import Path

from profiler.errors import UnusableArguments
from profiler.exchange.target import new_path
from profiler.session.claim import is_claimed
from profiler.session.copying import copy_session, copy_without_names
from profiler.session.reader import SessionReader

_LEFTOVERS = ("-wal", "-shm", "-journal")


def export_session(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write what the session holds at this moment to `target`.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or it is this session or one that is being written.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    _export(reader, target, force=force, anonymize=False)


def export_anonymous_session(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """The same without names, paths, notes and labels: `profiler.session.anonymity` tells what goes and what stays."""
    _export(reader, target, force=force, anonymize=True)


def _export(reader: SessionReader, target: Path, *, force: bool, anonymize: bool) -> None:
    if target.exists() and target.samefile(reader.path):
        raise UnusableArguments(f"{target} is the session itself; choose another name.")
    if is_claimed(target):
        raise UnusableArguments(f"{target} is being written by another Inferometer; choose another name.")
    with new_path(target, force=force, may_replace_session=True) as unfinished:
        (copy_without_names if anonymize else copy_session)(reader.path, unfinished)
        for leftover in _LEFTOVERS:  # of a session that was here before: SQLite would replay them into ours
            target.with_name(target.name + leftover).unlink(missing_ok=True)
