"""The guide's window, and the palette of commands."""

from PySide6.QtCore import QObject, Qt
from pytestqt.qtbot import QtBot

from app.actions import Actions
from app.dialogs.command_palette import CommandPalette
from app.dialogs.guide_dialog import GuideDialog


def test_chapters_are_chosen_and_words_found_across_them(qtbot: QtBot) -> None:
    guide = GuideDialog()
    qtbot.addWidget(guide)
    guide.show_chapter("charts")
    assert guide.chapter.name == "charts"
    assert guide.text.toPlainText().startswith("How to read each chart")
    qtbot.keyClicks(guide.field, "coordinated omission")
    assert guide.chapter.name == "method"
    assert guide.text.textCursor().selectedText() == "coordinated omission"
    guide.field.clear()
    qtbot.keyClicks(guide.field, "no such words")
    assert guide.told.accessibleName() == "Nothing found."
    guide.show_chapter("no such chapter")
    assert guide.chapter.name == "first_steps"


def test_return_goes_to_the_next_place(qtbot: QtBot) -> None:
    guide = GuideDialog()
    qtbot.addWidget(guide)
    qtbot.keyClicks(guide.field, "roofline")
    first = guide.chapter.name, guide.text.textCursor().position()
    qtbot.keyClick(guide.field, Qt.Key.Key_Return)
    assert (guide.chapter.name, guide.text.textCursor().position()) != first
    assert guide.text.textCursor().selectedText().casefold() == "roofline"


def test_a_command_is_found_by_its_words_and_carried_out(qtbot: QtBot) -> None:
    parent = QObject()
    actions = Actions(parent)
    done: list[str] = []
    actions.preferences.triggered.connect(lambda: done.append("preferences"))
    palette = CommandPalette(actions.all)
    qtbot.addWidget(palette)
    assert len(palette.shown) == len(actions.all)
    qtbot.keyClicks(palette.field, "theme fold")
    assert palette.shown == ["Preferences…   (Ctrl+,)"]
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert done == ["preferences"]
    assert palette.result() == CommandPalette.DialogCode.Accepted


def test_what_is_not_possible_is_shown_and_not_carried_out(qtbot: QtBot) -> None:
    parent = QObject()
    actions = Actions(parent)
    palette = CommandPalette(actions.all)
    qtbot.addWidget(palette)
    qtbot.keyClicks(palette.field, "skip cell")
    assert palette.shown == ["Skip cell   (Ctrl+K)"]
    assert palette.list.currentItem() is None
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.result() == 0


def test_arrows_move_in_the_list_while_one_types(qtbot: QtBot) -> None:
    parent = QObject()
    palette = CommandPalette(Actions(parent).all)
    qtbot.addWidget(palette)
    first = palette.list.currentRow()
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    assert palette.list.currentRow() > first
