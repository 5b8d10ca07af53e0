"""The library on the Compare page: searched, grouped, labelled, pinned, trashed and brought back."""

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.actions import Actions
from app.pages.compare import trash
from app.pages.compare.library_columns import library_entries
from app.pages.compare.library_pane import LibraryPane
from app.pages.compare.trash import move_to_trash, restore
from app.pages.compare_page import ComparePage
from app.settings import Settings
from profiler.errors import EnvironmentFault
from profiler.exchange.run_library import LibraryRow, read_row
from profiler.session.labels import Labels, write_labels
from profiler.session.writer import SessionWriter
from tests.helpers.repeated_session import write_repeated

OTHER = {"cpu": {"name": "Other CPU", "physical_cores": 8}}


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Three sessions, the last one of another machine."""
    folder = tmp_path / "runs"
    folder.mkdir()
    for number, name in enumerate(("a", "b", "c"), 1):
        write_repeated(folder / f"{name}.inferometer", users=(1,), seed=number, machine=OTHER if name == "c" else None)
    settings.sessions_folder = folder
    return folder


@pytest.fixture
def own_trash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A freedesktop trash of the test's own."""
    files, info = tmp_path / "Trash" / "files", tmp_path / "Trash" / "info"
    files.mkdir(parents=True)
    info.mkdir()

    def moved(path: Path) -> Path:
        (info / f"{path.name}.trashinfo").write_text("[Trash Info]")
        return path.rename(files / path.name)

    monkeypatch.setattr(trash, "_moved", moved)
    return files


@pytest.fixture
def pane(qtbot: QtBot, settings: Settings, folder: Path) -> LibraryPane:
    pane = LibraryPane(settings)
    qtbot.addWidget(pane)
    pane.resize(1200, 700)
    pane.show()
    pane.refresh()
    settled(qtbot, pane)
    return pane


def settled(qtbot: QtBot, pane: LibraryPane) -> None:
    qtbot.waitUntil(lambda: not pane.is_busy, timeout=10_000)


def names(pane: LibraryPane) -> list[str]:
    return [row.name for row in pane.view.shown_sessions]


def select(pane: LibraryPane, *wanted: str) -> None:
    pane.view.select_rows(
        [
            number
            for number, entry in enumerate(pane.view.entries.records)
            if entry.row is not None and entry.row.path.stem in wanted
        ]
    )


def heading_texts(pane: LibraryPane) -> list[str]:
    model = pane.view.model()
    return [
        str(model.index(row, 0).data())
        for row in range(model.rowCount())
        if not model.flags(model.index(row, 0)) & Qt.ItemFlag.ItemIsSelectable
    ]


