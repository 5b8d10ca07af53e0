"""Names for the session files that the window makes."""

import re
from datetime import datetime
from pathlib import Path

from profiler.errors import EnvironmentFault
from profiler.plan.plan import Plan

_UNFIT = re.compile(r"[^\w.+-]+")
_MOST_LETTERS = 60


def session_path(folder: Path, plan: Plan, now: datetime) -> Path:
    """A new file in `folder`, which is made when it is missing: the plan's title or first model, and the time.

    Raises:
        EnvironmentFault: the folder cannot be made.
    """
    subject = plan.title or Path(plan.models.paths[0]).stem
    return _new_path(folder, f"{_fit(subject) or 'sweep'}-{now:%Y-%m-%d-%H%M}")


def imported_path(folder: Path, source: Path) -> Path:
    """A new file in `folder`, as `session_path`, for what is imported from `source`: by its name."""
    return _new_path(folder, _fit(source.stem) or "imported")


def _fit(words: str) -> str:
    return _UNFIT.sub("-", words).strip("-")[:_MOST_LETTERS]


def _new_path(folder: Path, stem: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"The folder {folder} for sessions cannot be made ({error.strerror}); choose another one in the preferences."
        ) from error
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, 10_000))
    return next(path for name in names if not (path := folder / f"{name}.inferometer").exists())
