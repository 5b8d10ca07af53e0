"""The Plan page's quantizations, quality and search, by clicks and keys; the engine is not asked."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.bridge.job import JobLine
from app.pages.models.offer_inquiry import OfferInquiry
from app.pages.models.quantization_offers import Offer, Offers, SourceOffers
from app.pages.plan_page import PlanPage
from app.settings import Settings
from profiler.errors import Interrupted
from profiler.plan.plan import Load, Models, Need, Plan, Search, Trust
from tests.helpers.offers import prediction, quality
from tests.helpers.small_models import write_small_model

TYPES = {
    "Q8_0": Offer(prediction("Q8_0", 145_000_000, bits=8.5), True, quality()),
    "Q4_K_M": Offer(prediction("Q4_K_M", 105_000_000), False),
    "IQ1_S": Offer(prediction("IQ1_S", 80_000_000, needs_imatrix=True), False),
}


class Library:
    """Answers at once, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], str | None]] = []

    def read(self, line: JobLine, files: Mapping[str, Path], imatrix: str | None) -> Offers:
        self.asked.append((tuple(files), imatrix))
        line.progress("asking llama.cpp")
        return Offers(tuple(TYPES), {name: SourceOffers(TYPES) for name in files})


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setattr(OfferInquiry, "reader", staticmethod(made.read))
    return made


@pytest.fixture
def page(qtbot: QtBot, settings: Settings, library: Library) -> PlanPage:
    made = PlanPage(settings)
    qtbot.addWidget(made, before_close_func=lambda closing: settled(qtbot, closing))
    made.resize(1200, 900)
    made.show()
    settled(qtbot, made)
    return made


def settled(qtbot: QtBot, page: PlanPage) -> None:
    def is_there() -> bool:
        is_known = page.plan is None or (page.outlook is not None and page.outlook.plan == page.plan)
        return page._job is None and is_known and not page._asking.is_asking

    qtbot.waitUntil(is_there, timeout=5000)


def unfold(qtbot: QtBot, page: PlanPage) -> None:
    page.models.quantizations.button.setFocus()
    qtbot.keyClick(page.models.quantizations.button, Qt.Key.Key_Space)
    settled(qtbot, page)


def test_nothing_is_asked_before_somebody_looks(qtbot: QtBot, page: PlanPage, library: Library) -> None:
    part = page.models.quantizations
    assert library.asked == []
    assert part.summary.text() == "as is, Q8_0"
    assert not part.picker.isVisible()
    unfold(qtbot, page)
    assert library.asked == [(("sample",), None)]
    assert part.picker.isVisible()
    assert part.rows["Q8_0"].in_words == "size 145 MB, bits per weight 8.50, memory ✓ fits, KL divergence 0.0123, made"
    assert part.button.text() == "Done"


def test_types_are_chosen_by_keys_and_the_disk_follows(qtbot: QtBot, page: PlanPage, library: Library) -> None:
    unfold(qtbot, page)
    part = page.models.quantizations
    assert [fact.value for fact in page.sweep._rows.facts if fact.label == "disk"] == ["none"]  # Q8_0 is made already
    first = part.picker.box("as-is")
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Space)
    box = part.picker.box("Q4_K_M")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    settled(qtbot, page)
    assert page.plan is not None
    assert page.plan.models.quant == ("Q8_0", "Q4_K_M")
    assert part.summary.text() == "Q8_0, Q4_K_M · 105 MB to be made"
    assert [fact.value for fact in page.sweep._rows.facts if fact.label == "disk"] == ["105 MB"]
    assert part.caution.startswith("SmolLM2-135M-Instruct.Q4_1.gguf is Q4_1 already: Q8_0, Q4_K_M made from it lose precision")
    for name in ("Q8_0", "Q4_K_M"):
        part.picker.box(name).click()
    assert part.row.problem.startswith("Needs at least one value")
    part.picker.box("as-is").click()
    assert part.caution == ""
    assert len(library.asked) == 1  # the same models are asked about once


