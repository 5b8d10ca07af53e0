"""The Models page's quantizations and quality, by clicks; the work itself once on the real engine, else by stand-ins."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.bridge.job import Job, JobLine
from app.pages.models import model_desk
from app.pages.models.delete_question import DeleteQuestion
from app.pages.models.fit import Service
from app.pages.models.library_search import read
from app.pages.models.made_columns import QUALITY_COLUMNS, mix_text, share_text
from app.pages.models.made_models import MadeModel
from app.pages.models.model_desk import ModelDesk
from app.pages.models.model_work import WorkEnd
from app.pages.models.offer_inquiry import OfferInquiry
from app.pages.models.quantization_offers import Offer, Offers, SourceOffers
from profiler.errors import EnvironmentFault, Interrupted
from profiler.modelfile.content_hash import sha256
from profiler.models import quality_cache, quantization_cache
from profiler.models.quality_cache import QualityKey
from profiler.models.quality_text import read_text
from tests.app.pages.test_quantization_offers import cached
from tests.helpers.offers import prediction, quality
from tests.helpers.random_model import write_random_model
from tests.helpers.small_models import write_small_model

TITLES = [column.title for column in QUALITY_COLUMNS]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_small_model(tmp_path / "tiny.gguf")


@pytest.fixture
def desk(qtbot: QtBot) -> ModelDesk:
    made = ModelDesk()
    qtbot.addWidget(made, before_close_func=lambda closing: settled(qtbot, closing))
    made.resize(800, 700)
    made.show()
    return made


def settled(qtbot: QtBot, desk: ModelDesk) -> None:
    qtbot.waitUntil(lambda: not desk.is_busy, timeout=20_000)


def show(qtbot: QtBot, desk: ModelDesk, path: Path, *siblings: Path) -> None:
    desk.show_model(read(path), [read(each) for each in siblings], Service())
    settled(qtbot, desk)


def click(qtbot: QtBot, button: Any) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_nothing_made_says_what_to_do(qtbot: QtBot, desk: ModelDesk, model: Path) -> None:
    show(qtbot, desk, model)
    card = desk.quantizations
    assert card.nothing == "Nothing was made from this model yet. “Make…” tells what each type would take."
    assert not card.delete_button.isVisible()
    assert not card.delete_all_button.isVisible()
    assert desk.quality.about == (
        "Nothing was measured yet on calibration.txt; the others would be compared with tiny.gguf (F16), the best file here."
    )
    assert desk.quality.table.text(0, 0) == "F16 (base)"
    assert desk.quality.table.text(0, 1) == "–"


def test_made_and_measured_on_the_real_engine(qtbot: QtBot, desk: ModelDesk, tmp_path: Path) -> None:
    file = write_random_model(tmp_path / "random-F16.gguf")
    show(qtbot, desk, file)
    card = desk.quantizations
    click(qtbot, card.make_button)
    settled(qtbot, desk)
    row = next(row for row in card.pane.picker.rows if row.type == "Q8_0")
    assert row.state == "to be made"
    card.pane.picker.box("Q8_0").click()
    assert card.pane.make_button.text() == f"Make Q8_0 · {row.size}"
    click(qtbot, card.pane.make_button)
    assert desk.strip.isVisible()
    assert not desk.quality.measure_button.isEnabled()  # one thing at a time
    settled(qtbot, desk)
    assert desk.strip.words == f"Made: Q8_0, {row.size}."
    (made,) = card.table.records
    assert made.cached.file_bytes == row.make_bytes  # the dry run is exact
    assert card.mix.accessibleName().startswith("Q8_0 holds token embedding Q8_0; ")
    assert next(row for row in card.pane.picker.rows if row.type == "Q8_0").state == "made"
    desk.quality.tokens.setValue(255)
    click(qtbot, desk.quality.measure_button)
    settled(qtbot, desk)
    assert desk.strip.words == "The quality of 2 models is known."
    table = desk.quality.table
    assert [table.text(row, 0) for row in range(2)] == ["F16 (base)", "Q8_0"]
    assert [table.text(row, TITLES.index("Tokens")) for row in range(2)] == ["255", "255"]
    assert table.text(0, TITLES.index("KL divergence")) == "–"
    assert 0 < float(table.text(1, TITLES.index("KL divergence"))) < 0.01
    assert float(table.text(1, TITLES.index("Same first choice, %"))) > 90
    click(qtbot, card.delete_button)
    settled(qtbot, desk)
    assert card.table.records == ()
    assert not made.cached.path.exists()


def test_figures_of_another_base_are_not_told(qtbot: QtBot, desk: ModelDesk, model: Path) -> None:
    path = cached(model, "Q8_0")
    text = read_text(None).sha256
    own = sha256(model)
    quality_cache.keep(QualityKey("cd" * 32, "99" * 32, text, 512, 1020, "1"), quality(kld=0.9))
    show(qtbot, desk, model)
    kld = TITLES.index("KL divergence")
    assert desk.quality.table.text(1, kld) == "–"
    quality_cache.keep(QualityKey("cd" * 32, own, text, 512, 1020, "1"), quality(kld=0.02))
    quality_cache.keep(QualityKey(own, None, text, 512, 1020, "1"), quality(base=None, kld=None))
    desk._look()
    settled(qtbot, desk)
    table = desk.quality.table
    assert (table.text(0, kld), table.text(1, kld)) == ("–", "0.0200")
    low, high = QUALITY_COLUMNS[kld].interval(table.record(1)) or (0.0, 0.0)
    assert (low, high) == (pytest.approx(0.02 - 1.96 * 0.002), pytest.approx(0.02 + 1.96 * 0.002))
    assert desk.quality.about == "On calibration.txt, compared with tiny.gguf (F16), the best file here."
    assert path.exists()


def test_another_file_of_the_model_is_the_base_when_it_is_better(
    qtbot: QtBot, desk: ModelDesk, tmp_path: Path, model: Path
) -> None:
    better = write_random_model(tmp_path / "better.gguf")  # fewer small tensors: more bits a weight
    bits = {path: read(path).description for path in (model, better)}
    assert bits[model] is not None
    assert bits[better] is not None
    show(qtbot, desk, model, better)
    assert desk.state is not None
    assert desk.state.base is not None
    best = max((model, better), key=lambda path: bits[path].bits_per_weight)  # type: ignore[union-attr]
    assert desk.state.base.path == best
    assert len(desk.quality.table.records) == 2


def test_what_a_sweep_holds_is_not_deleted(qtbot: QtBot, desk: ModelDesk, model: Path) -> None:
    path = cached(model, "Q8_0")
    quantization_cache.hold(path)
    try:
        show(qtbot, desk, model)
        assert not desk.quantizations.delete_button.isEnabled()
        assert "being measured" in desk.quantizations.delete_button.toolTip()
        desk._on_delete_wanted()  # it was free when the row was read
        settled(qtbot, desk)
        assert desk.strip.words.startswith("Nothing was deleted. tiny.Q8_0.gguf is being measured;")
        assert path.exists()
    finally:
        quantization_cache.release(path)


def test_all_are_deleted_only_when_that_was_asked(
    qtbot: QtBot, desk: ModelDesk, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cached(model, "Q8_0")
    show(qtbot, desk, model)
    asked: list[int] = []
    monkeypatch.setattr(DeleteQuestion, "ask", lambda parent, cache_bytes: bool(asked.append(cache_bytes)))
    click(qtbot, desk.quantizations.delete_all_button)
    assert asked == [quantization_cache.total_bytes()]
    assert path.exists()
    monkeypatch.setattr(DeleteQuestion, "ask", lambda parent, cache_bytes: True)
    click(qtbot, desk.quantizations.delete_all_button)
    settled(qtbot, desk)
    assert not path.exists()
    assert desk.quantizations.nothing


def test_the_question_keeps_by_default(qtbot: QtBot) -> None:
    question = DeleteQuestion(145_000_000)
    qtbot.addWidget(question)
    assert "145 MB" in question.text()
    assert question.defaultButton() is question.keep_button


def test_chosen_types_go_to_the_plan(qtbot: QtBot, desk: ModelDesk, model: Path) -> None:
    cached(model, "Q8_0")
    show(qtbot, desk, model)
    with qtbot.waitSignal(desk.types_chosen) as wanted:
        click(qtbot, desk.quantizations.plan_button)
    assert wanted.args == [model, ("Q8_0",)]
    path = cached(model, "Q2_K", imatrix_name="values.gguf")
    desk._look()
    settled(qtbot, desk)
    types = [each.cached.type for each in desk.quantizations.table.records]
    desk.quantizations.view.select_rows([types.index("Q2_K")])
    with qtbot.waitSignal(desk.types_chosen) as wanted:
        click(qtbot, desk.quantizations.plan_button)
    assert wanted.args == [path, ("as-is",)]


def test_work_is_cancelled_by_its_button_and_by_a_sweep(
    qtbot: QtBot, desk: ModelDesk, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def endless(line: JobLine, *_: object) -> WorkEnd:
        line.progress("measuring", 0.5)
        begun.set()
        assert line.cancel.wait(5)
        raise Interrupted("stopped")

    monkeypatch.setattr(model_desk, "measure_quality", endless)
    show(qtbot, desk, model)
    click(qtbot, desk.quality.measure_button)
    qtbot.waitUntil(desk.strip.bar.isVisible)
    assert desk.strip.bar.value() == 500
    click(qtbot, desk.strip.cancel_button)
    settled(qtbot, desk)
    assert desk.strip.words == "Stopped, as you wished; what was complete is kept."
    begun.clear()
    click(qtbot, desk.quality.measure_button)
    assert begun.wait(5)
    desk.set_measuring(True)
    settled(qtbot, desk)
    assert desk.strip.words == "Stopped, a sweep has begun; what was complete is kept."
    assert not desk.quality.measure_button.isEnabled()
    assert desk.quality.measure_button.toolTip().startswith("A sweep is running")
    desk.set_measuring(False)
    settled(qtbot, desk)
    assert desk.quality.measure_button.isEnabled()


def failing(sentence: str) -> Callable[..., WorkEnd]:
    def work(*_: object) -> WorkEnd:
        raise EnvironmentFault(sentence)

    return work


def test_a_failure_is_told_in_its_sentence(qtbot: QtBot, desk: ModelDesk, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_desk, "measure_quality", failing("The disk is full."))
    show(qtbot, desk, model)
    click(qtbot, desk.quality.measure_button)
    settled(qtbot, desk)
    assert desk.strip.words == "The disk is full."


def test_making_takes_the_matrix_along(qtbot: QtBot, desk: ModelDesk, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    types = {"IQ1_S": Offer(prediction("IQ1_S", needs_imatrix=True), False), "Q8_0": Offer(prediction("Q8_0"), False)}

    def answer(line: JobLine, files: Mapping[str, Path], imatrix: str | None) -> Offers:
        return Offers(tuple(types), {name: SourceOffers(types) for name in files})

    made: list[tuple[Path, Sequence[str], str | None]] = []

    def make(line: JobLine, source: Path, names: Sequence[str], imatrix: str | None) -> WorkEnd:
        made.append((source, names, imatrix))
        return WorkEnd("Made: IQ1_S.", ("Q8_0 could not be made.",))

    monkeypatch.setattr(OfferInquiry, "reader", staticmethod(answer))
    monkeypatch.setattr(model_desk, "make_types", make)
    show(qtbot, desk, model)
    pane = desk.quantizations.pane
    click(qtbot, desk.quantizations.make_button)
    settled(qtbot, desk)
    click(qtbot, pane.all_button)
    assert not pane.picker.box("IQ1_S").isEnabled()
    assert not pane.make_button.isEnabled()
    pane.imatrix.setFocus()
    qtbot.keyClicks(pane.imatrix, "values.gguf")
    qtbot.keyClick(pane.imatrix, Qt.Key.Key_Return)
    settled(qtbot, desk)
    pane.picker.box("IQ1_S").click()
    pane.picker.box("Q8_0").click()
    assert pane.make_button.text() == "Make 2 types · 2.00 kB"
    click(qtbot, pane.make_button)
    settled(qtbot, desk)
    assert made == [(model, ("IQ1_S", "Q8_0"), "values.gguf")]
    assert desk.strip.words == "Made: IQ1_S. Q8_0 could not be made."


def test_a_large_file_is_read_when_that_is_asked(
    qtbot: QtBot, desk: ModelDesk, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pages.models.quantization_offers.MOST_READ_UNASKED_BYTES", 10)
    show(qtbot, desk, model)
    card = desk.quantizations
    assert "too large to be read without being asked" in card.nothing
    assert not desk.quality.measure_button.isEnabled()
    click(qtbot, card.read_button)
    settled(qtbot, desk)
    assert card.nothing.startswith("Nothing was made")
    assert not card.read_button.isVisible()


def test_the_mix_of_types_by_class() -> None:
    entry = quantization_cache.CachedModel(Path("/x"), "Q4_K_M", 1, "", 0, None, None, None, "", False)
    made = MadeModel(entry, None, {"attention": {"Q5_0": 995, "Q8_0": 5}, "norm": {"F32": 10}})
    assert mix_text(made) == "**Q4_K_M** holds attention Q5_0 over 99 %, Q8_0 under 1 %; norm F32 (shares of the weights)."
    assert [share_text(share) for share in (0.004, 0.88, 0.996, 1.0)] == ["under 1 %", "88 %", "over 99 %", "100 %"]


def test_the_closing_window_begins_nothing_new(
    qtbot: QtBot, desk: ModelDesk, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def endless(line: JobLine, *_: object) -> WorkEnd:
        begun.set()
        assert line.cancel.wait(5)
        raise Interrupted("stopped")

    monkeypatch.setattr(model_desk, "measure_quality", endless)
    show(qtbot, desk, model)
    click(qtbot, desk.quality.measure_button)
    assert begun.wait(5)
    desk.setEnabled(False)  # as the window does before it cancels all jobs
    looks: list[int] = []
    monkeypatch.setattr(desk, "_look", lambda: looks.append(1))
    for job in desk.findChildren(Job):
        job.cancel()
    settled(qtbot, desk)
    assert looks == []
