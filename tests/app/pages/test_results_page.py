import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.dialogs.export_question import ask_export, filter_of
from app.pages.results.cell_columns import cell_columns
from app.pages.results.session_words import date_words
from app.pages.results_page import ResultsPage
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.exchange.findings.raw_latencies import Which, read_raw
from profiler.exchange.formats import BY_NAME
from profiler.exchange.summary import summary_document
from profiler.plan.plan import Plan
from profiler.records.axis import BY_NAME as AXES_BY_NAME
from profiler.session.reader import SessionReader
from profiler.units import significant
from tests.helpers.written_session import FAILURE, FITS_IN_CACHE, FOREIGN_LOAD, PLAN, write_session


@pytest.fixture
def page(qtbot: QtBot, settings: Settings) -> ResultsPage:
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.resize(1300, 850)
    page.show()
    return page


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("sessions") / "chat.inferometer")


def settled(qtbot: QtBot, page: ResultsPage) -> None:
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)


def opened(qtbot: QtBot, page: ResultsPage, session: Path) -> ResultsPage:
    page.open_session(session)
    settled(qtbot, page)
    return page


def column(page: ResultsPage, title: str) -> list[str]:
    number = [item.title for item in page.table.columns].index(title)
    return [page.table.text(row, number) for row in range(page.table.rowCount())]


def test_without_a_session_the_recent_ones_are_offered(qtbot: QtBot, settings: Settings, session: Path) -> None:
    settings.add_recent_session(session)
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.show()
    with qtbot.waitSignal(page.plan_wanted):
        qtbot.mouseClick(page.nothing.empty.button, Qt.MouseButton.LeftButton)
    assert not page.export_button.isVisible()
    (button,) = page.nothing.buttons
    with qtbot.waitSignal(page.session_opened) as told:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert told.args == [session]
    settled(qtbot, page)
    assert page.export_button.isVisible()


