from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from app.pages.results_page import ResultsPage
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.exchange.findings.answer import answer
from profiler.exchange.findings.contenders import Contenders, axis_words, contenders, marks, remark
from profiler.exchange.findings.search_view import Evidence
from profiler.exchange.findings.session_view import SessionView, read_session
from tests.helpers.search_session import EVENTS, FOREIGN_LOAD, FOUND, write_search_session


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_search_session(tmp_path_factory.mktemp("sessions") / "search.inferometer")


@pytest.fixture(scope="module")
def view(session: Path) -> SessionView:
    return read_session(session)


@pytest.fixture
def page(qtbot: QtBot, settings: Settings, session: Path) -> ResultsPage:
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.resize(1300, 850)
    page.show()
    return opened(qtbot, page, session)


def opened(qtbot: QtBot, page: ResultsPage, session: Path) -> ResultsPage:
    page.open_session(session)
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)
    return page


def column(page: ResultsPage, title: str) -> list[str]:
    number = [item.title for item in page.table.columns].index(title)
    return [page.table.text(row, number) for row in range(page.table.rowCount())]


def test_the_searchs_answer_stands_above_all_and_its_boundaries_below(qtbot: QtBot, page: ResultsPage) -> None:
    assert page.answer.statement == "Use Q8_0 with 8 users: 98.4 ± 1.2 tok/s, ttft_ms.p95 830 of 900 allowed, in 3 fresh runs."
    assert page.answer._detail.accessibleName().startswith("Runner-up: F16 with 8 users, 70.2 ± 0.9 tok/s; the winner gives")
    assert page.search.boundaries == [sentence for kind, sentence, _ in FOUND if kind == "search boundary"]
    assert page.search._subtitle.text() == "9 runs of 5 cells · 1 candidate dropped on the way"
    assert not page.search.steps.isVisible()
    assert page.search.button.text() == "Show the 3 steps"
    page.search.button.setFocus()
    qtbot.keyClick(page.search.button, Qt.Key.Key_Space)
    assert page.search.steps.isVisible()
    assert [step.sentence for step in page.search.steps.steps] == [sentence for _, sentence, _ in EVENTS]
    assert "Q2_K out: gives at most 90" in page.search.steps.toPlainText()
    qtbot.keyClick(page.search.button, Qt.Key.Key_Space)
    assert not page.search.steps.isVisible()


def test_confirmed_cells_are_chosen_and_marked_and_short_looks_are_no_failures(page: ResultsPage) -> None:
    assert column(page, "Evidence") == ["★ confirmed", "★ confirmed", "looks", "short looks", "looks"]
    assert page.view.selected_rows() == [0, 1]
    labels = {mark.cell_id: mark.label for series in page.curve.plot._series for mark in series.marks}
    assert labels == {1: "8 ✕ ★", 2: "8 ★", 3: "8 ▲", 5: "6"}
    assert "★ confirmed" in page.curve._subtitle.text()
    assert "1 cell had short looks only: behind the others, so not measured further" in page.answer.remarks
    assert not [told for told in page.answer.remarks if "not complete" in told or "failed" in told]
    assert any(told.startswith(("✓ 3 fresh runs, output ± ", "3 fresh runs, output ± ")) for told in page.answer.remarks)


def test_a_search_that_was_stopped_claims_nothing(tmp_path: Path) -> None:
    view = read_session(write_search_session(tmp_path / "stopped.inferometer", has_ended=False))
    told = answer(view)
    assert told.tone == "caution"
    # Q4_K_M has the most output of those that keep the limits, by a look under foreign load.
    assert told.statement.startswith(
        "**The search did not come to its end.** Most output within the limits so far: **Q4_K_M · 8 users**"
    )
    assert told.statement.endswith("tok/s (▲ foreign load), by looks that took part in the choice.")
    assert FOREIGN_LOAD in told.more
    assert [cell.evidence for cell in view.cells[:2]] == [Evidence.FRESH, Evidence.FRESH]


def test_a_grid_has_neither_search_nor_evidence(qtbot: QtBot, page: ResultsPage, tmp_path: Path) -> None:
    from tests.helpers.written_session import write_session

    opened(qtbot, page, write_session(tmp_path / "grid.inferometer"))
    assert not page.search.isVisible()
    assert not page.three_way.isVisible()
    assert "Evidence" not in [item.title for item in page.table.columns]


def by_name(of: Contenders) -> dict[str, str]:
    return {each.name: each.beaten_by for each in of.models}


