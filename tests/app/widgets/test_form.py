from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.chips import Chips, Choice
from app.widgets.form_row import FormRow
from app.widgets.number_field import RealField, WholeField


def test_one_of_several_chips_by_click_and_key(qtbot: QtBot) -> None:
    chips = Chips([Choice("chat", "Chat"), Choice("code", "Code"), Choice("own", "My own")])
    qtbot.addWidget(chips)
    chips.show()
    assert chips.value() == "chat"
    with qtbot.waitSignal(chips.chosen):
        qtbot.mouseClick(chips.chip("own"), Qt.MouseButton.LeftButton)
    assert chips.values() == ("own",)
    chips.chip("code").setFocus()
    with qtbot.waitSignal(chips.chosen):
        qtbot.keyClick(chips.chip("code"), Qt.Key.Key_Space)
    assert chips.value() == "code"


def test_several_chips_and_what_stays_on_under_new_choices(qtbot: QtBot) -> None:
    chips = Chips([Choice(name, name) for name in ("Q8_0", "Q4_K_M", "Q2_K")], several=True)
    qtbot.addWidget(chips)
    assert chips.values() == ()
    with qtbot.assertNotEmitted(chips.chosen):
        chips.choose("Q8_0", "Q2_K")
    qtbot.mouseClick(chips.chip("Q8_0"), Qt.MouseButton.LeftButton)
    assert chips.values() == ("Q2_K",)
    chips.set_choices([Choice("Q2_K", "Q2_K"), Choice("Q6_K", "Q6_K")])
    assert chips.values() == ("Q2_K",)


def test_a_chip_is_as_wide_on_as_off(qtbot: QtBot) -> None:
    chips = Chips([Choice("a", "Documents (RAG)")], several=True)
    qtbot.addWidget(chips)
    off = chips.chip("a").sizeHint()
    chips.choose("a")
    assert chips.chip("a").sizeHint() == off


def test_a_row_names_its_controls_and_tells_its_problem(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    limit, share = QLineEdit(), QLineEdit()
    share.setAccessibleName("Share of requests")
    row = FormRow("First token within", limit, "for", share, "of requests", term="TTFT")
    QVBoxLayout(page).addWidget(row)
    page.show()
    assert limit.accessibleName() == "First token within"
    assert share.accessibleName() == "Share of requests"
    assert limit.toolTip() == "TTFT"
    row.show_problem("Write a number of milliseconds.")
    assert row.problem == "Write a number of milliseconds."
    assert limit.accessibleDescription() == "Write a number of milliseconds."
    row.show_problem("")
    assert row.problem == ""


def test_numbers_read_as_in_the_plan_and_the_wheel_needs_focus(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    layout = QVBoxLayout(page)
    users, speed, other = WholeField(1, 9999), RealField(0, 100, "tok/s"), QLineEdit()
    for field in (other, users, speed):
        layout.addWidget(field)
    users.setValue(1500)
    speed.setValue(7.0)
    assert (users.text(), speed.text()) == ("1500", "7 tok/s")
    page.show()
    other.setFocus()
    wheel = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(users, wheel)
    assert users.value() == 1500
