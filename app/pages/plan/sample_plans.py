"""The plans that ship with Inferometer, by their title and first comment line. Pure: no widget is touched."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """One of them.

    Attributes:
        title: the plan's own.
        summary: the file's first comment line.
        file: the plan; `importlib.resources.as_file` gives its path.
    """

    title: str
    summary: str
    file: Traversable


def sample_plans(folder: Traversable | None = None) -> tuple[SamplePlan, ...]:
    """All that ship, by title; none where the folder is missing. A file that is no TOML is passed over.

    Args:
        folder: another one than that of `resources`.
    """
    folder = folder or resources.files("resources").joinpath("plans")
    if not folder.is_dir():
        return ()
    found = []
    for file in folder.iterdir():
        if not file.name.endswith(".toml"):
            continue
        try:
            text = file.read_text(encoding="utf-8")
            title = str(tomllib.loads(text).get("title", ""))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue
        first = text.partition("\n")[0]
        found.append(SamplePlan(title or file.name, first.removeprefix("#").strip() if first.startswith("#") else "", file))
    return tuple(sorted(found, key=lambda plan: plan.title.casefold()))
