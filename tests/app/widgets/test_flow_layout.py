import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.widgets.flow_layout import FlowLayout


class Block(QWidget):
    def sizeHint(self) -> QSize:
        return QSize(100, 20)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


def placed(qtbot: QtBot, width: int, count: int, equal_columns: bool) -> list[tuple[int, int, int]]:
    host = QWidget()
    qtbot.addWidget(host)
    layout = FlowLayout(host, spacing_px=10, equal_columns=equal_columns)
    blocks = [Block() for _ in range(count)]
    for block in blocks:
        layout.addWidget(block)
    host.resize(width, 500)
    host.show()
    return [(block.x(), block.y(), block.width()) for block in blocks]


def test_rows_break_where_an_item_no_longer_fits(qtbot: QtBot) -> None:
    assert placed(qtbot, 325, 4, False) == [(0, 0, 100), (110, 0, 100), (220, 0, 100), (0, 30, 100)]
    assert placed(qtbot, 319, 3, False) == [(0, 0, 100), (110, 0, 100), (0, 30, 100)]


@pytest.mark.parametrize(("width", "columns"), [(650, 6), (649, 3), (430, 3), (320, 3), (319, 2), (209, 1)])
def test_columns_are_equal_and_rows_even(qtbot: QtBot, width: int, columns: int) -> None:
    places = placed(qtbot, width, 6, True)
    assert sum(1 for _, y, _ in places if y == 0) == columns
    assert max(x + w for x, _, w in places) == width
    assert max(w for _, _, w in places) - min(w for _, _, w in places) <= 1


def test_hidden_items_take_no_room_and_height_follows_width(qtbot: QtBot) -> None:
    host = QWidget()
    qtbot.addWidget(host)
    layout = FlowLayout(host, spacing_px=10)
    blocks = [Block() for _ in range(3)]
    for block in blocks:
        layout.addWidget(block)
    assert layout.heightForWidth(320) == 20
    assert layout.heightForWidth(100) == 80
    blocks[1].hide()
    assert layout.heightForWidth(100) == 50
    assert layout.takeAt(7) is None
