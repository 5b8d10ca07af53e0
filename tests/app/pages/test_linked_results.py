"""A cell chosen anywhere is chosen everywhere; what is shown can be copied."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.pages.results_page import ResultsPage
from app.settings import Settings
from app.widgets.copy_menu import CopyMenu
from profiler.exchange.findings.copied import markdown_table
from tests.helpers.written_session import write_session


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("sessions") / "chat.inferometer")


@pytest.fixture
def page(qtbot: QtBot, settings: Settings, session: Path) -> ResultsPage:
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.resize(1300, 850)
    page.show()
    page.open_session(session)
    settled(qtbot, page)
    return page


def settled(qtbot: QtBot, page: ResultsPage) -> None:
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)


def chosen_everywhere(page: ResultsPage) -> list[object]:
    first_token = page.side.first_token.copied().rows
    return [
        page.selection.ids,
        tuple(sorted(page.curve.plot._selected)),
        tuple(sorted(page.heatmap.plot._selected)),
        tuple(sorted(page.roofline.plot._selected)),
        len({row[0] for row in first_token}),
        page.side.cell.accessibleName(),
    ]


def test_one_chosen_in_the_heatmap_is_chosen_everywhere(qtbot: QtBot, page: ResultsPage) -> None:
    page.heatmap.plot.setFocus()
    qtbot.keyClick(page.heatmap.plot, Qt.Key.Key_Home)
    qtbot.keyClick(page.heatmap.plot, Qt.Key.Key_Return)
    settled(qtbot, page)
    assert chosen_everywhere(page) == [(1,), (1,), (1,), (1,), 1, "Q8_0 · 1 user"]


@pytest.mark.parametrize("source", ["curve", "three_way", "roofline", "heatmap"])
def test_one_chosen_in_any_chart_is_chosen_everywhere(qtbot: QtBot, page: ResultsPage, source: str) -> None:
    getattr(page, source).cell_chosen.emit(4)
    settled(qtbot, page)
    assert chosen_everywhere(page) == [(4,), (4,), (4,), (4,), 1, "Q4_K_M · 1 user"]


def test_the_table_chooses_for_the_heatmap_and_the_others(qtbot: QtBot, page: ResultsPage) -> None:
    page.view.select_rows([0, 4])
    settled(qtbot, page)
    assert chosen_everywhere(page)[:5] == [(1, 5), (1, 5), (1, 5), (1, 5), 2]


def test_one_is_chosen_beside_others_and_left_out_again(qtbot: QtBot, page: ResultsPage) -> None:
    page.selection.choose([1])
    page.selection.toggle(5)
    assert list(page.selection.ids) == [1, 5]
    assert page.selection.current is not None
    assert page.selection.current.cell_id == 5
    page.selection.toggle(1)
    assert list(page.selection.ids) == [5]
    page.selection.choose([99])
    assert not page.selection.ids
    assert page.selection.current is None
    settled(qtbot, page)


def test_the_heatmap_shows_any_figure_over_any_two_axes(qtbot: QtBot, page: ResultsPage) -> None:
    card = page.heatmap
    assert card.isVisibleTo(page)
    assert (card.across.value(), card.down.value()) == ("concurrency", "quant")
    card.figure.choose("ttft_ms.p95")
    assert card.plot.shown.title == "First token p95, ms"
    card.down.choose("concurrency")
    assert (card.across.value(), card.down.value()) == ("quant", "concurrency")
    assert card.plot.shown.columns == ("Q8_0", "Q4_K_M")
    page.refresh()
    settled(qtbot, page)
    assert (card.figure.value(), card.across.value()) == ("ttft_ms.p95", "quant")


def menus(page: ResultsPage) -> dict[str, CopyMenu]:
    return {menu._card.accessibleName(): menu for menu in page._copies}


def test_every_card_with_a_figure_can_be_copied(page: ResultsPage) -> None:
    found = menus(page)
    for name in ("Cells", "Latency against throughput", "Heatmap", "First token", "Between tokens"):
        table = found[name]._table()
        assert table.rows, name
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert markdown_table(table)
        assert found[name].button.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert found[name].button.accessibleName() == f"Copy {name}"


def test_data_picture_and_markdown_reach_the_clipboard(page: ResultsPage) -> None:
    menu = menus(page)["Latency against throughput"]
    clipboard = QGuiApplication.clipboard()
    menu.data.trigger()
    lines = clipboard.text().splitlines()
    assert lines[0].split("\t")[:2] == ["Cell", "Each user, tok/s"]
    by_title = {cell.title: cell for cell in page.session.measured} if page.session else {}
    for line in lines[1:]:
        title, speed = line.split("\t")[:2]
        assert float(speed) == (by_title[title].figures or {})["user_tok_s"]
    assert len(lines) == 6
    menu.markdown.trigger()
    assert clipboard.text().startswith("**Latency against throughput: ")
    assert page.message == "“Latency against throughput” was copied as Markdown."
    menu.picture.trigger()
    assert clipboard.image().size() == page.curve.grab().size()
    assert clipboard.image() != page.curve.grab().toImage()  # the button does not show


def test_the_context_menu_opens_upon_a_plot_and_by_its_key(
    qtbot: QtBot, page: ResultsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    menu = menus(page)["Latency against throughput"]
    asked: list[QPoint] = []
    monkeypatch.setattr(menu.menu, "popup", asked.append)
    targets: tuple[tuple[QWidget, QContextMenuEvent.Reason], ...] = (
        (page.curve.plot._view.viewport(), QContextMenuEvent.Reason.Mouse),
        (page.curve.plot, QContextMenuEvent.Reason.Keyboard),
    )
    for widget, reason in targets:
        QApplication.sendEvent(widget, QContextMenuEvent(reason, QPoint(20, 20), widget.mapToGlobal(QPoint(20, 20))))
    assert len(asked) == 2


def test_a_figure_without_rows_is_copied_as_a_picture_only(page: ResultsPage) -> None:
    menu = menus(page)["Where a step's time goes"]
    menu.menu.aboutToShow.emit()
    assert not menu.data.isEnabled()
    assert menu.picture.isEnabled()


def test_the_answer_says_why(page: ResultsPage) -> None:
    assert page.answer.reasons.startswith("Not enough data: p95 is certain from 90 requests on, it has 20")
    assert "Holds: 2 users; 4 could not be measured." in page.answer.reasons
    assert "Runner-up: Q4_K_M · 1 user, 41.6" in page.answer.reasons
    assert "Limit: " in page.answer.reasons