def test_the_figures_are_those_of_the_file(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    QAbstractItemModelTester(page.table, QAbstractItemModelTester.FailureReportingMode.Fatal, page)
    opened(qtbot, page, session)
    with SessionReader.open(session) as reader:
        cells = summary_document(reader)["cells"]
    for title, figure in (("TTFT p95 ms", lambda metrics: metrics["ttft_ms"]["p95"]), ("tok/s", lambda m: m["output_tok_s"])):
        stored = [figure(cell["metrics"]) for cell in cells]
        assert column(page, title) == ["–" if value is None else significant(value) for value in stored]
    assert column(page, "Quantization") == ["Q8_0"] * 3 + ["Q4_K_M"] * 3
    assert column(page, "Users") == ["1", "2", "4", "1", "2", "4"]
    assert column(page, "Need") == ["✓ met", "✓ met", "✕ broken", "✓ met", "✓ met", "–"]
    assert column(page, "Notes") == ["", "", "▲ 1 flag", "", "", "✕ failed"]


def test_header_and_answer(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    assert page._header.title == "2 users chatting · sample"
    assert page._header.subtitle.startswith("Example CPU · 2 cores · 24.0 GB · today ")
    assert page._header.subtitle.endswith("6 cells, 11 runs, 1 flagged")
    assert page.answer.statement == (
        "With 2 users, both cells meet the need. Of all 5 cells, 4 meet the need. "
        "Most output while meeting it: Q4_K_M · 2 users, 42.4 ± 3.6 tok/s."
    )
    assert "1 cell failed" in page.answer.remarks


def test_the_cells_of_the_need_are_chosen_first_and_drawn(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    assert page.view.selected_rows() == [1, 4]
    first_token = page.side.first_token.plot._series
    assert [item.name for item in first_token] == ["Q8_0", "Q4_K_M"]
    assert set(first_token[0].values_ms) == {210.0, 220.0}
    assert first_token[0].stated_share == pytest.approx(0.01 ** (1 / 20))
    assert set(page.side.between.plot._series[0].values_ms) == {40.0}
    assert page.curve.plot._selected == {2, 5}


def test_choosing_by_key_moves_the_charts_and_the_card(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    page.view.setFocus()
    page.view.select_rows([4])
    qtbot.keyClick(page.view, Qt.Key.Key_Down)
    settled(qtbot, page)
    assert page.view.selected_rows() == [5]
    assert page.side.cell.accessibleName() == "Q4_K_M · 4 users"
    assert page.side.cell.remarks == [FAILURE]
    assert page.side.cell.facts == ()
    page.view.select_rows([2])
    settled(qtbot, page)
    assert page.side.cell.remarks == [FOREIGN_LOAD, FITS_IN_CACHE]
    facts = {fact.label: fact.value for fact in page.side.cell.facts}
    assert facts["First token p50 · p95 · p99"] == "410 · (420) · (420) ms, n 40"
    assert facts["Output"].startswith("39.6 ± ")
    assert "Energy" not in facts
    terms = {fact.label: fact.term.splitlines() for fact in page.side.cell.facts}
    assert terms["First token p50 · p95 · p99"][1:] == [
        "n 40 requests",
        "In brackets: 40 requests are too few to be certain of p95",
        "In brackets: 40 requests are too few to be certain of p99",
    ]
    assert terms["Output"][1].startswith("95 % interval over 2 runs: ")
    assert terms["Output"][2] == "Student's t on the logarithms of the runs' values"
    assert "those of one step are one event" in terms["Between tokens p50 · p95 · p99"][1]


def test_a_click_on_a_point_chooses_its_cell(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    series = page.curve.plot._series
    assert [item.name for item in series] == ["Q8_0", "Q4_K_M"]
    assert [mark.label for mark in series[0].marks] == ["1", "2", "4 ✕"]
    point = page.curve.plot.plot.vb.mapViewToScene(
        page.curve.plot.plot.vb.viewRect().center().__class__(series[0].marks[0].x, series[0].marks[0].y)
    )
    viewport = page.curve.plot._view.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=page.curve.plot._view.mapFromScene(point))
    settled(qtbot, page)
    assert page.view.selected_rows() == [0]


def test_several_cells_are_compared_up_to_four(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    flags = QItemSelectionModel.SelectionFlag
    for row in range(6):
        page.view.selectionModel().select(page.view.model().index(row, 0), flags.Select | flags.Rows)
    settled(qtbot, page)
    assert len(page.side.first_token.plot._series) == 4


def test_run_again_hands_on_the_plan_with_its_seed(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    with qtbot.waitSignal(page.plan_requested) as asked:
        qtbot.mouseClick(page.again_button, Qt.MouseButton.LeftButton)
    (plan,) = asked.args
    assert plan == PLAN
    assert plan.trust.seed == 7


def test_export_goes_through_the_save_dialog(
    qtbot: QtBot, page: ResultsPage, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, page, session)
    target = tmp_path / "out"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(target), filter_of(BY_NAME["json"])))
    qtbot.mouseClick(page.export_button, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert page.message == f"Exported to {target}.json."
    assert len(json.loads((tmp_path / "out.json").read_text())["cells"]) == 6
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(target), filter_of(BY_NAME["csv"])))
    qtbot.mouseClick(page.export_button, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert (target / "cells.csv").is_file()
    (target / "mine.txt").write_text("keep")
    qtbot.mouseClick(page.export_button, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert "holds files that are no export" in page.message
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: ("", ""))
    assert ask_export(page, session) is None


def test_what_is_no_session_is_told_and_the_open_one_stays(
    qtbot: QtBot, page: ResultsPage, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, page, session)
    other = tmp_path / "other.inferometer"
    other.write_text("no session")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(other), ""))
    with qtbot.assertNotEmitted(page.session_opened):
        qtbot.mouseClick(page.open_button, Qt.MouseButton.LeftButton)
        settled(qtbot, page)
    assert str(other) in page.message
    assert page.session is not None
    assert page.session.path == session
    opened(qtbot, page, session)
    assert page.message == ""


def test_new_figures_appear_and_the_selection_stays(qtbot: QtBot, page: ResultsPage, tmp_path: Path) -> None:
    path = tmp_path / "growing.inferometer"
    write_session(path, measured=2, has_failure=False)
    opened(qtbot, page, path)
    assert column(page, "Notes")[2:] == ["to come"] * 4
    assert "4 of 6 cells are not complete" in page.answer.remarks
    page.view.select_rows([0])
    settled(qtbot, page)
    path.unlink()
    write_session(path)
    with qtbot.assertNotEmitted(page.session_opened):
        page.refresh()
        settled(qtbot, page)
    assert column(page, "tok/s")[4] != "–"
    assert page.view.selected_rows() == [0]


def test_a_session_without_limits_has_no_column_for_the_need(qtbot: QtBot, page: ResultsPage, tmp_path: Path) -> None:
    opened(qtbot, page, write_session(tmp_path / "free.inferometer", Plan(title="Free")))
    assert "Need" not in [item.title for item in page.table.columns]
    assert page.answer.statement.startswith("No limit was stated. The most output: Q4_K_M · 2 users")


def test_rows_begin_with_a_word() -> None:
    for names in ((), ("concurrency",), ("concurrency", "threads")):
        titles = [column.title for column in cell_columns([AXES_BY_NAME[name] for name in names], (), has_need=False)]
        assert titles[: 1 + len(names)] == ["Quantization", *(AXES_BY_NAME[name].label for name in names)]


def test_percentiles_of_few_requests_are_greyed(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    number = [item.title for item in page.table.columns].index("TTFT p95 ms")
    ttft = page.table.columns[number]
    assert ttft.tone(page.table.record(0)) == "muted"
    tip = ttft.tip(page.table.record(0))
    assert "n 10 requests" in tip
    assert "10 requests are too few to be certain of p95" in tip
    assert "TTFT, time to first token" in ttft.term


def test_the_distributions_are_what_the_figures_pool(session: Path) -> None:
    raw = read_raw(session, (3,), ("ttft_ms", "itl_ms")).distributions[3]
    found = {name: raw[Which(name)] for name in ("ttft_ms", "itl_ms")}
    with SessionReader.open(session) as reader:
        figures, _ = reader.cell_figures(3)
    assert figures is not None
    stored = figures["ttft_ms"]
    assert isinstance(stored, dict)
    assert len(found["ttft_ms"].values_ms) == stored["n"]
    assert float(np.mean(found["ttft_ms"].values_ms)) == pytest.approx(stored["mean"])
    assert found["ttft_ms"].shares[-1] == 1.0
    gaps = figures["itl_ms"]
    assert isinstance(gaps, dict)
    assert len(found["itl_ms"].values_ms) == gaps["n"]
    assert found["itl_ms"].independent == gaps["n"] / 4  # four users share each step


def test_both_themes(qtbot: QtBot, theme: ThemeSwitch, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    assert not page.grab().isNull()


def test_dates_are_as_short_as_they_can_be() -> None:
    now = datetime(2026, 11, 24, 23, 30)
    assert date_words(datetime(2026, 11, 24, 23, 1), now) == "today 23:01"
    assert date_words(datetime(2026, 3, 4, 9, 5), now) == "4 Mar 09:05"
    assert date_words(datetime(2025, 3, 4, 9, 5), now) == "4 Mar 2025 09:05"
