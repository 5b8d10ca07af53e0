from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from app.theme import ThemeSwitch
from app.tokens import tokens
from app.widgets.matrix import Matrix, MatrixCell, MatrixState


def small_matrix(qtbot: QtBot) -> Matrix:
    matrix = Matrix("Sweep")
    qtbot.addWidget(matrix)
    matrix.set_shape(("Q8_0", "Q4_K_M"), ("1", "2", "4"), "Users")
    for row in range(2):
        for column in range(3):
            matrix.set_cell(row, column, MatrixCell())
    matrix.resize(300, matrix.sizeHint().height())
    matrix.show()
    return matrix


def color_in(matrix: Matrix, row: int, column: int) -> str:
    rect = matrix._cell_rect(row, column)
    return matrix.grab().toImage().pixelColor(rect.left() + 5, rect.top() + 5).name()


def test_every_state_is_told_in_words(qtbot: QtBot) -> None:
    matrix = small_matrix(qtbot)
    matrix.set_cell(1, 2, MatrixCell(MatrixState.FAILED, sentence="It does not fit: 9 GB asked, 4 GB free."))
    matrix.set_cell(0, 0, MatrixCell(MatrixState.DONE, "29", 1.0, "29.1 tok/s for each user"))
    assert matrix.told(1, 2) == "Q4_K_M, Users 4: failed. It does not fit: 9 GB asked, 4 GB free."
    assert matrix.accessibleDescription() == "Q8_0, Users 1: done. 29.1 tok/s for each user"
    assert matrix.told(0, 1) == "Q8_0, Users 2: to come"


def test_faster_is_nearer_to_the_accent(qtbot: QtBot, theme: ThemeSwitch) -> None:
    matrix = small_matrix(qtbot)
    matrix.set_cell(0, 0, MatrixCell(MatrixState.DONE, "29", 1.0))
    matrix.set_cell(0, 1, MatrixCell(MatrixState.DONE, "13", 0.0))
    assert color_in(matrix, 0, 0) == tokens().accent
    assert color_in(matrix, 0, 1) not in (tokens().accent, tokens().surface)


def test_keys_move_and_choose(qtbot: QtBot) -> None:
    matrix = small_matrix(qtbot)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_End):
        qtbot.keyClick(matrix, key)
    assert matrix.current == (1, 2)
    qtbot.keyClick(matrix, Qt.Key.Key_Home)
    assert matrix.current == (1, 0)
    assert matrix.accessibleDescription().startswith("Q4_K_M, Users 1")
    with qtbot.waitSignal(matrix.activated) as chosen:
        qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert chosen.args == [1, 0]


def test_a_click_chooses_and_a_blank_place_does_not(qtbot: QtBot) -> None:
    matrix = small_matrix(qtbot)
    with qtbot.waitSignal(matrix.activated) as chosen:
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=matrix._cell_rect(1, 1).center())
    assert chosen.args == [1, 1]
    with qtbot.assertNotEmitted(matrix.activated):
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))


def test_the_tooltip_tells_the_reason(qtbot: QtBot) -> None:
    matrix = small_matrix(qtbot)
    matrix.set_cell(0, 1, MatrixCell(MatrixState.FAILED, sentence="Refused by llama.cpp."))
    point = matrix._cell_rect(0, 1).center()
    QApplication.sendEvent(matrix, QHelpEvent(QEvent.Type.ToolTip, point, matrix.mapToGlobal(point)))
    assert QToolTip.text() == "Q8_0, Users 2: failed. Refused by llama.cpp."
    QToolTip.hideText()
