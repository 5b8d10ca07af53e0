"""The compared sessions in one figure, their ranking, and the likely cause beside the verdicts."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.actions import Actions
from app.pages.compare.overlays import DistributionOverlay, Drawn, FrontierOverlay, drawn_cells, overlaid
from app.pages.compare.ranking_card import RankingCard
from app.pages.compare.timeline_overlay import TimelineOverlay
from app.pages.compare_page import ComparePage
from app.pages.results_page import ResultsPage
from app.settings import Settings
from profiler.analysis.comparison.result import Options
from profiler.exchange.comparison import compare
from profiler.exchange.findings.planes import SPEED, series_of
from profiler.exchange.findings.raw_latencies import read_raw
from profiler.exchange.findings.session_view import SessionView, read_session
from profiler.exchange.machine_prices import kept_prices
from profiler.exchange.machine_ranking import Contestant
from profiler.records.machine_price import MachinePrice
from tests.helpers.repeated_session import write_repeated
from tests.helpers.written_session import write_session


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("overlays")
    return write_session(folder / "before.inferometer"), write_session(folder / "after.inferometer", measured=3)


@pytest.fixture(scope="module")
def views(files: tuple[Path, Path]) -> list[SessionView]:
    return [read_session(path) for path in files]


def test_each_session_has_lines_of_its_own(views: list[SessionView]) -> None:
    series = overlaid(("before", "after"), views, SPEED)
    assert [line.name for line in series] == ["before · Q8_0", "before · Q4_K_M", "after"]
    of_each = [line for view in views for line in series_of(view, SPEED)]
    assert [[(mark.x, mark.y) for mark in line.marks] for line in series] == [
        [(mark.x, mark.y) for mark in line.marks] for line in of_each
    ]
    ids = [mark.cell_id for line in series for mark in line.marks]
    assert len(set(ids)) == len(ids) == 5 + 3
    assert series[0].marks[0].words.startswith("before\n")


def test_the_need_of_the_base_is_marked(qtbot: QtBot, views: list[SessionView]) -> None:
    card = FrontierOverlay()
    qtbot.addWidget(card)
    card.show_sessions(("before", "after"), views)
    assert card.plot._need is not None
    assert card.plot._need.value == pytest.approx(1000 / 60)
    assert [item.words for item in card.plot.legend._items] == ["before · Q8_0", "before · Q4_K_M", "after"]


def test_the_distributions_are_those_of_both_files(qtbot: QtBot, files: tuple[Path, Path]) -> None:
    overlay = DistributionOverlay()
    qtbot.addWidget(overlay)
    overlay.show_cells((Drawn("before", files[0], 1), Drawn("after", files[1], 2)), ())
    qtbot.waitUntil(lambda: not overlay.is_busy, timeout=10_000)
    assert not overlay.isHidden()
    shown = overlay.first_token.plot._series
    assert [item.name for item in shown] == ["before", "after"]
    for item, path, cell_id in zip(shown, files, (1, 2), strict=True):
        ((_, raw),) = read_raw(path, (cell_id,), ("ttft_ms",)).distributions.items()
        expected = next(each for which, each in raw.items() if which.since == "due" and not which.class_name)
        assert list(item.values_ms) == list(expected.values_ms)
    overlay.show_cells((), ())
    assert overlay.isHidden()


def test_sessions_without_raw_rows_draw_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    path = write_repeated(tmp_path / "bare.inferometer", users=(1,), repetitions=2)
    overlay = DistributionOverlay()
    qtbot.addWidget(overlay)
    overlay.show_cells((Drawn("bare", path, 1),), ())
    qtbot.waitUntil(lambda: not overlay.is_busy, timeout=10_000)
    assert overlay.isHidden()


def test_a_row_leads_to_the_cells_of_all_sides(tmp_path: Path) -> None:
    paths = [write_repeated(tmp_path / f"{name}.inferometer", users=(1, 2), seed=n) for n, name in enumerate("abc")]
    result = compare(paths, Options())
    places = {str(path): path for path in paths}
    row = next(each for each in result.figures if each.a.configuration["concurrency"] == 2 and each.b_name == str(paths[2]))
    found = drawn_cells(row, result, places)
    assert [(each.name, each.cell_id) for each in found] == [(str(path), 2) for path in paths]


def test_machines_are_ranked_and_priced(
    qtbot: QtBot, views: list[SessionView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))
    card = RankingCard()
    qtbot.addWidget(card)
    card.show_contestants([Contestant("before", views[0], "x"), Contestant("after", views[1], "y")])
    titles = [column.title for column in card.table.columns]
    assert titles == ["Machine", "Session", "Need", "By", "Output tok/s", "Each tok/s"]
    assert [row.name for row in card.table.records] == ["before", "after"]  # Q4_K_M of the first is the faster
    before = card.table.records[0].output_tok_s
    assert before is not None
    card.price.setValue(2000)
    card.currency.setText("EUR")
    card.currency.editingFinished.emit()
    assert kept_prices() == {"x": MachinePrice(2000.0, "EUR")}
    assert card.table.columns[-1].title == "tok/s per 1000 EUR"
    assert card.table.columns[-1].raw(card.table.records[0]) == pytest.approx(before / 2)
    assert card.table.columns[-1].raw(card.table.records[1]) is None
    card.view.select_rows([1])
    assert card.price.value() == 0
    card.view.select_rows([0])
    card.price.setValue(0)
    assert kept_prices() == {}
    (tmp_path / "home" / "data" / "machine_prices.json").unlink()
    (tmp_path / "home" / "data").rmdir()
    (tmp_path / "home" / "data").write_text("no folder")
    card.price.setValue(5)
    assert "cannot be kept" in card._remark.accessibleName()


def test_the_likely_cause_stands_beside_the_verdicts(
    qtbot: QtBot, qapp: QApplication, settings: Settings, tmp_path: Path
) -> None:
    settings.sessions_folder = tmp_path
    base = write_repeated(tmp_path / "base.inferometer", users=(1,), seed=1)
    newer = write_repeated(tmp_path / "newer.inferometer", users=(1,), seed=1, factors=0.4, machine={"kernel": "6.8"})
    page = ComparePage(settings, Actions(qapp))
    qtbot.addWidget(page)
    page.show()
    page.open_sessions([base, newer])
    qtbot.waitUntil(lambda: not page.is_busy, timeout=10_000)
    assert page.notes.causes.told == ["The likely cause: kernel 6.1 → 6.8. Nothing else that is known differs."]
    assert page.frontier.isHidden()  # its cells have no figures of their own
    assert page.ranking.isVisible()


def test_results_leads_to_compare(qtbot: QtBot, settings: Settings, files: tuple[Path, Path]) -> None:
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.show()
    assert not page.compare_button.isVisible()
    page.open_session(files[0])
    qtbot.waitUntil(lambda: page.session is not None and not page.is_busy, timeout=20_000)
    with qtbot.waitSignal(page.compare_wanted) as wanted:
        page.compare_button.click()
    assert wanted.args == [files[0]]


def test_timelines_of_both_files_move_together(qtbot: QtBot, files: tuple[Path, Path]) -> None:
    card = TimelineOverlay()
    qtbot.addWidget(card)
    card.resize(900, 800)
    card.show_cells([Drawn("before", files[0], 1), Drawn("after", files[1], 1, "▲ unstable")])
    card.show()
    qtbot.waitUntil(lambda: len(card.views) == 2 and not card.is_busy)
    assert [title.accessibleName().split(" · ")[0] for title in card.titles] == ["before", "after"]
    assert card.titles[1].accessibleName().endswith("▲ unstable")
    first, second = card.views
    assert first.span == second.span
    assert first.span.end_ns == max(run.timeline.end_ns for run in card.runs if run is not None)
    qtbot.keyClick(second, Qt.Key.Key_W)
    assert first.span == second.span
    assert first.span.length_ns < second._whole.length_ns
    qtbot.keyClick(first, Qt.Key.Key_Period)
    assert card.readout.accessibleName().split(" · ")[1] == "before"
    assert second._cursor is not None
    assert second._cursor[0] == first._cursor[0]


def test_one_side_alone_has_no_timelines(qtbot: QtBot, files: tuple[Path, Path]) -> None:
    card = TimelineOverlay()
    qtbot.addWidget(card)
    card.show_cells([Drawn("before", files[0], 1)])
    assert card.isHidden()
    assert not card.is_busy
