"""How modules are cut: small, named after what they hold, each saying what it is for."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 400
# Names that say nothing about the contents gather what belongs elsewhere.
EMPTY_WORDS = {"util", "utils", "misc", "common", "manager", "managers", "helper", "helpers", "handler", "handlers"}

MODULES = [path for package in ("app", "profiler", "resources") for path in sorted((ROOT / package).rglob("*.py"))]
SOURCES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in MODULES}


def test_modules_are_short():
    lengths = {name: len(source.splitlines()) for name, source in SOURCES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_modules_are_named_after_their_contents():
    words = {name: {word for part in Path(name).with_suffix("").parts for word in part.split("_")} for name in SOURCES}
    assert [name for name in SOURCES if words[name] & EMPTY_WORDS] == []


def test_modules_say_what_they_are_for():
    assert [name for name, source in SOURCES.items() if not ast.get_docstring(ast.parse(source))] == []


def test_folders_with_modules_are_packages():
    folders = {path.parent for path in MODULES}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()] == []
