"""A session that another process writes is read, and only read, and the window says so."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.pages.results_page import ResultsPage
from app.settings import Settings
from profiler.cli.main import main
from profiler.errors import EnvironmentFault
from profiler.records.run_record import SessionEvent
from profiler.session.labels import Labels, write_labels
from profiler.session.writer import SessionWriter
from tests.helpers.written_session import write_session

WRITER = """
import sys
from pathlib import Path
from profiler.session.writer import SessionWriter
with SessionWriter.open(Path(sys.argv[1])):
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """One that was broken off."""
    path = write_session(tmp_path / "night.inferometer")
    with SessionWriter.open(path) as writer:
        writer.add_event(SessionEvent("2026-01-01T00:00:00+00:00", "start", "start"))
    return path


@pytest.fixture
def writer(session: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has it open for writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(session)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    yield process
    process.communicate()


def test_the_second_only_reads_and_says_so(
    qtbot: QtBot, settings: Settings, session: Path, writer: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.open_session(session)
    qtbot.waitUntil(lambda: page.session is not None and not page.is_busy)
    assert page.session is not None
    assert "only read" in page.session.notice
    assert not page.resume_button.isVisibleTo(page)
    with pytest.raises(EnvironmentFault, match="is being written"):
        write_labels(session, Labels("Mine"))
    assert main(["resume", str(session)]) == 1
    assert "night.inferometer is being written" in capsys.readouterr().err
    assert main(["repair", str(session)]) == 1
    assert "being written" in capsys.readouterr().err
    assert main(["show", str(session)]) == 0
    writer.communicate()
    page.open_session(session)
    qtbot.waitUntil(lambda: page.resume_button.isVisibleTo(page) and not page.is_busy)
    assert page.session.notice == ""
