import dataclasses
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.pages.models.fit import Service, judged
from app.pages.models.library_search import read
from app.pages.models.model_columns import MODEL_COLUMNS, ModelRow
from app.pages.models_page import ModelsPage
from app.settings import Settings
from profiler.errors import EnvironmentFault, Interrupted
from profiler.models.fit import FreeMemory, Processor
from profiler.models.library import FoundModel, ScanResult
from profiler.models.sample import sample_model_path
from profiler.records.fingerprint import Device, EngineIdentity
from tests.helpers.scripted_sweep import MACHINE
from tests.helpers.small_models import write_small_model


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Path:
    """A folder of the user's with two models and a damaged file; no other program keeps any."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "OLLAMA_MODELS", "LLAMA_CACHE", "JAN_DATA_FOLDER"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "nobody"))
    folder = tmp_path / "models"
    folder.mkdir()
    write_small_model(folder / "tiny.gguf")
    write_small_model(folder / "longer.gguf", name="Long", context=8192)
    (folder / "broken.gguf").write_bytes(b"GGUF" + b"\xff" * 100)
    settings.library_folders = (folder,)
    return folder


def shown(qtbot: QtBot, settings: Settings) -> ModelsPage:
    page = ModelsPage(settings)
    # Holding the page: gone with the test's last name for it, it would take jobs with it whose threads still run.
    qtbot.addWidget(page, before_close_func=lambda closing: searched(qtbot, page))
    page.resize(1200, 700)
    page.show()
    searched(qtbot, page)
    return page


def searched(qtbot: QtBot, page: ModelsPage) -> None:
    qtbot.waitUntil(lambda: not page.is_searching and not page.desk.is_busy and not page.speed.is_busy, timeout=10_000)


HERE = [column.title for column in MODEL_COLUMNS].index("Here")


def names(page: ModelsPage) -> list[str]:
    return [row.name for row in page.table.records]


def test_the_sample_comes_first_and_what_cannot_be_read_is_told(qtbot: QtBot, settings: Settings, library: Path) -> None:
    page = shown(qtbot, settings)
    assert names(page) == ["SmolLM2-135M-Instruct.Q4_1", "longer", "tiny"]
    assert page._header.subtitle == "3 on this computer"
    assert "broken.gguf" in page._unreadable.accessibleName()
    assert page.view.selected_rows() == [0]
    assert page.details.facts[1].value == "llama"
    facts = {fact.label: fact.value for fact in page.prediction.facts}
    assert (facts["Weights"], facts["KV cache"], facts["Largest context, 4 users"]) == ("96.6 MB", "94.4 MB", "8192 tokens")
    assert next(bar.label for bar in page.prediction.bars.bars) == "Needed"
    assert [fact.value for fact in page.speed.facts] == ["not available", "not available"]
    assert "Calibrate" in page.speed.basis.accessibleName()


def test_rows_are_chosen_by_key_and_measured(qtbot: QtBot, settings: Settings, library: Path) -> None:
    page = shown(qtbot, settings)
    page.view.setFocus()
    qtbot.keyClick(page.view, Qt.Key.Key_Down)
    assert page.details.accessibleName() == "longer"
    assert {fact.label: fact.value for fact in page.details.facts}["Trained context"] == "8192 tokens"
    with qtbot.waitSignal(page.model_chosen) as chosen:
        qtbot.mouseClick(page.prediction.measure_button, Qt.MouseButton.LeftButton)
    assert chosen.args == [library / "longer.gguf"]
    with qtbot.waitSignal(page.model_chosen):
        qtbot.keyClick(page.view, Qt.Key.Key_Return)


def test_the_search_field_filters(qtbot: QtBot, settings: Settings, library: Path) -> None:
    page = shown(qtbot, settings)
    qtbot.keyClicks(page.search_field, "f16 tiny")
    assert page.view.shown_count == 1
    assert page.view.model().index(0, 0).data() == "tiny"


def test_more_context_for_more_users_fits_no_longer(
    qtbot: QtBot, settings: Settings, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("profiler.hardware.main_memory.available_bytes", lambda: 300_000_000)
    monkeypatch.setattr("app.pages.models.fit.processor", Processor)
    page = shown(qtbot, settings)
    assert page.prediction.verdict == "Fits: 300 MB are free."
    assert page.table.text(0, HERE) == "✓ fits"
    page.prediction._users.setFocus()
    qtbot.keyClick(page.prediction._users, Qt.Key.Key_Up)
    assert page.prediction.service == Service(4096, 2)
    assert page.prediction.verdict == "Does not fit: 300 MB are free."
    assert page.table.text(0, HERE) == "✕ too large"
    assert page.table.records[0].fit_reason == "needs 389 MB, 300 MB are free"
    assert page.table.text(1, HERE) == "✓ fits"


def test_an_opened_file_is_listed_selected_and_described(qtbot: QtBot, settings: Settings, library: Path, tmp_path: Path) -> None:
    page = shown(qtbot, settings)
    elsewhere = write_small_model(tmp_path / "dropped.gguf")
    page.open_model(elsewhere)
    qtbot.waitUntil(lambda: page.view.selected_rows() == [3])
    assert page.table.records[3].source == "opened"
    assert page.details.accessibleName() == "dropped"
    page.open_model(library / "tiny.gguf")
    assert page.view.selected_rows() == [2]
    page.open_model(tmp_path / "missing.gguf")
    qtbot.waitUntil(lambda: page.view.selected_rows() == [4])
    assert "cannot be read" in page.details._problem.accessibleName()
    assert not page.prediction.measure_button.isEnabled()
    assert page.table.text(4, HERE) == "✕ cannot be read"


def test_a_folder_is_added_and_remembered(
    qtbot: QtBot, settings: Settings, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = shown(qtbot, settings)
    more = tmp_path / "more"
    more.mkdir()
    write_small_model(more / "another.gguf")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: str(more))
    qtbot.mouseClick(page.folder_button, Qt.MouseButton.LeftButton)
    assert page.is_searching
    searched(qtbot, page)
    assert "another" in names(page)
    assert settings.library_folders == (library, more)


def test_a_long_search_can_be_stopped(qtbot: QtBot, settings: Settings, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(folders: object, on_found: object, cancel: threading.Event) -> ScanResult:
        assert callable(on_found)
        on_found(FoundModel(library / "tiny.gguf", "tiny", "here"))
        assert cancel.wait(5)
        raise Interrupted("stopped")

    monkeypatch.setattr("app.pages.models.library_search.scan", endless)
    page = ModelsPage(settings)
    qtbot.addWidget(page, before_close_func=lambda closing: searched(qtbot, page))
    page.show()
    qtbot.waitUntil(lambda: len(page.table.records) == 2)
    assert page.scan_button.text() == "Stop the search"
    assert page._header.subtitle == "looking… 2 found so far"
    qtbot.mouseClick(page.scan_button, Qt.MouseButton.LeftButton)
    searched(qtbot, page)
    assert page.scan_button.text() == "Search again"
    assert names(page) == ["SmolLM2-135M-Instruct.Q4_1", "tiny"]


def test_without_any_model_the_page_says_what_to_do(
    qtbot: QtBot, settings: Settings, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_sample() -> Path:
        raise EnvironmentFault("the sample model is not installed; get it so and so")

    monkeypatch.setattr("app.pages.models.library_search.sample_model_path", no_sample)
    monkeypatch.setattr("profiler.models.library.sample_model_path", no_sample)
    settings.library_folders = ()
    page = shown(qtbot, settings)
    assert page._nothing.isVisible()
    assert page._unreadable.accessibleName() == "The sample model is not installed; get it so and so."
    assert not page.details.isVisible()


def test_what_is_not_understood_is_not_judged() -> None:
    unread = ModelRow(Path("/there/x.gguf"), "x", "here")
    assert judged(unread, Service(), FreeMemory(10)).fits is None
    sample = read(sample_model_path())
    assert judged(sample, Service(), FreeMemory(10)).fits is False
    assert judged(sample, Service(), FreeMemory(10**12)).fits is True


def test_files_that_are_one_model_are_marked(qtbot: QtBot, settings: Settings, library: Path) -> None:
    write_small_model(library / "tiny-again-Q8_0.gguf")
    page = shown(qtbot, settings)
    also = {row.name: row.same_types for row in page.table.records}
    assert also["tiny"] == ("F16",)
    assert also["tiny-again-Q8_0"] == ("F16",)
    assert also["longer"] == ()
    page.view.select_rows([names(page).index("tiny")])
    assert {fact.label: fact.value for fact in page.details.facts}["Also here as"] == "F16"


def test_gpus_count_once_the_engine_told_of_them(qtbot: QtBot, settings: Settings, library: Path) -> None:
    page = shown(qtbot, settings)
    gpu = Device("Card", "gpu", "CUDA", 10**9, 160_000_000, None)
    without = dataclasses.replace(gpu, backend="nvml")  # llama.cpp was not built for it
    engine = EngineIdentity("0", ("CPU", "CUDA"))
    page.set_machine(dataclasses.replace(MACHINE, devices=(gpu, without), engine=engine))
    labels = [bar.label for bar in page.prediction.bars.bars]
    assert labels == ["RAM needed", "GPU needed", "GPU free"]
    facts = {fact.label: fact.value for fact in page.prediction.facts}
    assert facts["GPU layers that fit"] == "6 of 31"
    assert "160 MB of GPU memory are free" in page.prediction.verdict
    searched(qtbot, page)
