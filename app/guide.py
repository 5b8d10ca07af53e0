"""The user guide's chapters, as they ship in `resources/guide`."""

from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter.

    Attributes:
        name: of its file, without number and ending ("charts").
        title: its first heading.
        text: all of it, Markdown.
    """

    name: str
    title: str
    text: str


@cache
def chapters() -> tuple[Chapter, ...]:
    """All chapters in their order."""
    folder = resources.files("resources").joinpath("guide")
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".md"):
            text = entry.read_text(encoding="utf-8")
            name = entry.name.partition("_")[2].removesuffix(".md")
            found.append(Chapter(name, text.partition("\n")[0].removeprefix("# "), text))
    return tuple(found)


CHAPTER_OF_PAGE = {"Models": "first_steps", "Plan": "first_steps", "Live": "charts", "Results": "charts", "Compare": "charts"}
"""What F1 opens, by the page that is shown."""
