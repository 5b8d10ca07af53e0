"""Where an export goes: written beside its target and renamed when complete, so that a target is whole, old or not there."""

import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.session.copying import is_session


@contextmanager
def new_file(target: Path, *, force: bool) -> Iterator[TextIO]:
    """A text file (UTF-8) that becomes `target` when the block ends without an exception.

    Args:
        target: the file.
        force: replace an existing file. A session is never replaced: its measurements exist nowhere else.

    Raises:
        UnusableArguments: it exists and `force` is not set, or it is a folder or a session.
        EnvironmentFault: it cannot be written there.
    """
    with new_path(target, force=force) as unfinished, unfinished.open("x", encoding="utf-8") as stream:
        yield stream


@contextmanager
def new_path(target: Path, *, force: bool, may_replace_session: bool = False) -> Iterator[Path]:
    """The path of a file yet to be made that becomes `target` when the block ends without an exception.

    Args:
        target: the file.
        force: replace an existing file.
        may_replace_session: even when that is a session.

    Raises:
        UnusableArguments: it exists and `force` is not set, or it is a folder, or a session that may not be replaced.
        EnvironmentFault: it cannot be written there.
    """
    if target.is_dir():
        raise UnusableArguments(f"{target} is a folder; name a file.")
    _refuse_existing(target, force)
    if not may_replace_session and is_session(target):
        raise UnusableArguments(f"{target} is a session, which an export never replaces; choose another name.")
    unfinished = _unfinished(target)
    try:
        with _told_faults(target):
            yield unfinished
            os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path, *, force: bool, own_files: Collection[str]) -> Iterator[Path]:
    """A folder that becomes `target` when the block ends without an exception.

    Args:
        target: the folder.
        force: replace an existing folder, if it holds nothing but `own_files`.
        own_files: names of the files that such a folder holds.

    Raises:
        UnusableArguments: it exists and `force` is not set, it holds other things, or it is a file.
        EnvironmentFault: it cannot be written there.
    """
    _refuse_existing(target, force)
    if target.exists() and not target.is_dir():
        raise UnusableArguments(f"{target} is a file; name a folder.")
    if target.is_dir() and not {entry.name for entry in target.iterdir()} <= set(own_files):
        raise UnusableArguments(f"{target} holds files that are no export; choose another folder.")
    unfinished = _unfinished(target)
    replaced = _unfinished(target)
    try:
        with _told_faults(target):
            unfinished.mkdir()
            yield unfinished
            if target.is_dir():
                os.replace(target, replaced)
            os.replace(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not target.exists() and replaced.exists():
            os.replace(replaced, target)
        shutil.rmtree(replaced, ignore_errors=True)


def _refuse_existing(target: Path, force: bool) -> None:
    if target.exists() and not force:
        raise UnusableArguments(f"{target} exists; choose another name, or use --force to replace it.")
    if not target.absolute().parent.is_dir():
        raise EnvironmentFault(f"{target} cannot be made: the folder {target.absolute().parent} does not exist.")


def _unfinished(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}")


@contextmanager
def _told_faults(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(
            f"{target} could not be written ({error.strerror or error}); nothing was changed there."
        ) from error
