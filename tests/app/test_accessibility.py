"""The whole window with its real pages: every control is reachable by keyboard and has a name, and pages fit small windows."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QGraphicsView, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.actions import PAGE_TITLES
from app.bridge.job import Job
from app.bridge.sweep_bridge import SweepBridge
from app.main_window import MainWindow
from app.settings import Settings
from app.theme import ThemeSwitch
from tests.helpers.scripted_sweep import ScriptedFactory, whole_sweep


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, settings: Settings, tmp_path: Path) -> MainWindow:
    bridge = SweepBridge(ScriptedFactory(whole_sweep(tmp_path / "told.inferometer")))
    made = MainWindow(settings, ThemeSwitch(qapp, "light"), bridge)
    qtbot.addWidget(made)
    made.resize(1024, 700)
    made.show()
    for title in PAGE_TITLES:
        made.show_page(title)
    qtbot.waitUntil(lambda: not any(job.is_running for job in made.findChildren(Job)), timeout=20_000)
    return made


def told(widget: QWidget) -> str:
    return widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")


def test_every_control_has_a_name(window: MainWindow) -> None:
    nameless = [
        f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}"
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not isinstance(widget, QScrollArea)
        and not isinstance(widget.parentWidget(), QGraphicsView)
        and not widget.objectName().startswith("qt_")
        and widget.window() is window  # a combo box's list is a window of its own
        and not told(widget)
    ]
    assert nameless == []


def test_tab_leads_from_the_rail_through_the_page_and_back(qtbot: QtBot, window: MainWindow) -> None:
    window.show_page("Live")
    first = window._rail.buttons[0]
    first.setFocus()
    seen = []
    for _ in range(60):
        seen.append(told(window.focusWidget()))
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        if window.focusWidget() is first:
            break
    assert window.focusWidget() is first
    assert [title for title in PAGE_TITLES if title in seen] == list(PAGE_TITLES)
    assert "Go to Plan" in seen


@pytest.mark.parametrize("title", PAGE_TITLES)
def test_pages_fit_a_window_of_1024_by_700(window: MainWindow, title: str) -> None:
    window.show_page(title)
    page = window._stack.currentWidget()
    assert page.minimumSizeHint().width() <= page.width()
    assert page.minimumSizeHint().height() <= page.height()
    assert (window.width(), window.height()) == (1024, 700)