def test_a_type_without_its_matrix_cannot_be_chosen(
    qtbot: QtBot, page: PlanPage, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfold(qtbot, page)
    part = page.models.quantizations
    assert part.all_button.text() == "All 3 types…"
    qtbot.mouseClick(part.all_button, Qt.MouseButton.LeftButton)
    assert not part.picker.box("IQ1_S").isEnabled()
    assert part.picker.box("IQ1_S").toolTip() == "Needs an importance matrix"
    matrix = tmp_path / "values.gguf"
    matrix.write_bytes(b"no matrix")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(matrix), ""))
    choose = next(
        button for button in page.models.findChildren(QPushButton) if button.accessibleName() == "Choose an importance matrix"
    )
    qtbot.mouseClick(choose, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert library.asked[-1] == (("sample",), str(matrix))
    assert part.picker.box("IQ1_S").isEnabled()
    assert page.plan is not None
    assert page.plan.models.imatrix == str(matrix)
    assert not page.start_button.isEnabled()
    assert "values.gguf" in page.start_button.toolTip()


def test_a_plan_that_has_such_a_type_says_so_and_lets_it_go(qtbot: QtBot, page: PlanPage) -> None:
    page.set_plan(Plan(models=Models(quant=("IQ1_S",))))
    unfold(qtbot, page)
    part = page.models.quantizations
    assert part.caution.startswith("IQ1_S: needs an importance matrix.")
    part.picker.box("IQ1_S").click()
    assert not part.caution


def test_while_a_sweep_runs_llama_cpp_is_not_asked(qtbot: QtBot, page: PlanPage, library: Library) -> None:
    page.set_measuring(True)
    unfold(qtbot, page)
    assert library.asked == []
    assert page.models.quantizations._state.accessibleName() == "Sizes are asked for when the sweep has ended."
    page.set_measuring(False)
    settled(qtbot, page)
    assert len(library.asked) == 1


def test_a_sweep_that_begins_stops_the_question(qtbot: QtBot, page: PlanPage, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def slow(line: JobLine, files: Mapping[str, Path], imatrix: str | None) -> Offers:
        begun.set()
        assert line.cancel.wait(5)
        raise Interrupted("stopped")

    monkeypatch.setattr(OfferInquiry, "reader", staticmethod(slow))
    page.models.quantizations.set_open(True)
    assert begun.wait(5)
    page.set_measuring(True)
    settled(qtbot, page)
    assert page.models.quantizations.rows["Q8_0"].size == "–"


def test_quality_is_switched_on_with_a_budget_and_its_time(qtbot: QtBot, page: PlanPage) -> None:
    before = page.outlook.estimate if page.outlook else None
    rows = page.models.quality
    rows.switch.setFocus()
    qtbot.keyClick(rows.switch, Qt.Key.Key_Space)
    settled(qtbot, page)
    assert page.plan is not None
    assert page.plan.models.quality_tokens == 5100
    assert rows.told.startswith("adds about ")
    after = page.outlook.estimate if page.outlook else None
    assert before is not None
    assert after is not None
    assert before.seconds is not None
    assert after.seconds is not None
    assert page.outlook is not None
    assert after.seconds - before.seconds == pytest.approx(page.outlook.quality_s)
    rows.switch.click()
    assert page.plan.models.quality_tokens is None
    settled(qtbot, page)
    assert page.outlook.quality_s == 0


def test_a_text_that_cannot_be_read_stops_start(
    qtbot: QtBot, page: PlanPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = page.models.quality
    rows.switch.click()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(tmp_path / "gone.txt"), ""))
    qtbot.mouseClick(rows.choose, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert not page.start_button.isEnabled()
    assert "gone.txt" in page.start_button.toolTip()
    qtbot.mouseClick(rows.choose, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert page.plan is not None
    assert page.plan.models.quality_text is None
    assert page.start_button.isEnabled()


def test_search_shows_its_ends_and_what_it_will_do(qtbot: QtBot, page: PlanPage) -> None:
    page.set_plan(
        Plan(models=Models(quant=("as-is", "Q8_0")), load=Load(concurrency=(1, 3, 16)), need=Need(slo="ttft_ms.p95<=1000"))
    )
    settled(qtbot, page)
    assert page.sweep.accessibleName() == "Sweep: 6 cells × 6 runs"
    switch = page.need.search.switch
    switch.setFocus()
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    settled(qtbot, page)
    assert page.plan is not None
    assert page.plan.search.enabled
    assert page.sweep.accessibleName() == "Search: 2 candidates"
    assert [page.sweep.matrix.cell(0, column) is not None for column in range(3)] == [True, True, False]
    assert page.sweep.matrix.told(1, 1) == "Q8_0, Users 16: to come. an end of the search"
    assert page.sweep._rows.facts[0].value == "about 22"  # 2 × (1 + 4) looks and 2 × 6 fresh runs
    assert page.need.search.words == (
        "2 candidates, 1 to 16 users: the most that keeps to the limits, found by halving in about 22 runs; "
        "candidates that can no longer win are left out. The ends are never exceeded."
    )
    assert not page.trust._repetitions_row.isVisible()
    page.need.search.confirm.setValue(3)
    settled(qtbot, page)
    assert page.plan.search == Search(enabled=True, confirm_repetitions=3)
    assert page.sweep._rows.facts[0].value == "about 16"
    switch.click()
    settled(qtbot, page)
    assert page.trust._repetitions_row.isVisible()
    assert page.sweep.accessibleName() == "Sweep: 6 cells × 6 runs"


def test_what_cannot_be_searched_says_why_beside_the_switch(qtbot: QtBot, page: PlanPage) -> None:
    page.set_plan(Plan(load=Load(arrival=("offline",)), search=Search(enabled=True)))
    settled(qtbot, page)
    told = "A search looks along the users of a closed loop or along the rate of an open one; give one kind of “Arrivals”."
    assert page.need.search.words == told
    assert page.start_button.toolTip() == told
    assert not page.start_button.isEnabled()


def test_more_repeats_are_offered_with_a_time_budget(qtbot: QtBot, page: PlanPage) -> None:
    trust = page.trust
    assert trust._target_row.isVisible()
    assert not trust._most_row.isVisible()
    trust._budget.setFocus()
    qtbot.keyClicks(trust._budget, "600")
    assert trust._most_row.isVisible()
    qtbot.keyClicks(trust._most, "12")
    trust._target.setValue(1.5)
    settled(qtbot, page)
    assert page.plan is not None
    assert page.plan.trust == Trust(repetitions=3, budget=600, most_repetitions=12, target_percent=1.5)


def test_a_quantization_from_elsewhere_is_measured(qtbot: QtBot, page: PlanPage, tmp_path: Path) -> None:
    file = write_small_model(tmp_path / "small.gguf")
    page.set_model(file, ("Q8_0", "Q4_0"))
    assert page.plan is not None
    assert (page.plan.models.paths, page.plan.models.quant) == ((str(file),), ("Q8_0", "Q4_0"))
    settled(qtbot, page)


def test_files_that_are_one_model_are_one_row_of_cells(qtbot: QtBot, page: PlanPage, tmp_path: Path) -> None:
    one = write_small_model(tmp_path / "small-F16.gguf")
    other = tmp_path / "small-Q8_0.gguf"
    other.write_bytes(one.read_bytes())
    page.set_plan(Plan(models=Models(paths=(str(one), str(other))), load=Load(concurrency=(1, 2))))
    settled(qtbot, page)
    assert page.outlook is not None
    (model,) = page.outlook.models
    assert len(model.files) == 2
    assert {cell["model"] for cell in page.outlook.cells} == {"small"}
    assert len(page.outlook.cells) == 4
    unfold(qtbot, page)
    assert page.models.quantizations.rows["as-is"].state == "2 files"
