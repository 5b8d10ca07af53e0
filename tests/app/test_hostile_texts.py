"""Names out of a stranger's file are shown as they are, on every page: nothing is read as markup, in labels and in tips."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.actions import Actions
from app.pages.compare_page import ComparePage
from app.pages.results_page import ResultsPage
from app.settings import Settings
from app.widgets.sentence import Sentence
from tests.helpers.hostile_session import HOSTILE, write_hostile_session

MARK, RAW = "onerror", "<img"


def rows_of(model: QAbstractItemModel) -> list[str]:
    """Every tip of a model."""
    return [
        str(model.index(row, column).data(Qt.ItemDataRole.ToolTipRole) or "")
        for row in range(model.rowCount())
        for column in range(model.columnCount())
    ]


def rich_texts(widget: QWidget) -> list[str]:
    """Every text beneath a widget that Qt would read as markup and that holds the stranger's."""
    found = []
    for each in [widget, *widget.findChildren(QWidget)]:
        texts = [each.toolTip(), each.whatsThis()]
        if isinstance(each, QLabel) and not isinstance(each, Sentence) and each.textFormat() != Qt.TextFormat.PlainText:
            texts.append(each.text())
        if isinstance(each, QAbstractItemView) and each.model() is not None:
            texts += rows_of(each.model())
        if isinstance(each, QComboBox):
            texts += rows_of(each.model())
        found += [f"{type(each).__name__} {each.objectName()}: {text[:90]}" for text in texts if MARK in text and RAW in text]
    return found


@pytest.fixture
def results(qtbot: QtBot, settings: Settings, tmp_path) -> ResultsPage:
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.show()
    page.open_session(write_hostile_session(tmp_path / "hostile.inferometer"))
    qtbot.waitUntil(lambda: page.session is not None and not page.is_busy)
    return page


def test_the_results_of_a_hostile_session_are_inert(results: ResultsPage) -> None:
    assert rich_texts(results) == []
    shown = [label.text() for label in results.findChildren(QLabel)]
    assert any("&lt;img src=x" in text for text in shown), "a sentence with a name in it is there, escaped"


def test_the_library_and_a_comparison_of_hostile_sessions_are_inert(qtbot: QtBot, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "runs <img src=x onerror=alert(1)>"
    folder.mkdir()
    files = [write_hostile_session(folder / f"{name} <img onerror=1>.inferometer") for name in ("a", "b")]
    with closing(sqlite3.connect(files[1])) as other, other:
        other.execute("UPDATE meta SET value = '2026-01-01T00:00:00+00:00' WHERE key = 'created_utc'")
    settings.sessions_folder = folder
    page = ComparePage(settings, Actions(settings_owner := QWidget()))
    qtbot.addWidget(page)
    qtbot.addWidget(settings_owner)
    page.resize(1200, 800)
    page.show()
    qtbot.waitUntil(lambda: not page.is_busy)
    assert rich_texts(page) == []
    page.open_sessions(files)
    qtbot.waitUntil(lambda: page.outcome is not None and not page.is_busy)
    assert rich_texts(page) == []


def test_the_test_sees_them(qtbot: QtBot) -> None:
    label = QLabel(HOSTILE)
    label.setToolTip(HOSTILE)
    qtbot.addWidget(label)
    assert len(rich_texts(label)) == 2
