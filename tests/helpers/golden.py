"""Golden files: what an export wrote once, was looked at, and is compared with ever after."""

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "golden"
WRITE = "INFEROMETER_WRITE_GOLDEN"
"""Set in the environment, the files are written instead of compared. Look at what changed before you keep it."""

IGNORED = {
    "date": r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)?)?",
    "version": r"(?<=\"version\": \")[^\"]+|(?<=\"inferometer\": \")[^\"]+|(?<=Inferometer )\d[\w.]*\w",
    "minute": r"(?<=<date> )\d\d:\d\d(?= UTC)|(?<=<date> )\d\d:\d\d:\d\d",
    "path": r"(?<=\"session\": \")[^\"]+",
}
"""What may differ, by name: each stands in the file as <name>."""


def assert_golden(text: str, name: str, *, ignored: Iterable[str] = ()) -> None:
    """Compare `text` with the file `name` of tests/golden, but for what `ignored` names of IGNORED."""
    for word in ignored:
        text = re.sub(IGNORED[word], f"<{word}>", text)
    file = FOLDER / name
    if os.environ.get(WRITE):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    expected = file.read_text(encoding="utf-8")
    difference = difflib.unified_diff(expected.splitlines(), text.splitlines(), f"golden/{name}", "written", lineterm="")
    assert text == expected, "\n".join(line[:500] for line in difference)
