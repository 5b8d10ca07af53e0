import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QMessageBox, QVBoxLayout
from pytestqt.qtbot import QtBot

from app.actions import Actions
from app.bridge.job import Job, JobLine
from app.bridge.sweep_bridge import SweepBridge
from app.dialogs.close_question import CloseQuestion
from app.main_window import MainWindow
from app.pages.live_page import LivePage
from app.pages.page import Page
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.plan.plan import Plan
from tests.helpers.scripted_sweep import Hold, ScriptedFactory, whole_sweep

PLAN = Plan(title="chat: 4 users")


class StandInPage(Page):
    """A page that notes what the window asks of it, and can be made to ask."""

    model_chosen = Signal(object)
    types_chosen = Signal(object, object)
    start_requested = Signal(object)
    plan_requested = Signal(object)
    resume_requested = Signal(object, object)
    plan_wanted = Signal()
    session_opened = Signal(object)
    compare_wanted = Signal(object)
    results_wanted = Signal(object)

    def __init__(self, title: str, settings: Settings) -> None:
        self.TITLE = title  # type: ignore[misc]
        super().__init__(settings)
        self.asked: list[tuple[str, object]] = []
        self.field = QLineEdit()
        QVBoxLayout(self).addWidget(self.field)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith(("set_", "open_", "start", "refresh")):
            return lambda *values: self.asked.append((name, values[0] if values else None))
        raise AttributeError(name)


class StandInMakers:
    def __init__(self, settings: Settings, bridge: SweepBridge, actions: Actions) -> None:
        self.settings, self.bridge, self.actions = settings, bridge, actions
        self.made: list[str] = []

    def models(self) -> StandInPage:
        return self._make("Models")

    def plan(self) -> StandInPage:
        return self._make("Plan")

    def results(self) -> StandInPage:
        return self._make("Results")

    def compare(self) -> StandInPage:
        return self._make("Compare")

    def live(self) -> LivePage:
        self.made.append("Live")
        return LivePage(self.settings, self.bridge, self.actions)

    def _make(self, title: str) -> StandInPage:
        self.made.append(title)
        return StandInPage(title, self.settings)


@dataclass
class Stage:
    window: MainWindow
    bridge: SweepBridge
    factory: ScriptedFactory
    hold: Hold
    settings: Settings

    @property
    def shown(self) -> str:
        return next(title for title, action in self.window.commands.pages.items() if action.isChecked())

    def asked(self, title: str) -> list[tuple[str, object]]:
        return getattr(self.window, f"{title.lower()}_page").asked  # type: ignore[no-any-return]


@pytest.fixture
def stage(qtbot: QtBot, qapp: QApplication, settings: Settings, tmp_path: Path) -> Stage:
    settings.sessions_folder = tmp_path / "sessions"
    hold = Hold()
    session = tmp_path / "told.inferometer"
    session.touch()
    factory = ScriptedFactory(whole_sweep(session, hold))
    bridge = SweepBridge(factory)
    window = MainWindow(settings, ThemeSwitch(qapp, "light"), bridge, StandInMakers)  # type: ignore[arg-type]

    def end_all(_: object) -> None:
        hold.go.set()
        bridge.stop()
        bridge.wait_until_ended()
        qapp.processEvents()  # the window hears of it, and asks nothing when it is closed

    qtbot.addWidget(window, before_close_func=end_all)
    window.show()
    return Stage(window, bridge, factory, hold, settings)


def start(stage: Stage, qtbot: QtBot) -> None:
    stage.window.plan_page.start_requested.emit(PLAN)
    qtbot.waitUntil(lambda: stage.bridge.is_measuring)


def test_pages_are_built_when_first_shown_and_keys_reach_them(qtbot: QtBot, stage: Stage) -> None:
    makers = stage.window._makers
    assert makers.made == ["Plan"]  # type: ignore[attr-defined]
    keys = {"Models": Qt.Key.Key_1, "Live": Qt.Key.Key_3, "Results": Qt.Key.Key_4, "Compare": Qt.Key.Key_5, "Plan": Qt.Key.Key_2}
    for title, key in keys.items():
        qtbot.keyClick(stage.window, key, Qt.KeyboardModifier.ControlModifier)
        assert stage.shown == title
    assert makers.made == ["Plan", "Models", "Live", "Results", "Compare"]  # type: ignore[attr-defined]


