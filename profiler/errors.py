"""What can go wrong, sorted by whose fault it is: the environment's, the caller's, or a bug of ours (any other exception)."""

import traceback
from pathlib import Path

APOLOGY = "this is a fault of Inferometer, not of what you did"
"""What a bug of ours is told with: there is no remedy, only a report."""


class InferometerError(Exception):
    """A failure with one sentence for the user: what, where and what to do. Exit status 1."""

    exit_status = 1

    @property
    def sentence(self) -> str:
        """The whole story in one sentence, ready to be shown."""
        return str(self)


class EnvironmentFault(InferometerError):
    """The machine or a file stands in the way: disk full, no permission, a library missing, a damaged file."""


class BadFile(EnvironmentFault):
    """A file is not what it claims to be: truncated, of another kind, from a newer version."""


class UnusableArguments(InferometerError):
    """What was asked for makes no sense; nothing was started. Exit status 2."""

    exit_status = 2


class Interrupted(InferometerError):
    """The user stopped the work; all that was measured is saved. Exit status 130."""

    exit_status = 130


def fault_lines(error: BaseException) -> list[str]:
    """Where an exception came from, one line a frame, and the exception itself as the last line; without anybody's folders."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        parts = Path(frame.filename).parts
        place = next((number for number, part in enumerate(parts) if part in ("profiler", "app")), len(parts) - 1)
        lines.append(f"{'/'.join(parts[place:])}:{frame.lineno} in {frame.name}")
    return [*lines, traceback.format_exception_only(error)[-1].strip()]
