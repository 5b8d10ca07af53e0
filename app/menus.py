"""The menu bar: every action in its place, and the list of recent sessions."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar

from app.actions import Actions
from app.settings import Settings
from app.widgets.plain_tip import plain_tip


class RecentMenu(QMenu):
    """Sessions opened or made lately; filled anew each time it opens."""

    def __init__(self, settings: Settings, actions: Actions, open_session: Callable[[Path], None]) -> None:
        super().__init__("Recent sessions")
        self._settings = settings
        self._forget = actions.forget_recent
        self._open_session = open_session
        self.aboutToShow.connect(self._fill)
        self.triggered.connect(self._on_triggered)

    def _fill(self) -> None:
        self.clear()
        sessions = self._settings.recent_sessions
        for path in sessions:
            action = self.addAction(path.name)
            action.setData(path)
            action.setToolTip(plain_tip(str(path)))
        if not sessions:
            self.addAction("None yet").setEnabled(False)
        self.addSeparator()
        self._forget.setEnabled(bool(sessions))
        self.addAction(self._forget)

    def _on_triggered(self, action: QAction) -> None:
        if action.data() is not None:
            self._open_session(action.data())


def fill_menu_bar(bar: QMenuBar, actions: Actions, recent: RecentMenu) -> None:
    """Put every action where users look for it."""
    recent.setToolTipsVisible(True)
    file_menu = bar.addMenu("&File")
    file_menu.addAction(actions.open)
    file_menu.addAction(actions.import_results)
    file_menu.addMenu(recent)
    file_menu.addSeparator()
    file_menu.addAction(actions.preferences)
    file_menu.addSeparator()
    file_menu.addAction(actions.quit)
    actions.quit.setMenuRole(QAction.MenuRole.QuitRole)
    actions.preferences.setMenuRole(QAction.MenuRole.PreferencesRole)
    actions.about.setMenuRole(QAction.MenuRole.AboutRole)
    view_menu = bar.addMenu("&View")
    view_menu.addActions(list(actions.pages.values()))
    view_menu.addSeparator()
    view_menu.addActions([actions.copy_table, actions.copy_markdown])
    run_menu = bar.addMenu("&Run")
    run_menu.addActions([actions.start, actions.pause, actions.skip_cell, actions.stop])
    run_menu.addSeparator()
    run_menu.addAction(actions.quiet)
    help_menu = bar.addMenu("&Help")
    help_menu.addActions([actions.guide, actions.palette])
    help_menu.addSeparator()
    help_menu.addAction(actions.machine)
    help_menu.addSeparator()
    help_menu.addAction(actions.about)
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
