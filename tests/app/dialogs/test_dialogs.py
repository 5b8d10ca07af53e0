import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from app.crash import CrashReporter
from app.dialogs.about_dialog import AboutDialog
from app.dialogs.error_dialog import ErrorDialog
from app.dialogs.preferences_dialog import PreferencesDialog
from app.settings import Settings
from app.widgets.sentence import Sentence


def an_error() -> Exception:
    try:
        raise ZeroDivisionError(f"in {Path.home()}/models")
    except ZeroDivisionError as error:
        return error


def test_a_report_is_copied_without_the_users_name(qtbot: QtBot) -> None:
    dialog = ErrorDialog()
    qtbot.addWidget(dialog)
    error = an_error()
    dialog.add(type(error), error, error.__traceback__)
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied == dialog.report
    assert "ZeroDivisionError" in copied
    assert "dialogs/test_dialogs.py:" in copied
    assert "models" not in copied.split("Log")[0], "an error's own words only when they are allowed"
    dialog.words_box.setChecked(True)
    assert "ZeroDivisionError: in ~/models" in dialog.report
    assert "llama-cpp-python 0." in copied
    assert str(Path.home()) + "/models" not in copied


def test_errors_of_any_thread_reach_one_dialog(qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.excepthook", None)
    monkeypatch.setattr("threading.excepthook", None)
    reporter = CrashReporter(qapp)
    reporter.install()
    shown: list[ErrorDialog] = []
    reporter.reported.connect(shown.append)

    def fail() -> None:
        raise an_error()

    with qtbot.waitSignal(reporter.reported):
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    error = an_error()
    with qtbot.waitSignal(reporter.reported):
        reporter.on_exception(type(error), error, error.__traceback__)
    assert shown[0] is shown[1]
    assert shown[0].report.count("ZeroDivisionError\n  ") == 2
    shown[0].close()
    reporter.deleteLater()


def test_preferences_are_kept_on_ok_only(
    qtbot: QtBot, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = PreferencesDialog(settings)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.mouseClick(dialog.theme.chip("dark"), Qt.MouseButton.LeftButton)
    qtbot.keyClick(dialog.quiet, Qt.Key.Key_Space)
    folder = tmp_path / "models"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    dialog._on_add_library()
    dialog._on_add_library()
    assert dialog._folders() == (folder,)
    dialog.reject()
    assert settings.theme == "system"
    dialog.sessions.setText(str(tmp_path / "sessions"))
    dialog.accept()
    assert (settings.theme, settings.quiet) == ("dark", True)
    assert settings.sessions_folder == tmp_path / "sessions"
    assert settings.library_folders == (folder,)


def test_folders_are_removed_by_key_and_button(qtbot: QtBot, settings: Settings, tmp_path: Path) -> None:
    settings.library_folders = (tmp_path / "a", tmp_path / "b")
    dialog = PreferencesDialog(settings)
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.remove.isEnabled()
    dialog.library.setCurrentRow(0)
    qtbot.mouseClick(dialog.remove, Qt.MouseButton.LeftButton)
    dialog.accept()
    assert settings.library_folders == (tmp_path / "b",)


@pytest.mark.parametrize("text", ["", "relative/folder"])
def test_a_folder_that_makes_no_sense_is_told_beside_it(qtbot: QtBot, settings: Settings, text: str) -> None:
    dialog = PreferencesDialog(settings)
    qtbot.addWidget(dialog)
    dialog.show()
    before = settings.sessions_folder
    dialog.sessions.setText(text)
    dialog.accept()
    assert "full path" in dialog.sessions_row.problem
    assert dialog.isVisible()
    assert settings.sessions_folder == before


def test_about_tells_versions_and_folders(qtbot: QtBot, settings: Settings) -> None:
    dialog = AboutDialog(settings)
    qtbot.addWidget(dialog)
    words = " ".join(label.accessibleName() for label in dialog.findChildren(Sentence))
    assert "llama-cpp-python" in words
    assert "SIL OFL" in words
    assert str(settings.sessions_folder) in words
