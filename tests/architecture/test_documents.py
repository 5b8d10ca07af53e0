"""What the documents for contributors name is there."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")


def test_files_that_the_walks_name_exist():
    named = {word for word in re.findall(r"`([\w./]+)`", CONTRIBUTING) if "/" in word and "NAME" not in word}
    missing = {word for word in named if not (ROOT / word).exists() and not (ROOT / "profiler" / word).exists()}
    assert missing == set()


def test_markers_are_those_of_the_suite():
    told = set(re.findall(r"^\| `(\w+)` \|", CONTRIBUTING, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert told == {marker.partition(":")[0] for marker in project["tool"]["pytest"]["ini_options"]["markers"]}


def test_the_readme_names_every_command():
    from profiler.cli.main import VERBS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {verb for verb in VERBS if f"inferometer {verb}" not in readme} == set()
