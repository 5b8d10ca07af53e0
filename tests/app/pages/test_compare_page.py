import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.actions import Actions
from app.pages.compare import comparing
from app.pages.compare.comparing import Outcome, side_names
from app.pages.compare.headline import headline
from app.pages.compare.shift_delegate import ShiftDelegate, place, scale_of
from app.pages.compare.verdict_card import PRIMARY_ONLY
from app.pages.compare.words import percent_words
from app.pages.compare_page import ComparePage
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler import paths
from profiler.analysis.comparison.result import Options
from profiler.exchange.comparison import compare, comparison_document
from profiler.units import significant
from tests.helpers.repeated_session import FLAG, write_repeated
from tests.helpers.written_session import FITS_IN_CACHE


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, one that is faster with one user and slower with two, one like the base, and eight that teach the spread."""
    folder = tmp_path_factory.mktemp("sessions")
    write_repeated(folder / "base.inferometer")
    write_repeated(
        folder / "other.inferometer", factors={1: 1.3, 2: 0.7, 4: 1.03}, seed=2, users=(1, 2, 4, 8), flags=(FITS_IN_CACHE,)
    )
    write_repeated(folder / "like.inferometer", seed=3)
    (folder / "known").mkdir()
    for number in range(8):
        write_repeated(folder / "known" / f"{number}.inferometer", seed=10 + number)
    return folder


@pytest.fixture
def actions(qapp: QApplication) -> Actions:
    return Actions(qapp)


@pytest.fixture
def page(qtbot: QtBot, settings: Settings, actions: Actions, sessions: Path) -> ComparePage:
    settings.sessions_folder = sessions
    compare(sorted((sessions / "known").glob("*.inferometer")), Options())
    page = ComparePage(settings, actions)
    qtbot.addWidget(page)
    page.resize(1300, 850)
    page.show_view("comparison")
    page.show()
    settled(qtbot, page)
    return page


def settled(qtbot: QtBot, page: ComparePage) -> None:
    qtbot.waitUntil(lambda: not page.is_busy, timeout=10_000)


def compared(qtbot: QtBot, page: ComparePage, *paths: Path) -> Outcome:
    page.open_sessions(paths)
    settled(qtbot, page)
    assert page.outcome is not None, page.message
    return page.outcome


def column(page: ComparePage, title: str) -> list[str]:
    table = page.verdicts.table
    number = [item.title for item in table.columns].index(title)
    return [table.text(row, number) for row in range(table.rowCount())]


def drop(target: QWidget, *files: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in files])
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, button, keys)
    QApplication.sendEvent(target, entering)
    if entering.isAccepted():
        QApplication.sendEvent(target, QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, button, keys))
    return entering.isAccepted()


def test_without_a_choice_the_page_says_what_to_do(
    qtbot: QtBot, page: ComparePage, actions: Actions, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page.empty.isVisible()
    assert not actions.copy_table.isEnabled()
    chosen = [str(sessions / "base.inferometer"), str(sessions / "other.inferometer")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (chosen, ""))
    qtbot.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert page.choice.paths == tuple(map(Path, chosen))
    assert page._header.subtitle == "other against base"
    assert actions.copy_table.isEnabled()
    page.hide()
    assert not actions.copy_table.isEnabled()


def test_both_sides_offer_recent_sessions_and_those_of_the_folder(
    qtbot: QtBot, settings: Settings, actions: Actions, sessions: Path
) -> None:
    settings.sessions_folder = sessions
    recent = sessions / "known" / "3.inferometer"
    settings.add_recent_session(recent)
    page = ComparePage(settings, actions)
    qtbot.addWidget(page)
    page.show()
    settled(qtbot, page)
    for field in (page.choice.base, page.choice.others[0]):
        texts = [field.choice.itemText(number) for number in range(field.choice.count())]
        assert texts[:2] == ["Choose a session…", "3"]
        assert set(texts[2:]) == {"base", "other", "like"}


def test_keys_choose_both_sides_and_the_comparison_follows(qtbot: QtBot, page: ComparePage) -> None:
    for field, name in ((page.choice.base, "base"), (page.choice.others[0], "like")):
        qtbot.keyClicks(field.choice, name)
        assert field.path is not None
        assert field.path.stem == name
    settled(qtbot, page)
    assert page.outcome is not None
    assert page.outcome.names == ("base", "like")


def test_the_verdicts_are_those_of_the_engine(qtbot: QtBot, page: ComparePage, sessions: Path) -> None:
    QAbstractItemModelTester(page.verdicts.table, QAbstractItemModelTester.FailureReportingMode.Fatal, page)
    files = [sessions / "base.inferometer", sessions / "other.inferometer"]
    compared(qtbot, page, *files)
    rows = comparison_document(compare(files, Options()))["matched"]
    primary = [row for row in rows if not row["exploratory"]]
    assert [row["verdict"] for row in primary] == ["faster", "slower", "not enough data"]
    assert column(page, "Cell")[:3] == ["Q8_0 · 1 user", "Q8_0 · 2 users", "Q8_0 · 4 users"]
    assert column(page, "Figure")[:4] == ["● Output tok/s"] * 3 + ["○ Each user tok/s"]
    assert column(page, "Base")[:3] == [significant(row["a"]) for row in primary]
    assert column(page, "With")[:3] == [significant(row["b"]) for row in primary]
    assert column(page, "Shift, 95 % interval")[:3] == [f"{percent_words(row['shift_percent'])} %" for row in primary]
    assert column(page, "Verdict")[:3] == ["▲ faster", "▼ slower", "? not enough data"]
    assert len(column(page, "Cell")) == len(rows)
    memory = [row["a"] for row in rows if row["metric"] == "rss_peak_bytes"]
    assert column(page, "Base")[-3:] == [significant(value / 1e6) for value in memory]
    assert column(page, "Figure")[-1] == "○ Memory MB"


def test_the_sentence_says_which_way_how_much_and_where(qtbot: QtBot, page: ComparePage, sessions: Path) -> None:
    files = [sessions / "base.inferometer", sessions / "other.inferometer"]
    compared(qtbot, page, *files)
    first, second, _ = (row for row in comparison_document(compare(files, Options()))["matched"] if not row["exploratory"])
    gain, loss = (f"{abs(row['shift_percent']):.1f}" for row in (first, second))
    ends = [f"{row['ci_low_percent']:+.1f} to {row['ci_high_percent']:+.1f} %" for row in (first, second)]
    assert page.answer.statement == (
        f"other is faster in 1 of 3 cells and slower in 1 of 3 cells: output {gain} % higher (95 % interval {ends[0]}) at "
        f"Q8_0 · 1 user; output {loss} % lower ({ends[1]}) at Q8_0 · 2 users. For 1 cell there is not enough data."
    )
    assert "No difference between the machines is known" in page.answer.remarks
    assert any("by themselves was learned" in remark for remark in page.answer.remarks)
    assert page.answer._stripe == "broken"
    assert page.notes.alone.told == [
        "Only in other: Q8_0 · 8 users. The other session has no such cell; the nearest differs in concurrency, slots."
    ]
    assert page.notes.plans.rows == [("", "base", "other"), ("Seed", "1", "2")]
    assert page.notes.machines.rows == []


def test_swapping_turns_the_verdicts_round(qtbot: QtBot, page: ComparePage, sessions: Path) -> None:
    compared(qtbot, page, sessions / "base.inferometer", sessions / "other.inferometer")
    before = [row.figure.shift.log_shift for row in page.verdicts.view.shown_records() if row.figure.shift]
    qtbot.mouseClick(page.choice.swap_button, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert page.outcome is not None
    assert page.outcome.names == ("other", "base")
    assert column(page, "Verdict")[:3] == ["▼ slower", "▲ faster", "? not enough data"]
    after = [row.figure.shift.log_shift for row in page.verdicts.view.shown_records() if row.figure.shift]
    assert after == pytest.approx([-shift for shift in before])


def test_what_counts_as_the_same_is_asked(qtbot: QtBot, page: ComparePage, sessions: Path) -> None:
    compared(qtbot, page, sessions / "base.inferometer", sessions / "like.inferometer")
    field = page.choice.same_field
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "12")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    settled(qtbot, page)
    assert page.answer.statement == "Nothing differs: output of like is the same as of base within ±12 % in all 3 cells."
    assert column(page, "Verdict")[:3] == ["= same"] * 3
    qtbot.keyClicks(field, "0.1")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    field.selectAll()
    qtbot.keyClicks(field, "0.2")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    settled(qtbot, page)
    assert page.answer.statement.startswith("There is not enough data to tell whether like differs from base in output. ")
    assert "a shift of 5 % in 95 of 100 cases" in page.answer.statement


def test_ignored_axes_match_more_cells(qtbot: QtBot, page: ComparePage, sessions: Path, tmp_path: Path) -> None:
    one = write_repeated(tmp_path / "one.inferometer", users=(1,), seed=4)
    three = write_repeated(tmp_path / "three.inferometer", users=(3,), seed=5)
    outcome = compared(qtbot, page, one, three)
    assert outcome.axes == ("concurrency", "slots")
    assert page.answer.statement == "No cell of three is one of one, so that there is nothing to compare."
    assert not page.verdicts.isVisible()
    for axis in outcome.axes:
        qtbot.mouseClick(page.choice.ignore_chips.chip(axis), Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert column(page, "Cell")[0] == "Q8_0 · 1 user → Q8_0 · 3 users"
    assert page.verdicts.isVisible()
    assert page.notes.alone.told == []


def test_a_figure_is_chosen_and_rows_are_sorted_by_raw_values(qtbot: QtBot, page: ComparePage, sessions: Path) -> None:
    compared(qtbot, page, sessions / "base.inferometer", sessions / "other.inferometer")
    card = page.verdicts
    card.figure_field.choose(PRIMARY_ONLY)
    assert column(page, "Figure") == ["● Output tok/s"] * 3
    card.figure_field.choose("user_tok_s")
    assert column(page, "Figure") == ["○ Each user tok/s"] * 3
    base = [item.title for item in card.table.columns].index("Base")
    card.view.sortByColumn(base, Qt.SortOrder.AscendingOrder)  # 100, 50 and 25 for each of 1, 2 and 4 users
    assert [row.cell for row in card.view.shown_records()] == ["Q8_0 · 4 users", "Q8_0 · 2 users", "Q8_0 · 1 user"]
    qtbot.mouseClick(page.choice.swap_button, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert card.figure_field.value() == "user_tok_s"


def test_the_selected_row_is_explained_in_words(qtbot: QtBot, page: ComparePage, sessions: Path) -> None:
    compared(qtbot, page, sessions / "base.inferometer", sessions / "other.inferometer")
    view = page.verdicts.view
    view.setFocus()
    assert page.verdicts.explained.startswith("Q8_0 · 1 user, Output: 100 tok/s → ")
    assert "corrected " in page.verdicts.explained
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert page.verdicts.explained.startswith("Q8_0 · 4 users, Output: ")
    assert "The shift is inside what sessions and repetitions differ by." in page.verdicts.explained


def test_flags_are_told_at_the_figures_that_they_touch(qtbot: QtBot, page: ComparePage, sessions: Path, tmp_path: Path) -> None:
    flagged = write_repeated(tmp_path / "flagged.inferometer", seed=6, flags=("short: Few requests.", FITS_IN_CACHE))
    compared(qtbot, page, flagged, sessions / "other.inferometer")
    assert set(column(page, "Flags")) == {"1 flag"}
    named = "Q8_0 · 1 user, Q8_0 · 2 users, Q8_0 · 4 users"
    assert page.notes.doubts.told[0] == f"flagged, {named}: Few requests."
    assert page.notes.doubts.told[1].startswith(f"flagged, {named}: A step reads")
    assert page.notes.doubts.told[2].startswith(f"other, {named}: A step reads")
    assert "Flags touch 3 of 3 cells" in page.answer.remarks
    compared(qtbot, page, sessions / "base.inferometer", sessions / "other.inferometer")
    assert "Flags" not in [item.title for item in page.verdicts.table.columns]


def test_runs_that_were_disturbed_twice_are_told_to_be_left_out(
    qtbot: QtBot, page: ComparePage, sessions: Path, tmp_path: Path
) -> None:
    disturbed = write_repeated(tmp_path / "disturbed.inferometer", seed=6, flags=(FLAG,))
    compared(qtbot, page, sessions / "base.inferometer", disturbed)
    assert page.notes.doubts.told[0] == "disturbed: 3 disturbed runs are left out"
    assert "6 against 5 repetitions a cell" in page.answer._detail.accessibleName()


def test_machines_are_told_in_two_columns(qtbot: QtBot, page: ComparePage, sessions: Path, tmp_path: Path) -> None:
    newer = write_repeated(tmp_path / "newer.inferometer", seed=6, machine={"kernel": "6.8"})
    compared(qtbot, page, sessions / "base.inferometer", newer)
    assert page.notes.machines.rows == [("", "base", "newer"), ("Kernel", "6.1", "6.8")]
    assert "The machines differ in 1 fact" in page.answer.remarks


def test_three_sessions_are_held_against_one_base(qtbot: QtBot, page: ComparePage, sessions: Path) -> None:
    qtbot.mouseClick(page.choice.more_button, Qt.MouseButton.LeftButton)
    assert len(page.choice.others) == 2
    compared(qtbot, page, *(sessions / f"{name}.inferometer" for name in ("base", "other", "like")))
    assert column(page, "With")[:6] == ["other"] * 3 + ["like"] * 3
    assert "other is faster" in page.answer.statement
    assert "like" in page.answer.statement
    qtbot.mouseClick(page.choice.others[1].remove_button, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert page.outcome is not None
    assert page.outcome.names == ("base", "other")


def test_a_dropped_file_is_the_one_of_the_field_that_it_falls_on(qtbot: QtBot, page: ComparePage, sessions: Path) -> None:
    page.open_sessions([sessions / "base.inferometer"])
    assert page.choice.paths == (sessions / "base.inferometer", None)
    assert page.empty.isVisible()
    page.open_sessions([sessions / "other.inferometer"])
    settled(qtbot, page)
    assert page.outcome is not None
    assert drop(page.choice.base, sessions / "like.inferometer")
    settled(qtbot, page)
    assert page.outcome.names == ("like", "other")
    assert not drop(page.choice.base, sessions / "like.inferometer", sessions / "base.inferometer")
    page.open_sessions([sessions / "base.inferometer"])
    settled(qtbot, page)
    assert page.outcome.names == ("like", "base")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "broken.inferometer"),
        (lambda path: path.unlink(), "broken.inferometer"),
    ],
)
def test_files_that_cannot_be_read_are_told_in_a_sentence(
    qtbot: QtBot, page: ComparePage, sessions: Path, tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    compared(qtbot, page, sessions / "base.inferometer", sessions / "like.inferometer")
    broken = Path(shutil.copy(sessions / "other.inferometer", tmp_path / "broken.inferometer"))
    spoil(broken)
    page.open_sessions([sessions / "base.inferometer", broken])
    settled(qtbot, page)
    assert told in page.message
    assert page.outcome is None
    assert page.empty.isVisible()
    compared(qtbot, page, sessions / "base.inferometer", sessions / "like.inferometer")
    assert page.message == ""


def test_a_file_of_a_newer_version_is_told_to_be(qtbot: QtBot, page: ComparePage, sessions: Path, tmp_path: Path) -> None:
    newer = Path(shutil.copy(sessions / "other.inferometer", tmp_path / "newer.inferometer"))
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
    compared(qtbot, page, sessions / "base.inferometer", newer)
    assert "newer Inferometer" in page.message
    assert page._message.property("tone") == "caution"


def test_a_session_is_not_compared_with_itself(qtbot: QtBot, page: ComparePage, sessions: Path, tmp_path: Path) -> None:
    base = sessions / "base.inferometer"
    page.open_sessions([base, base])
    settled(qtbot, page)
    assert page.message == "base is chosen twice; a session can only be compared with another one."
    page.open_sessions([base, Path(shutil.copy(base, tmp_path / "copy.inferometer"))])
    settled(qtbot, page)
    assert page.message == "base and copy are copies of one session; choose another one."
    kept = json.loads((paths.data_folder() / "session_spread.json").read_text())
    assert len(next(iter(kept["machines"].values()))) == 8  # nothing was learned from it


def test_a_long_comparison_shows_progress_and_can_be_cancelled(
    qtbot: QtBot, page: ComparePage, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, read_session = threading.Event(), comparing.read_session

    def held(path: Path) -> object:
        go.wait(10)
        return read_session(path)

    monkeypatch.setattr(comparing, "read_session", held)
    page.open_sessions([sessions / "base.inferometer", sessions / "like.inferometer"])
    qtbot.waitUntil(page.cancel_button.isVisible)
    qtbot.waitUntil(lambda: page._progress_words.accessibleName() == "Reading base.inferometer…")
    qtbot.mouseClick(page.cancel_button, Qt.MouseButton.LeftButton)
    go.set()
    settled(qtbot, page)
    assert page.outcome is None
    assert page.message == ""
    assert not page.cancel_button.isVisible()


def test_the_last_choice_wins_while_an_earlier_one_is_compared(
    qtbot: QtBot, page: ComparePage, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, read_session = threading.Event(), comparing.read_session
    monkeypatch.setattr(comparing, "read_session", lambda path: (go.wait(10), read_session(path))[1])
    page.open_sessions([sessions / "base.inferometer", sessions / "like.inferometer"])
    page.open_sessions([sessions / "base.inferometer", sessions / "other.inferometer"])
    page.choice.swap_button.click()
    go.set()
    settled(qtbot, page)
    assert page.outcome is not None
    assert page.outcome.names == ("other", "base")


def test_verdicts_are_copied_as_text_and_as_markdown(qtbot: QtBot, page: ComparePage, actions: Actions, sessions: Path) -> None:
    compared(qtbot, page, sessions / "base.inferometer", sessions / "other.inferometer")
    page.verdicts.figure_field.choose(PRIMARY_ONLY)
    assert page.verdicts.view.actions() == [actions.copy_table, actions.copy_markdown]
    assert page.verdicts.view.contextMenuPolicy() is Qt.ContextMenuPolicy.ActionsContextMenu
    actions.copy_table.trigger()
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().split("\n")]
    assert lines[0] == ["Cell", "Figure", "base", "other", "Shift", "95 % interval", "n", "Verdict"]
    assert [line[0] for line in lines[1:]] == column(page, "Cell")
    assert [line[-1] for line in lines[1:]] == column(page, "Verdict")
    assert lines[1][6] == "6, 6"
    actions.copy_markdown.trigger()
    text = QGuiApplication.clipboard().text().split("\n")
    assert text[0] == page.answer.statement
    assert text[2].startswith("| Cell | Figure | base | other |")
    assert text[3] == "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    assert text[4].startswith("| Q8_0 · 1 user | Output tok/s | 100 |")
    page.verdicts.view.select_rows([1])
    qtbot.keyClick(page.verdicts.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().split("\n") == ["\t".join(lines[0]), "\t".join(lines[2])]


def test_the_bar_lies_where_the_interval_does() -> None:
    scale = scale_of([(-50.0, 25.0)], 5.0)
    assert place(-50.0, scale) == pytest.approx(-1.0)
    assert place(100.0, scale) == pytest.approx(1.0)  # twice as much is as far as half as much
    assert place(0.0, scale) == 0.0
    assert place(5.0, scale) == pytest.approx(scale.same / scale.most)
    assert place(300.0, scale_of([(-90.0, 300.0)], 5.0)) == pytest.approx(2.0)  # cut off
    assert place(5.0, scale_of([], 5.0)) == pytest.approx(0.5)


def test_the_bar_is_drawn_in_the_tone_of_its_verdict(qtbot: QtBot, page: ComparePage, sessions: Path, theme: ThemeSwitch) -> None:
    from app.tokens import tokens

    compared(qtbot, page, sessions / "base.inferometer", sessions / "other.inferometer")
    view = page.verdicts.view
    number = next(n for n in range(view.model().columnCount()) if isinstance(view.itemDelegateForColumn(n), ShiftDelegate))
    for row, ink in ((0, tokens().met), (1, tokens().broken)):
        image: QImage = view.viewport().grab(view.visualRect(view.model().index(row, number))).toImage()
        middle = image.height() // 2
        inked = [x for x in range(image.width() // 2) if any(image.pixelColor(x, middle + dy).name() == ink for dy in (-1, 0, 1))]
        zero = 8 + 56
        assert inked
        assert all(x > zero for x in inked) if row == 0 else all(x < zero for x in inked)


def test_percentages_are_told_with_their_sign() -> None:
    assert [percent_words(value) for value in (13.04, -0.44, 0.01, -0.01, 140.2)] == ["+13.0", "-0.4", "0.0", "0.0", "+140"]
    assert percent_words(-13.04, signed=False) == "13.0"


def test_sides_of_one_name_are_told_apart_by_their_folders() -> None:
    monday, friday = Path("/runs/monday/chat.inferometer"), Path("/runs/friday/chat.inferometer")
    assert side_names([monday, Path("/runs/a.inferometer")]) == ("chat", "a")
    assert side_names([monday, friday]) == ("monday/chat", "friday/chat")
    assert side_names([monday, monday]) == ("chat", "chat")
    assert side_names([Path("/x/1/c.inferometer"), Path("/y/1/c.inferometer")]) == ("x/1/c", "y/1/c")


def test_fields_tell_files_of_one_name_apart(qtbot: QtBot, page: ComparePage, sessions: Path, tmp_path: Path) -> None:
    files = []
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        files.append(Path(shutil.copy(next(iter(sorted(sessions.glob("*.inferometer")))), tmp_path / name / "1.inferometer")))
    page.choice.show_paths(files)
    assert [field.choice.currentText() for field in (page.choice.base, *page.choice.others)] == ["before/1", "after/1"]


def test_a_single_cell_that_differs_little_is_said_to(qtbot: QtBot, sessions: Path, tmp_path: Path, page: ComparePage) -> None:
    one = write_repeated(tmp_path / "one.inferometer", users=(1,), spread=0.001, seed=7)
    other = write_repeated(tmp_path / "more.inferometer", users=(1,), spread=0.001, seed=8, factors=1.03)
    result = compare([one, other], Options(same_within_percent=20.0))
    figure = next(each for each in result.figures if each.is_primary)
    said = headline(result, [str(one), str(other)]).statement
    assert figure.text == "faster, by less than 20 %"
    assert said.startswith(f"**{other} is faster by less than 20 %**: output {figure.shift_percent:.1f} % higher (")