def test_sessions_are_listed_the_newest_first_and_searched(qtbot: QtBot, pane: LibraryPane) -> None:
    QAbstractItemModelTester(pane.view.entries, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert names(pane) == ["c", "b", "a"]
    qtbot.keyClicks(pane.search_field, "other cpu")
    assert names(pane) == ["c"]
    assert pane._card._subtitle.text() == "1 of 3 sessions"
    pane.search_field.clear()
    assert names(pane) == ["c", "b", "a"]


def test_groups_stay_together_however_they_are_sorted_and_searched(qtbot: QtBot, pane: LibraryPane) -> None:
    qtbot.mouseClick(pane.groupings.chip("machine"), Qt.MouseButton.LeftButton)
    titles = ["Example CPU · 2 cores · 24.0 GB · 2 sessions", "Other CPU · 8 cores · 24.0 GB · 1 session"]
    assert heading_texts(pane) == titles
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        pane.view.sortByColumn(0, order)
        model = pane.view.model()
        texts = [str(model.index(row, 0).data()) for row in range(model.rowCount())]
        within = ["a", "b"] if order is Qt.SortOrder.AscendingOrder else ["b", "a"]
        assert texts == [titles[0], *within, titles[1], "c"]
    pane.view.select_rows([0])
    assert pane.view.chosen_sessions == []
    qtbot.keyClicks(pane.search_field, "other")
    assert heading_texts(pane) == titles[1:]
    qtbot.mouseClick(pane.groupings.chip("model"), Qt.MouseButton.LeftButton)
    assert len(heading_texts(pane)) == 1


def test_machines_of_one_description_are_told_apart() -> None:
    rows = [LibraryRow(Path(f"/{key}"), machine="CPU", machine_key=key) for key in ("x", "y", "x")]
    headings = [entry.group for entry in library_entries(rows, "machine", None) if entry.row is None]
    assert headings == ["CPU (1)", "CPU (2)"]


def test_words_are_changed_in_place_and_kept_in_the_session(qtbot: QtBot, pane: LibraryPane, folder: Path) -> None:
    select(pane, "b")
    assert not pane.labels.save_button.isEnabled()
    pane.labels.title_field.selectAll()
    qtbot.keyClicks(pane.labels.title_field, "Evening")
    qtbot.keyClicks(pane.labels.tags_field, "driver: 550, quiet")
    pane.labels.notes_field.setPlainText("Window open.")
    qtbot.mouseClick(pane.labels.save_button, Qt.MouseButton.LeftButton)
    settled(qtbot, pane)
    row = read_row(folder / "b.inferometer")
    assert (row.title, row.notes, row.tags) == ("Evening", "Window open.", {"driver": "550", "quiet": ""})
    assert names(pane) == ["c", "Evening", "a"]
    assert [each.name for each in pane.view.chosen_sessions] == ["Evening"]
    assert pane.message == "Saved in the session."
    qtbot.keyClicks(pane.search_field, "quiet")
    assert names(pane) == ["Evening"]


def test_what_was_typed_survives_a_refresh_and_can_be_discarded(qtbot: QtBot, pane: LibraryPane, folder: Path) -> None:
    select(pane, "a")
    pane.labels.notes_field.setPlainText("half a thought")
    write_labels(folder / "c.inferometer", Labels("Changed elsewhere"))
    pane.refresh()
    settled(qtbot, pane)
    assert "Changed elsewhere" in names(pane)
    assert pane.labels.notes_field.toPlainText() == "half a thought"
    qtbot.mouseClick(pane.labels.undo_button, Qt.MouseButton.LeftButton)
    assert pane.labels.notes_field.toPlainText() == ""


def test_going_on_to_another_session_keeps_what_was_typed(qtbot: QtBot, pane: LibraryPane, folder: Path) -> None:
    select(pane, "a")
    pane.labels.notes_field.setPlainText("a thought")
    select(pane, "b")
    settled(qtbot, pane)
    assert read_row(folder / "a.inferometer").notes == "a thought"
    assert read_row(folder / "b.inferometer").notes == ""
    assert [row.name for row in pane.view.chosen_sessions] == ["b"]
    assert pane.labels.notes_field.toPlainText() == ""


def test_a_session_under_way_refuses_words_and_the_trash(qtbot: QtBot, pane: LibraryPane, folder: Path, own_trash: Path) -> None:
    select(pane, "a")
    pane.labels.notes_field.setPlainText("mine")
    with SessionWriter.open(folder / "a.inferometer"):
        qtbot.mouseClick(pane.labels.save_button, Qt.MouseButton.LeftButton)
        settled(qtbot, pane)
        assert "is being written by another Inferometer" in pane.message
        qtbot.mouseClick(pane.trash_button, Qt.MouseButton.LeftButton)
        settled(qtbot, pane)
        assert "is being written by another Inferometer" in pane.message
        assert (folder / "a.inferometer").exists()
        pane.labels.undo_button.click()
        pane.refresh()
        settled(qtbot, pane)
        assert not pane.labels.notes_field.isEnabled()
        assert "being written into it" in pane.labels._said.accessibleName()


def test_to_the_trash_and_back(qtbot: QtBot, pane: LibraryPane, folder: Path, own_trash: Path) -> None:
    before = (folder / "b.inferometer").read_bytes()
    assert not pane.undo_button.isVisible()
    select(pane, "a", "b")
    qtbot.mouseClick(pane.trash_button, Qt.MouseButton.LeftButton)
    settled(qtbot, pane)
    assert names(pane) == ["c"]
    assert pane.message == "2 sessions moved to the trash."
    assert sorted(path.name for path in own_trash.iterdir()) == ["a.inferometer", "b.inferometer"]
    qtbot.mouseClick(pane.undo_button, Qt.MouseButton.LeftButton)
    settled(qtbot, pane)
    assert names(pane) == ["c", "b", "a"]
    assert (folder / "b.inferometer").read_bytes() == before
    assert not pane.undo_button.isVisible()
    assert list((own_trash.parent / "info").iterdir()) == []


def test_what_lies_beside_a_session_goes_along_and_none_or_all_go(folder: Path, own_trash: Path) -> None:
    first, second = folder / "a.inferometer", folder / "b.inferometer"
    beside = folder / "a.inferometer-wal"
    beside.write_bytes(b"the last second")
    trashed = move_to_trash([first])
    assert not beside.exists()
    restore(trashed)
    assert beside.read_bytes() == b"the last second"
    with SessionWriter.open(second), pytest.raises(EnvironmentFault, match="being written"):
        move_to_trash([first, second])
    assert first.exists()
    trashed = move_to_trash([first])
    first.write_bytes(b"another one")
    with pytest.raises(EnvironmentFault, match="there is another file now"):
        restore(trashed)
    assert first.read_bytes() == b"another one"


def test_a_disk_without_a_trash_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Diskless:
        def __init__(self, name: str) -> None:
            self.name = name

        def moveToTrash(self) -> bool:
            return False

        def errorString(self) -> str:
            return "no trash here"

    monkeypatch.setattr(trash, "QFile", Diskless)
    with pytest.raises(EnvironmentFault, match=r"cannot be moved to the trash \(no trash here\)"):
        move_to_trash([folder / "a.inferometer"])
    assert (folder / "a.inferometer").exists()


def test_a_double_click_opens_and_two_or_more_are_compared(qtbot: QtBot, pane: LibraryPane, folder: Path) -> None:
    assert not pane.compare_button.isEnabled()
    place = pane.view.visualRect(pane.view.model().index(0, 0)).center()
    qtbot.mouseClick(pane.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    with qtbot.waitSignal(pane.open_wanted) as opened:
        qtbot.mouseDClick(pane.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened.args == [folder / "c.inferometer"]
    select(pane, "a", "b")
    with qtbot.waitSignal(pane.compare_wanted) as wanted:
        qtbot.mouseClick(pane.compare_button, Qt.MouseButton.LeftButton)
    assert wanted.args == [[folder / "b.inferometer", folder / "a.inferometer"]]


def test_a_pinned_baseline_is_shown_kept_and_compared_with(
    qtbot: QtBot, pane: LibraryPane, folder: Path, settings: Settings, tmp_path: Path
) -> None:
    select(pane, "a")
    qtbot.mouseClick(pane.pin_button, Qt.MouseButton.LeftButton)
    settings.save()
    assert Settings(tmp_path / "window.ini").baseline == folder / "a.inferometer"
    assert pane._card._subtitle.text() == "3 sessions · baseline: a"
    assert pane.view.entries.text(2, 0) == "◆ a"
    select(pane, "c")
    with qtbot.waitSignal(pane.compare_wanted) as wanted:
        qtbot.mouseClick(pane.compare_button, Qt.MouseButton.LeftButton)
    assert wanted.args == [[folder / "a.inferometer", folder / "c.inferometer"]]
    select(pane, "a")
    assert pane.pin_button.text() == "Unpin baseline"
    qtbot.mouseClick(pane.pin_button, Qt.MouseButton.LeftButton)
    assert settings.baseline is None


def test_more_folders_are_watched_and_a_missing_one_is_told(
    qtbot: QtBot, pane: LibraryPane, settings: Settings, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    more.mkdir()
    write_repeated(more / "d.inferometer", users=(1,))
    settings.run_folders = (more, tmp_path / "gone")
    pane.refresh()
    settled(qtbot, pane)
    assert names(pane) == ["d", "c", "b", "a"]
    assert f"Not found: {tmp_path / 'gone'}" in pane.message


def test_an_empty_library_says_what_to_do(qtbot: QtBot, settings: Settings, tmp_path: Path) -> None:
    settings.sessions_folder = tmp_path / "none"
    pane = LibraryPane(settings)
    qtbot.addWidget(pane)
    pane.show()
    pane.refresh()
    settled(qtbot, pane)
    assert pane.empty.isVisible()
    assert pane.message == ""


def test_the_page_begins_with_the_library_and_with_the_baseline(
    qtbot: QtBot, settings: Settings, folder: Path, qapp: object
) -> None:
    settings.baseline = folder / "a.inferometer"
    page = ComparePage(settings, Actions(qapp))  # type: ignore[arg-type]
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: not page.is_busy, timeout=10_000)
    assert page.library.isVisible()
    with qtbot.waitSignal(page.results_wanted):
        page.library.open_wanted.emit(folder / "c.inferometer")
    page.open_sessions([folder / "b.inferometer"])
    qtbot.waitUntil(lambda: not page.is_busy, timeout=10_000)
    assert page.outcome is not None
    assert page.outcome.names == ("a", "b")
    assert not page.library.isVisible()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the trash of freedesktop.org's specification")
def test_the_real_trash_gives_back_what_it_took(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    session = folder / "a.inferometer"
    before = session.read_bytes()
    trashed = move_to_trash([session])
    ((_, in_trash),) = trashed.places
    assert in_trash.read_bytes() == before
    assert not session.exists()
    restore(trashed)
    assert session.read_bytes() == before
    assert not in_trash.exists()
    assert list((in_trash.parent.parent / "info").iterdir()) == []
