from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.dialogs.export_question import ask_export, choices, filter_of
from profiler.exchange.formats import BY_NAME, FORMATS


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def answered(monkeypatch: pytest.MonkeyPatch, name: str, chosen: str) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (name, chosen))


def test_every_format_can_be_chosen_and_none_looks_like_another() -> None:
    offered = choices()
    assert [item.name for item in offered] == [name for item in FORMATS for name in [item.name] * (2 if item.anonymous else 1)]
    assert len({filter_of(item) for item in offered}) == len(offered) == len(FORMATS) + 1


def test_the_anonymous_copy_is_a_choice_of_its_own(parent: QWidget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, str(tmp_path / "given"), "Session copy without names and paths (*.inferometer)")
    chosen = ask_export(parent, tmp_path / "a.inferometer")
    assert chosen is not None
    item, target = chosen
    assert item.export is BY_NAME["session"].anonymous
    assert target == tmp_path / "given.inferometer"


@pytest.mark.parametrize(
    ("typed", "expected"), [("x", "x.trace.json"), ("x.trace.json", "x.trace.json"), ("x.json", "x.json.trace.json")]
)
def test_a_name_gets_the_whole_ending(
    parent: QWidget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, expected: str
) -> None:
    answered(monkeypatch, str(tmp_path / typed), filter_of(BY_NAME["trace"]))
    chosen = ask_export(parent, tmp_path / "a.inferometer")
    assert chosen is not None
    assert chosen[1].name == expected