def test_the_rail_shows_pages_by_click_and_by_key(qtbot: QtBot, stage: Stage) -> None:
    rail = {button.text(): button for button in stage.window._rail.buttons}
    qtbot.mouseClick(rail["Models"], Qt.MouseButton.LeftButton)
    assert stage.shown == "Models"
    assert [title for title, button in rail.items() if button.isChecked()] == ["Models"]
    qtbot.mouseClick(rail["Models"], Qt.MouseButton.LeftButton)
    assert rail["Models"].isChecked()
    qtbot.keyClick(rail["Live"], Qt.Key.Key_Space)
    assert stage.shown == "Live"


def test_start_measures_into_the_sessions_folder_and_shows_live(qtbot: QtBot, stage: Stage) -> None:
    qtbot.keyClick(stage.window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert stage.asked("Plan")[-1] == ("start", None)
    start(stage, qtbot)
    assert stage.shown == "Live"
    session = stage.factory.runners[0]._session
    assert session.parent == stage.settings.sessions_folder
    assert session.name.startswith("chat-4-users-20")
    assert stage.asked("Plan")[-1] == ("set_measuring", True)
    commands = stage.window.commands
    assert not commands.start.isEnabled()
    assert "told.inferometer" in stage.window.status.saved.text()
    assert "AVX2 · 2 cores" in stage.window.status.device.text()
    commands.pause.trigger()
    assert commands.pause.text() == "Resume"
    commands.pause.trigger()
    commands.skip_cell.trigger()
    with qtbot.waitSignal(stage.bridge.ended):
        commands.stop.trigger()
        assert not commands.stop.isEnabled()
    assert stage.factory.runners[0].wishes == ["pause", "resume", "skip", "stop"]
    assert stage.asked("Plan")[-1] == ("set_measuring", False)
    assert commands.start.isEnabled()
    assert stage.window.status.saved.text() == "✓ saved · told.inferometer"


def test_a_sessions_folder_that_cannot_be_made_is_told(qtbot: QtBot, stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    stage.settings.sessions_folder = tmp_path / "file" / "sessions"
    stage.window.plan_page.start_requested.emit(PLAN)
    box = stage.window.findChild(QMessageBox)
    assert box is not None
    assert "cannot be made" in box.text()
    assert not stage.bridge.is_running


def test_results_follow_the_sweep_whose_file_they_show(qtbot: QtBot, stage: Stage, tmp_path: Path) -> None:
    start(stage, qtbot)
    stage.window.results_page.session_opened.emit(tmp_path / "told.inferometer")
    stage.hold.go.set()
    qtbot.waitUntil(lambda: not stage.bridge.is_running)
    assert stage.asked("Results").count(("refresh", None)) >= 4
    assert stage.settings.recent_sessions[0] == tmp_path / "told.inferometer"
    page = stage.window.live_page
    qtbot.mouseClick(page._results_button, Qt.MouseButton.LeftButton)
    assert stage.shown == "Results"
    assert stage.asked("Results")[-1] == ("open_session", tmp_path / "told.inferometer")


def test_pages_pass_models_and_plans_on(qtbot: QtBot, stage: Stage, tmp_path: Path) -> None:
    stage.window.models_page.model_chosen.emit(tmp_path / "a.gguf")
    assert stage.shown == "Plan"
    assert stage.asked("Plan")[-1] == ("set_model", tmp_path / "a.gguf")
    stage.window.models_page.types_chosen.emit(tmp_path / "b.gguf", ("Q8_0",))
    assert stage.asked("Plan")[-1] == ("set_model", tmp_path / "b.gguf")
    stage.window.results_page.plan_requested.emit(PLAN)
    assert stage.asked("Plan")[-1] == ("set_plan", PLAN)
    stage.window.show_page("Live")
    qtbot.mouseClick(stage.window.live_page.empty.button, Qt.MouseButton.LeftButton)
    assert stage.shown == "Plan"


def drop(target: MainWindow, *paths: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(200, 200), Qt.DropAction.CopyAction, data, button, keys)
    QApplication.sendEvent(target, entering)
    if entering.isAccepted():
        QApplication.sendEvent(target, QDropEvent(QPointF(200, 200), Qt.DropAction.CopyAction, data, button, keys))
    return entering.isAccepted()


def test_dropped_files_open_on_their_pages(stage: Stage, tmp_path: Path) -> None:
    unnamed = tmp_path / "blob"
    unnamed.write_bytes(b"GGUF\x03\x00\x00\x00")
    assert drop(stage.window, unnamed)
    assert (stage.shown, stage.asked("Models")[-1]) == ("Models", ("open_model", unnamed))
    assert drop(stage.window, tmp_path / "told.inferometer")
    assert (stage.shown, stage.asked("Results")[-1]) == ("Results", ("open_session", tmp_path / "told.inferometer"))
    assert drop(stage.window, tmp_path / "plan.toml")
    assert (stage.shown, stage.asked("Plan")[-1]) == ("Plan", ("open_plan_file", tmp_path / "plan.toml"))
    (tmp_path / "notes.txt").write_text("hello")
    assert not drop(stage.window, tmp_path / "notes.txt")
    assert not stage.window.plan_page.field.acceptDrops()  # type: ignore[attr-defined]


def test_a_session_goes_from_results_to_compare_and_back(stage: Stage, tmp_path: Path) -> None:
    session = tmp_path / "told.inferometer"
    stage.window.show_page("Results")
    stage.window.results_page.compare_wanted.emit(session)
    assert (stage.shown, stage.asked("Compare")[-1]) == ("Compare", ("open_sessions", [session]))
    stage.window.compare_page.results_wanted.emit(session)
    assert (stage.shown, stage.asked("Results")[-1]) == ("Results", ("open_session", session))


def test_sessions_dropped_on_the_page_compare_are_compared(stage: Stage, tmp_path: Path) -> None:
    sessions = [tmp_path / "a.inferometer", tmp_path / "b.inferometer"]
    stage.window.show_page("Compare")
    assert drop(stage.window, *sessions)
    assert (stage.shown, stage.asked("Compare")) == ("Compare", [("open_sessions", sessions)])
    assert drop(stage.window, sessions[0], tmp_path / "plan.toml")
    assert stage.shown == "Plan"
    assert len(stage.asked("Compare")) == 1


def test_a_file_of_no_kind_is_told(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    stage.window.open_file(tmp_path / "notes.txt")
    stage.window.open_file(tmp_path / "gone.txt")
    texts = [box.text() for box in stage.window.findChildren(QMessageBox)]
    assert "is neither a session" in texts[0]
    assert "does not exist" in texts[1]


def test_closing_an_idle_window_remembers_it(qtbot: QtBot, stage: Stage) -> None:
    stage.window.show_page("Models")
    stage.window.resize(1111, 777)
    stage.window.close()
    assert not stage.window.isVisible()
    again = MainWindow(stage.settings, stage.window._theme, stage.bridge, StandInMakers)  # type: ignore[arg-type]
    qtbot.addWidget(again)
    assert not stage.settings.geometry.isEmpty()
    assert again.commands.pages["Models"].isChecked()


def test_closing_during_a_sweep_asks_and_may_go_on(qtbot: QtBot, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    start(stage, qtbot)
    monkeypatch.setattr(CloseQuestion, "ask", classmethod(lambda cls, parent: False))
    stage.window.close()
    assert stage.window.isVisible()
    assert stage.bridge.is_running
    assert not stage.bridge.is_stopping


def test_closing_during_a_sweep_stops_saves_and_goes(qtbot: QtBot, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    start(stage, qtbot)
    monkeypatch.setattr(CloseQuestion, "ask", classmethod(lambda cls, parent: True))
    stage.window.close()
    assert stage.window.isVisible()
    assert "stopping and saving" in stage.window.status.saved.text()
    qtbot.waitUntil(lambda: not stage.window.isVisible())
    assert not stage.bridge.is_running
    assert [thread.name for thread in threading.enumerate() if thread.name in ("sweep", "job")] == []


def test_a_polite_kill_closes_without_a_question(qtbot: QtBot, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    start(stage, qtbot)
    monkeypatch.setattr(CloseQuestion, "ask", classmethod(lambda cls, parent: pytest.fail("asked")))
    stage.window.close_unasked()
    qtbot.waitUntil(lambda: not stage.window.isVisible())


def test_closing_waits_for_jobs(qtbot: QtBot, stage: Stage) -> None:
    seen = threading.Event()

    def work(line: JobLine) -> None:
        line.cancel.wait(5)
        seen.set()

    job = Job(work, stage.window.plan_page)
    job.start()
    stage.window.close()
    qtbot.waitUntil(lambda: not stage.window.isVisible())
    assert seen.is_set()
    assert not job.is_running


def test_the_question_goes_on_by_default(qtbot: QtBot) -> None:
    question = CloseQuestion()
    qtbot.addWidget(question)
    assert question.defaultButton() is question.go_on_button
    assert question.escapeButton() is question.go_on_button


def test_recent_sessions_open_and_are_forgotten(qtbot: QtBot, stage: Stage, tmp_path: Path) -> None:
    stage.settings.add_recent_session(tmp_path / "told.inferometer")
    menu = stage.window._recent
    menu.aboutToShow.emit()
    menu.actions()[0].trigger()
    assert stage.asked("Results")[-1] == ("open_session", tmp_path / "told.inferometer")
    stage.window.commands.forget_recent.trigger()
    menu.aboutToShow.emit()
    assert menu.actions()[0].text() == "None yet"


def test_every_action_has_a_tip_and_no_shortcut_twice(stage: Stage) -> None:
    commands = stage.window.commands
    actions = [action for action in commands.children() if hasattr(action, "shortcut")]
    shortcuts = [action.shortcut().toString() for action in actions if not action.shortcut().isEmpty()]
    assert len(shortcuts) == len(set(shortcuts))
    assert all(action.toolTip() for action in actions)
    in_menus = {action for menu in stage.window.menuBar().actions() for action in menu.menu().actions()}  # type: ignore[union-attr]
    missing = [
        action.text() for action in actions if action not in in_menus and action is not stage.window.commands.forget_recent
    ]
    assert missing == []


def test_quiet_is_one_choice_everywhere(qtbot: QtBot, stage: Stage) -> None:
    stage.window.show_page("Live")
    stage.window.commands.quiet.trigger()
    assert stage.settings.quiet
    assert stage.window.live_page._quiet.isChecked()
    stage.window.live_page._quiet.click()
    assert not stage.settings.quiet


def test_results_of_another_tool_are_imported_and_shown(stage: Stage, tmp_path: Path, qtbot: QtBot) -> None:
    stage.window._settings.sessions_folder = tmp_path / "sessions"
    golden = Path(__file__).parents[1] / "golden" / "imports" / "batched-bench.jsonl"
    with qtbot.waitSignal(stage.window.importing.imported):
        assert drop(stage.window, golden)
    assert (stage.shown, stage.asked("Results")[-1]) == (
        "Results",
        ("open_session", tmp_path / "sessions" / "batched-bench.inferometer"),
    )
    qtbot.waitUntil(lambda: not stage.window.importing.is_busy)


def test_what_hangs_does_not_keep_the_window(qtbot: QtBot, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.main_window._LONGEST_WAIT_MS", 20)
    hang = threading.Event()
    job = Job(lambda line: hang.wait(30), stage.window)  # deaf to its cancel
    job.start()
    stage.window.close()
    assert stage.window.isVisible(), "first it is given time to end"
    qtbot.waitUntil(lambda: not stage.window.isVisible())
    assert job.is_running
    hang.set()
    qtbot.waitUntil(lambda: not job.is_running)
