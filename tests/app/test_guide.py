"""The guide says what is there: every figure, flag, command and key, and nothing that is not."""

import re

import pytest
from typer.main import get_command

from app.actions import Actions
from app.guide import CHAPTER_OF_PAGE, chapters
from profiler.analysis import validity
from profiler.cli.application import application
from profiler.cli.main import VERBS
from profiler.plan.use_case import BY_NAME as USE_CASES
from profiler.records.metric import BY_NAME as METRICS

ALL = "\n".join(chapter.text for chapter in chapters())


def text_of(name):
    return next(chapter.text for chapter in chapters() if chapter.name == name)


def first_column(text):
    return [cells[1].strip() for line in text.splitlines() if len(cells := line.split("|")) > 2 and "---" not in line]


def test_every_page_has_a_chapter():
    assert set(CHAPTER_OF_PAGE.values()) <= {chapter.name for chapter in chapters()}
    assert next(iter(chapters())).title == "First steps"
    headings = re.findall(r"^## (.+)$", text_of("charts"), re.MULTILINE)
    assert set(headings) == {"Results", "Live", "Plan", "Models", "Compare"}


def test_every_figure_is_defined_under_its_own_words():
    rows = [line for line in text_of("method").splitlines() if line.startswith("| `")]
    told = {line.split("|")[1].strip(" `"): line.split("|")[2].strip() for line in rows}
    assert told == {name: metric.label for name, metric in METRICS.items()}


def test_every_flag_has_its_remedy_and_only_those_that_invalidate_are_crossed():
    names = {value for name, value in vars(validity).items() if name.isupper() and isinstance(value, str)}
    rows = [line.split("|") for line in text_of("trouble").splitlines() if line.startswith("| ") and "---" not in line]
    told = {cells[1].strip(): cells[2].strip() for cells in rows if cells[1].strip() != "flag"}
    assert set(told) == names
    assert {name for name, mark in told.items() if mark == "✕"} == validity.INVALIDATING


def test_commands_and_options_exist():
    command = get_command(application)
    options = {
        option for verb in command.commands.values() for each in verb.params for option in (*each.opts, *each.secondary_opts)
    }
    assert {word for word in re.findall(r"--[a-z][a-z-]+", ALL) if word != "--help"} <= options
    assert set(re.findall(r"(?:^|[\s`])inferometer ([a-z]+)", ALL)) <= set(VERBS)


def test_use_cases_are_those_of_the_plan():
    assert set(first_column(text_of("first_steps"))) - {"use case"} <= set(USE_CASES)


def test_keys_are_those_of_the_actions(qtbot):
    from PySide6.QtCore import QObject

    parent = QObject()
    keys = {action.shortcut().toString() for action in Actions(parent).all if not action.shortcut().isEmpty()}
    told = set(re.findall(r"(?:Ctrl\+(?:Shift\+)?(?:Return|\S)|F1)(?=[ ,|])", text_of("shortcuts")))
    told |= {f"Ctrl+{number}" for number in range(1, 6)}
    assert told == keys


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
def test_chapters_are_plain_and_begin_with_their_title(chapter):
    assert chapter.text.startswith(f"# {chapter.title}\n")
    assert "<" not in re.sub(r"`[^`]*`|^    .*$", "", chapter.text, flags=re.MULTILINE), "no HTML"
    assert "http" not in chapter.text
