"""What a person writes on a session: its title, notes and tags. They are kept in its file, beside what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter

TITLE, NOTES = "title", "notes"
"""Keys of the session's meta table."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The words on one session.

    Attributes:
        title: a line.
        notes: any text.
        tags: name → value; the value is empty where the name says it all.
    """

    title: str = ""
    notes: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def read_labels(reader: SessionReader) -> Labels:
    """The words on an open session; raises as its methods do."""
    meta = reader.meta()
    return Labels(meta.get(TITLE, ""), meta.get(NOTES, ""), reader.tags())


def write_labels(path: Path, labels: Labels) -> None:
    """Have a session carry these words and no others. What was measured stays as it is.

    A file of an earlier session format is brought to the newest one by it.

    Raises:
        BadFile: it is no session file, damaged, or from a newer version.
        EnvironmentFault: it may not be written, or a sweep is being written into it.
    """
    with SessionReader.open(path) as reader:
        before = read_labels(reader)
    if before == labels:
        return
    with SessionWriter.open(path) as writer:
        writer.set_meta(TITLE, labels.title)
        writer.set_meta(NOTES, labels.notes)
        for name in before.tags.keys() - labels.tags.keys():
            writer.remove_tag(name)
        for name, value in labels.tags.items():
            writer.set_tag(name, value)


def tags_text(tags: Mapping[str, str]) -> str:
    """Tags in a line, as `parse_tags` reads them: "baseline, driver: 550"."""
    return ", ".join(f"{name}: {value}" if value else name for name, value in sorted(tags.items()))


def parse_tags(text: str) -> dict[str, str]:
    """The tags in a line of "name" or "name: value", separated by commas; the last one of a name counts."""
    tags = {}
    for part in text.split(","):
        name, _, value = part.partition(":")
        if name.strip():
            tags[" ".join(name.split())] = " ".join(value.split())
    return tags