def test_each_model_stands_at_its_best_cell(view: SessionView) -> None:
    of = contenders(view)
    assert [each.name for each in of.models] == ["Q2_K", "Q4_K_M", "Q8_0", "F16"]  # the smallest file first
    assert [each.cell.cell_id if each.cell else None for each in of.models] == [None, 3, 2, 1]
    drawn = {mark.name: mark for mark in marks(of)}
    assert list(drawn) == ["Q4_K_M ▲", "Q8_0", "F16"]  # Q2_K had short looks only
    assert drawn["F16"].is_base
    assert drawn["Q8_0"].loss is not None
    assert drawn["Q8_0"].loss.interval == pytest.approx((0.0009 - 1.96 * 0.00009, 0.0009 + 1.96 * 0.00009))
    assert drawn["Q8_0"].memory.value == pytest.approx(2.2 * 145e6 + 2e6)  # the mean of three peaks
    assert drawn["Q8_0"].memory.interval is not None
    assert FOREIGN_LOAD in drawn["Q4_K_M ▲"].words
    assert "✕ does not meet the need" in drawn["F16"].words  # 14 ms a token for each of 8 users
    assert axis_words(of).loss == "KL divergence from sample-F16.gguf, nat"
    assert by_name(of) == dict.fromkeys(["Q2_K", "Q4_K_M", "Q8_0", "F16"], "")
    assert remark(of) == ""


def test_without_quality_two_are_left_and_the_way_to_the_third_is_told(qtbot: QtBot, page: ResultsPage, tmp_path: Path) -> None:
    opened(qtbot, page, write_search_session(tmp_path / "plain.inferometer", has_quality=False, has_memory=False))
    card = page.three_way
    assert card.accessibleName() == "Speed and memory"
    assert not card.plot.second.isVisible()
    assert "score it on the Plan page" in card.remark.accessibleName()
    assert card.plot.first._labels["bottom"] == "Model file (the peak was not measured), MB · ← less is better"
    # Faster and smaller at once: Q4_K_M over Q8_0 over F16.
    assert {point.name: point.is_faded for point in card.plot.first._points} == {"Q4_K_M ▲": False, "Q8_0": True, "F16": True}
    assert [column.title for column in card.table.rows.columns] == [
        "Model",
        "Size",
        "Bits/weight",
        "tok/s",
        "Memory",
        "Beaten by",
    ]


def test_the_models_table_tells_quality_with_its_errors(page: ResultsPage) -> None:
    table = page.three_way.table.rows
    titles = [column.title for column in table.columns]
    assert titles == ["Model", "Size", "Bits/weight", "Perplexity", "KLD", "Same first %", "tok/s", "Memory"]
    cells = {title: [table.text(row, number) for row in range(4)] for number, title in enumerate(titles)}
    assert cells["KLD"] == ["0.340", "0.0210", "0.000900", "base"]
    assert cells["Same first %"] == ["83.0", "99.0", "100", "–"]
    assert cells["tok/s"][0] == "–"
    perplexity = table.columns[titles.index("Perplexity")]
    assert perplexity.interval(table.record(3)) == pytest.approx((14 - 1.96 * 0.4, 14 + 1.96 * 0.4))
    assert perplexity.tip(table.record(0)) == "4080 tokens of calibration.txt, in windows of 512, against sample-F16.gguf"
    assert "quality against sample-F16.gguf" in page.three_way._subtitle.text()


def test_choosing_a_model_by_key_or_click_chooses_its_cell(qtbot: QtBot, page: ResultsPage) -> None:
    table, plot = page.three_way.table, page.three_way.plot
    table.setFocus()
    table.select_rows([1])
    qtbot.waitUntil(lambda: not page.is_busy)
    assert page.view.selected_rows() == [2]
    assert plot.first._selected == {3}
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: not page.is_busy)
    assert page.view.selected_rows() == [1]
    plane = plot.second
    target = next(point for point in plane._points if point.name == "F16 · base")
    place = plane._view.mapFromScene(plane.plot.vb.mapViewToScene(QPointF(target.x, target.y)))
    with qtbot.waitSignal(page.three_way.cell_chosen, timeout=2000) as chosen:
        qtbot.mouseClick(plane._view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == [1]
    qtbot.waitUntil(lambda: not page.is_busy)


def test_flags_stand_beside_what_they_touch(qtbot: QtBot, page: ResultsPage) -> None:
    page.view.select_rows([2])
    qtbot.waitUntil(lambda: not page.is_busy)
    card = page.side.first_token
    assert card._subtitle.text() == "% of requests over ms · n 40, nearest rank: dotted beyond 89.1 % · ▲ foreign load"
    assert [item.name for item in card.plot._series] == ["Q4_K_M · 8 users ▲"]
    readout = card.plot.words_at(QPointF(810.0, 0.0), lambda _: False)
    assert readout.endswith("▲ foreign load")
    mark = next(mark for series in page.curve.plot._series for mark in series.marks if mark.cell_id == 3)
    assert f"▲ {FOREIGN_LOAD}" in mark.words


def test_both_themes(qtbot: QtBot, theme: ThemeSwitch, page: ResultsPage) -> None:
    page.search.button.click()
    assert not page.grab().isNull()
