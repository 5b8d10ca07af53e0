"""The frame: rail, pages, menus, status bar. It passes what one page asks for on to another and to the sweep bridge."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMainWindow, QStackedWidget, QWidget

from app.actions import PAGE_TITLES, Actions
from app.bridge.job import Job
from app.bridge.sweep_bridge import SweepBridge
from app.dialogs.about_dialog import AboutDialog
from app.dialogs.close_question import CloseQuestion
from app.dialogs.command_palette import CommandPalette
from app.dialogs.guide_dialog import GuideDialog
from app.dialogs.machine_dialog import MachineDialog
from app.dialogs.message import tell
from app.dialogs.preferences_dialog import PreferencesDialog
from app.file_kind import FileKind, file_kind
from app.guide import CHAPTER_OF_PAGE
from app.importing import Importing
from app.menus import RecentMenu, fill_menu_bar
from app.pages.page import Page
from app.pages.page_makers import PageMakers
from app.rail import Rail
from app.settings import Settings
from app.status_line import StatusLine
from app.sweep_desk import SweepDesk
from app.theme import ThemeSwitch
from profiler.plan.plan import Plan
from profiler.records.fingerprint import Fingerprint

if TYPE_CHECKING:
    from app.pages.compare_page import ComparePage
    from app.pages.live_page import LivePage
    from app.pages.models_page import ModelsPage
    from app.pages.plan_page import PlanPage
    from app.pages.results_page import ResultsPage

AnyPage = TypeVar("AnyPage", bound=Page)

_FIRST_SIZE_PX = (1280, 820)
_LEAST_SIZE_PX = (760, 480)
_LONGEST_WAIT_MS = 2_000
"""For what runs to end when the window closes; the whole of quitting shall take under 3 s."""
_OPENED = "Sessions, models, plans (*.inferometer *.gguf *.toml);;All files (*)"


class MainWindow(QMainWindow):
    """One window, one sweep at a time.

    Args:
        makers: builds the pages.
    """

    def __init__(
        self,
        settings: Settings,
        theme: ThemeSwitch,
        bridge: SweepBridge,
        makers: Callable[[Settings, SweepBridge, Actions], PageMakers] = PageMakers,
    ) -> None:
        super().__init__()
        self._settings, self._theme, self._bridge = settings, theme, bridge
        self._is_closing = self._waits_no_more = False
        self._shown_session: Path | None = None
        self.commands = Actions(self)
        self._makers = makers(settings, bridge, self.commands)
        self.setWindowTitle("Inferometer")
        self.setAcceptDrops(True)
        self.setMinimumSize(*_LEAST_SIZE_PX)
        self._stack = QStackedWidget()
        self._frame = QWidget()
        across = QHBoxLayout(self._frame)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        self._rail = Rail([(action, title.lower()) for title, action in self.commands.pages.items()])
        across.addWidget(self._rail)
        across.addWidget(self._stack, 1)
        self.setCentralWidget(self._frame)
        self.status = StatusLine()
        self.setStatusBar(self.status)
        self._desk = SweepDesk(settings, bridge, self.commands, self.status, self)
        self.importing = Importing(settings, self)
        self._recent = RecentMenu(settings, self.commands, self._on_recent_chosen)
        fill_menu_bar(self.menuBar(), self.commands, self._recent)
        self._connect()
        self._restore()

    @cached_property
    def models_page(self) -> "ModelsPage":
        """The page Models, built when it is first needed; likewise the others."""
        page = self._makers.models()
        page.model_chosen.connect(self._on_model_chosen)
        page.types_chosen.connect(self._on_types_chosen)
        page.set_machine(self.status.machine)
        page.set_measuring(self._desk.is_running)
        return self._adopted(page)

    @cached_property
    def plan_page(self) -> "PlanPage":
        """The page Plan."""
        page = self._makers.plan()
        page.start_requested.connect(self._desk.start)
        page.set_measuring(self._desk.is_running)
        return self._adopted(page)

    @cached_property
    def live_page(self) -> "LivePage":
        """The page Live."""
        page = self._makers.live()
        page.plan_wanted.connect(self.commands.pages["Plan"].trigger)
        page.results_wanted.connect(self._on_results_wanted)
        return self._adopted(page)

    @cached_property
    def results_page(self) -> "ResultsPage":
        """The page Results."""
        page = self._makers.results()
        page.plan_requested.connect(self._on_plan_requested)
        page.resume_requested.connect(self._desk.resume)
        page.plan_wanted.connect(self.commands.pages["Plan"].trigger)
        page.session_opened.connect(self._on_session_opened)
        page.compare_wanted.connect(self._on_compare_wanted)
        page.set_measuring(self._desk.is_running)
        return self._adopted(page)

    @cached_property
    def compare_page(self) -> "ComparePage":
        """The page Compare."""
        page = self._makers.compare()
        page.results_wanted.connect(self._on_results_wanted)
        return self._adopted(page)

    @cached_property
    def machine_dialog(self) -> MachineDialog:
        """The machine, its ceilings and its telemetry."""
        dialog = MachineDialog(self._bridge, self)
        dialog.machine_told.connect(self._on_machine_told)
        return dialog

    @cached_property
    def guide_dialog(self) -> GuideDialog:
        """The user guide."""
        return GuideDialog(self)

    def _adopted(self, page: AnyPage) -> AnyPage:
        self._stack.addWidget(page)
        for field in page.findChildren(QLineEdit):
            field.setAcceptDrops(False)  # a dropped file is for the window, wherever it falls
        return page

    def show_page(self, title: str) -> None:
        """Show the page with this title."""
        match title:
            case "Models":
                page: Page = self.models_page
            case "Plan":
                page = self.plan_page
            case "Live":
                page = self.live_page
            case "Compare":
                page = self.compare_page
            case _:
                page = self.results_page
        self.commands.pages[title].setChecked(True)
        self._stack.setCurrentWidget(page)
        self._settings.last_page = title

    @Slot(object)
    def open_file(self, path: Path) -> None:
        """Open a session, a model, a plan or results to import; anything else is told in a sentence."""
        match file_kind(path):
            case FileKind.SESSION:
                self.show_page("Results")
                self.results_page.open_session(path)
            case FileKind.MODEL:
                self.show_page("Models")
                self.models_page.open_model(path)
            case FileKind.PLAN:
                self.show_page("Plan")
                self.plan_page.open_plan_file(path)
            case FileKind.RESULTS if path.is_file():
                self.importing.start(path)
            case _:
                what = (
                    "is neither a session, a model (GGUF), a plan nor another tool's results"
                    if path.is_file()
                    else "does not exist or cannot be read"
                )
                tell(self, "Cannot open this", f"{path} {what}.")

    def _connect(self) -> None:
        commands = self.commands
        group = QActionGroup(self)
        for action in commands.pages.values():
            group.addAction(action)
        group.triggered.connect(self._on_page_triggered)
        commands.open.triggered.connect(self._on_open)
        commands.import_results.triggered.connect(self.importing.ask)
        self.importing.imported.connect(self.open_file)
        commands.preferences.triggered.connect(self._on_preferences)
        commands.forget_recent.triggered.connect(self._settings.forget_recent_sessions)
        commands.quit.triggered.connect(self.close)
        commands.machine.triggered.connect(self._on_machine)
        commands.about.triggered.connect(self._on_about)
        commands.guide.triggered.connect(self._on_guide)
        commands.palette.triggered.connect(self._on_palette)
        self.status.machine_wanted.connect(commands.machine.trigger)
        commands.start.triggered.connect(self._on_start)
        desk = self._desk
        desk.begun.connect(commands.pages["Live"].trigger)
        desk.measuring_changed.connect(self._tell_measuring)
        desk.machine_told.connect(self._on_machine_told)
        desk.session_changed.connect(self._on_session_changed)
        desk.ended.connect(self._on_sweep_ended)

    def _restore(self) -> None:
        if not self.restoreGeometry(self._settings.geometry):
            self.resize(*_FIRST_SIZE_PX)
        self.commands.quiet.setChecked(self._settings.quiet)
        # A new window measures nothing, so the Live page would be empty.
        title = self._settings.last_page
        self.show_page(title if title in PAGE_TITLES and title != "Live" else "Plan")

    @Slot(object)
    def _on_page_triggered(self, action: QAction) -> None:
        self.show_page(action.text())

    @Slot()
    def _on_open(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Open", str(self._settings.sessions_folder), _OPENED)
        for name in names:
            self.open_file(Path(name))

    def _on_recent_chosen(self, path: Path) -> None:
        self.open_file(path)

    @Slot()
    def _on_preferences(self) -> None:
        dialog = PreferencesDialog(self._settings, self)
        dialog.accepted.connect(self._on_preferences_accepted)
        dialog.open()

    @Slot()
    def _on_preferences_accepted(self) -> None:
        self._theme.choose(self._settings.theme)
        self.commands.quiet.setChecked(self._settings.quiet)

    @Slot()
    def _on_about(self) -> None:
        AboutDialog(self._settings, self).open()

    @Slot()
    def _on_guide(self) -> None:
        self.guide_dialog.show_chapter(CHAPTER_OF_PAGE[self._settings.last_page])
        self.guide_dialog.show()
        self.guide_dialog.raise_()

    @Slot()
    def _on_palette(self) -> None:
        commands = [action for action in self.commands.all if action is not self.commands.palette]
        CommandPalette(commands, self).open()

    @Slot()
    def _on_machine(self) -> None:
        self.machine_dialog.look(self.status.machine)

    @Slot(object)
    def _on_machine_told(self, machine: Fingerprint) -> None:
        self.status.show_machine(machine)
        if "models_page" in self.__dict__:  # a page that was not needed yet is told when it is built
            self.models_page.set_machine(machine)

    @Slot()
    def _on_start(self) -> None:
        self.show_page("Plan")
        self.plan_page.start()

    @Slot(object)
    def _on_model_chosen(self, path: Path) -> None:
        self.show_page("Plan")
        self.plan_page.set_model(path)

    @Slot(object, object)
    def _on_types_chosen(self, path: Path, types: tuple[str, ...]) -> None:
        self.show_page("Plan")
        self.plan_page.set_model(path, types)

    @Slot(bool)
    def _tell_measuring(self, is_measuring: bool) -> None:
        self.plan_page.set_measuring(is_measuring)
        if "models_page" in self.__dict__:  # a page that was not needed yet asks when it is built
            self.models_page.set_measuring(is_measuring)
        if "results_page" in self.__dict__:
            self.results_page.set_measuring(is_measuring)

    @Slot(object)
    def _on_plan_requested(self, plan: Plan) -> None:
        self.show_page("Plan")
        self.plan_page.set_plan(plan)

    @Slot(object)
    def _on_results_wanted(self, session: Path) -> None:
        self.open_file(session)

    @Slot(object)
    def _on_compare_wanted(self, session: Path) -> None:
        self.show_page("Compare")
        self.compare_page.open_sessions([session])

    @Slot(object)
    def _on_session_opened(self, session: Path) -> None:
        self._shown_session = session
        self._settings.add_recent_session(session)

    @Slot(object)
    def _on_session_changed(self, session: Path) -> None:
        if session == self._shown_session:
            self.results_page.refresh()

    @Slot()
    def _on_sweep_ended(self) -> None:
        if self._is_closing:
            self.close()

    @Slot()
    def close_unasked(self) -> None:
        """Close without the question: the terminal or the system wants the program to end."""
        if not self._is_closing:
            self._begin_closing()
        self.close()

    def _begin_closing(self) -> None:
        """Ask everything that runs to end; each end tries to close again."""
        self._is_closing = True
        self._frame.setEnabled(False)
        for job in self._running_jobs():
            job.ended.connect(self.close)
            job.cancel()
        self._desk.close()
        QTimer.singleShot(_LONGEST_WAIT_MS, self, self._on_waited_enough)

    @Slot()
    def _on_waited_enough(self) -> None:
        """Something hangs: go without it."""
        self._waits_no_more = True
        self.close()

    def _running_jobs(self) -> list[Job]:
        return [job for job in self.findChildren(Job) if job.is_running]

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask while a sweep runs; then stop it, wait for its file without holding up the window, and go."""
        if not self._is_closing:
            if self._desk.is_running and not CloseQuestion.ask(self):
                event.ignore()
                return
            self._begin_closing()
        if not self._waits_no_more and (self._desk.is_running or self._running_jobs()):
            event.ignore()
            return
        self._settings.geometry = self.saveGeometry()
        self._settings.save()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files of our kinds."""
        if self._dropped_files(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open them; sessions that fall on the page Compare are compared."""
        event.acceptProposedAction()
        paths = self._dropped_files(event)
        if self.commands.pages["Compare"].isChecked() and all(file_kind(path) is FileKind.SESSION for path in paths):
            self.compare_page.open_sessions(paths)
            return
        for path in paths:
            self.open_file(path)

    @staticmethod
    def _dropped_files(event: QDropEvent) -> list[Path]:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        return [path for path in paths if file_kind(path) is not None]
