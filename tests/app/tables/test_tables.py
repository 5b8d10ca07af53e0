from dataclasses import dataclass

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.tables.column import Column, TableRole
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.theme import ThemeSwitch
from app.tokens import tokens
from profiler.units import bytes_text


@dataclass(frozen=True)
class File:
    name: str
    size: int | None
    spread: float = 0.0
    is_bad: bool = False


COLUMNS: tuple[Column[File], ...] = (
    Column("Name", "What it is called", lambda row: row.name, tip=lambda row: f"/there/{row.name}"),
    Column("Kind", "", lambda row: "file", can_fold=True),
    Column(
        "Size",
        "In bytes",
        lambda row: row.size,
        lambda raw: bytes_text(float(raw or 0)),
        is_figure=True,
        interval=lambda row: (row.size - row.spread, row.size + row.spread) if row.size and row.spread else None,
        tone=lambda row: "broken" if row.is_bad else "plain",
    ),
)
FILES = (File("beta", 900), File("Alpha", None), File("gamma", 98_400_000, 3e6), File("delta", 5_000, is_bad=True))


@pytest.fixture
def view(qtbot: QtBot) -> TableView:
    table = RecordTable(COLUMNS)
    QAbstractItemModelTester(table, QAbstractItemModelTester.FailureReportingMode.Fatal, table)
    view = TableView(table, "Files", several=True)
    qtbot.addWidget(view)
    QAbstractItemModelTester(view.model(), QAbstractItemModelTester.FailureReportingMode.Fatal, view)
    view.resize(600, 300)
    view.show()
    table.show_records(FILES)
    return view


def names(view: TableView) -> list[str]:
    return [str(view.model().index(row, 0).data()) for row in range(view.model().rowCount())]


def press_header(qtbot: QtBot, view: TableView, column: int) -> None:
    header = view.horizontalHeader()
    qtbot.mouseClick(
        header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(header.sectionViewportPosition(column) + 8, header.height() // 2)
    )


def test_values_are_raw_and_readers_hear_them_formatted(view: TableView) -> None:
    index = view.table.index(2, 2)
    assert index.data(TableRole.RAW) == 98_400_000
    assert index.data(TableRole.INTERVAL) == (95_400_000, 101_400_000)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Size: 98.4 MB"
    assert view.table.index(1, 2).data(Qt.ItemDataRole.AccessibleTextRole) == "Size: –"
    assert view.table.index(0, 0).data(Qt.ItemDataRole.ToolTipRole) == "/there/beta"
    assert view.table.headerData(2, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) == "In bytes"


def test_headers_sort_by_raw_values_with_the_unknown_last_both_ways(qtbot: QtBot, view: TableView) -> None:
    press_header(qtbot, view, 2)
    assert names(view) == ["beta", "delta", "gamma", "Alpha"]
    press_header(qtbot, view, 2)
    assert names(view) == ["gamma", "delta", "beta", "Alpha"]
    press_header(qtbot, view, 2)
    assert names(view) == ["beta", "Alpha", "gamma", "delta"]
    press_header(qtbot, view, 0)
    assert names(view) == ["Alpha", "beta", "delta", "gamma"]


def test_a_search_keeps_rows_with_all_words(view: TableView) -> None:
    view.search("98.4 GAM")
    assert names(view) == ["gamma"]
    assert view.shown_count == 1
    view.search("")
    assert view.shown_count == 4


def test_rows_are_selected_by_record_whatever_the_order(qtbot: QtBot, view: TableView) -> None:
    press_header(qtbot, view, 0)
    with qtbot.waitSignal(view.chosen):
        view.select_rows([3, 0])
    assert view.selected_rows() == [0, 3]
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Name\tKind\tSize\nbeta\tfile\t900 B\ndelta\tfile\t5.00 kB"
    view.select_rows([2])
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert view.selected_rows() == [3]


def test_new_values_in_the_same_rows_keep_the_selection(view: TableView) -> None:
    view.select_rows([2])
    view.table.show_records([*FILES[:3], File("delta", 6_000)])
    assert view.selected_rows() == [2]
    assert view.table.text(3, 2) == "6.00 kB"
    view.table.add(File("epsilon", 1))
    assert view.selected_rows() == [2]
    view.table.show_records(FILES[:1])
    assert view.selected_rows() == []


def test_columns_fold_where_there_is_no_room(view: TableView) -> None:
    assert not view.isColumnHidden(1)
    view.resize(230, 300)
    assert view.isColumnHidden(1)
    assert not view.isColumnHidden(2)
    view.resize(600, 300)
    assert not view.isColumnHidden(1)
    assert sum(view.columnWidth(column) for column in range(3)) == view.viewport().width()


def test_a_tone_colours_its_figure(qtbot: QtBot, theme: ThemeSwitch, view: TableView) -> None:
    rect = view.visualRect(view.model().index(3, 2))
    picture = view.viewport().grab(rect).toImage()
    inks = {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())}
    assert tokens().broken in inks
