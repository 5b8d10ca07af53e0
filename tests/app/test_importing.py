import json
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.importing import Importing
from app.session_name import imported_path
from app.settings import Settings
from profiler.session.reader import SessionReader

GOLDEN = Path(__file__).parents[1] / "golden" / "imports"


@pytest.fixture
def importing(qtbot: QtBot, tmp_path: Path, settings: Settings) -> Importing:
    settings.sessions_folder = tmp_path / "sessions"
    window = QWidget()
    qtbot.addWidget(window)
    return Importing(settings, window)


def test_results_become_a_session_in_the_folder_of_sessions(qtbot: QtBot, importing: Importing, tmp_path: Path) -> None:
    with qtbot.waitSignal(importing.imported) as told:
        importing.start(GOLDEN / "llama-bench.csv")
    session = told.args[0]
    assert session == tmp_path / "sessions" / "llama-bench.inferometer"
    with SessionReader.open(session) as reader:
        assert len(reader.cells()) == 3
    qtbot.waitUntil(lambda: not importing.is_busy)


def test_what_cannot_be_imported_is_told(qtbot: QtBot, importing: Importing, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"a": 1}))
    with qtbot.waitSignal(importing.failed) as told:
        importing.start(tmp_path / "x.json")
    assert "none of the results that can be imported" in told.args[0]
    assert not list((tmp_path / "sessions").iterdir())


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    (tmp_path / "a-b.inferometer").touch()
    assert imported_path(tmp_path, Path("/x/a: b.json")) == tmp_path / "a-b-2.inferometer"
