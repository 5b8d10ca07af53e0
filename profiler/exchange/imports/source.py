"""A file from a stranger as text and documents, within limits that hold before anything large is made of it."""

import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from profiler.errors import BadFile, EnvironmentFault

MOST_BYTES = 64 * 2**20
"""Of a file."""

MOST_VALUES = 2_500_000
"""Numbers and words in a file: their objects take twenty times the bytes that the shortest of them take in the text."""

MOST_GROUPS = 400_000
"""Lists and objects in a file."""

MOST_DEPTH = 40

Document = Mapping[str, Any]
"""A JSON object."""


def read_text(path: Path) -> str:
    """The whole file as text.

    Raises:
        BadFile: it is no ordinary file, larger than can be read, or no text.
        EnvironmentFault: it is not there or may not be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe or a device has no end
            raise BadFile(f"{path} is not a file that can be imported; name a file with results.")
        if found.st_size > MOST_BYTES:
            raise BadFile(
                f"{path} has {found.st_size // 2**20} MiB; files of up to {MOST_BYTES // 2**20} MiB can be imported. "
                "Split it, or leave the texts of the answers out of it."
            )
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read ({error.strerror or error}); check its name and its rights.") from error
    if len(content) > MOST_BYTES:
        raise BadFile(f"{path} grew while it was read; import it when it is finished.")
    values, groups = content.count(b","), content.count(b"[") + content.count(b"{")
    if values > MOST_VALUES or groups > MOST_GROUPS:
        raise BadFile(
            f"{path} holds {values} values in {groups} lists; up to {MOST_VALUES} in {MOST_GROUPS} can be imported. "
            "Split it by its runs."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is not text (UTF-8), and so none of the results that can be imported.") from error


def json_documents(text: str, path: Path) -> list[Document]:
    """The objects of a JSON document (one, or a list of them) or of JSON lines.

    Numbers that are not finite become None, as does what JSON has no word for (NaN).

    Raises:
        BadFile: it is neither.
    """
    try:
        whole = _parsed(text)
    except json.JSONDecodeError as error:
        if "\n" not in text.strip():
            raise _no_json(path, error.lineno) from None
        return list(_lines(text, path))
    except (ValueError, RecursionError):
        raise _no_json(path, 1) from None
    documents = whole if isinstance(whole, list) else [whole]
    if not documents or not all(isinstance(each, dict) for each in documents):
        raise BadFile(f"{path} holds no results: a JSON object, or a list of them, was expected.")
    return documents


def _lines(text: str, path: Path) -> Iterator[Document]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            document = _parsed(line)
        except (ValueError, RecursionError):
            raise _no_json(path, number) from None
        if not isinstance(document, dict):
            raise BadFile(f"Line {number} of {path} is no JSON object, so that it is no result.")
        yield document


def _parsed(text: str) -> Any:
    document = json.loads(text, parse_constant=lambda _: None)
    if _is_deeper(document, MOST_DEPTH):
        raise ValueError("nested too deeply")
    return document


def _is_deeper(value: object, levels: int) -> bool:
    """Whether something is nested deeper; a long list of numbers is looked at in one go."""
    layer: list[object] = [value]
    for _ in range(levels):
        layer = [
            item
            for each in layer
            for item in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(item, dict | list)
        ]
        if not layer:
            return False
    return True


def _no_json(path: Path, line: int) -> BadFile:
    return BadFile(f"{path} is not readable as JSON or JSON lines (line {line}); it may be cut off. Save the results again.")
