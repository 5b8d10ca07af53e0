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
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"The folder {folder} for sessions cannot be made ({error.strerror}); choose another one in the preferences."
        ) from error
    subject = plan.title or Path(plan.models.paths[0]).stem
    stem = f"{_UNFIT.sub('-', subject).strip('-')[:_MOST_LETTERS] or 'sweep'}-{now:%Y-%m-%d-%H%M}"
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, 10_000))
    return next(path for name in names if not (path := folder / f"{name}.inferometer").exists())
