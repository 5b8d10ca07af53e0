from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.pages.plan.first_plan import FIRST_PLAN
from app.pages.plan.sweep_card import rough_duration
from app.pages.plan_page import PlanPage
from app.settings import Settings
from app.widgets.matrix import MatrixState
from profiler.models.sample import sample_model_path
from profiler.plan.plan import Engine, Load, Models, Need, Plan, Trust
from profiler.plan.plan_file import load_plan, save_plan

SAMPLE = sample_model_path()


@pytest.fixture
def page(qtbot: QtBot, settings: Settings) -> PlanPage:
    return shown(qtbot, settings)


def shown(qtbot: QtBot, settings: Settings) -> PlanPage:
    page = PlanPage(settings)
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.show()
    settled(qtbot, page)
    return page


def settled(qtbot: QtBot, page: PlanPage) -> None:
    """Wait until what is shown is of the present plan."""

    def is_there() -> bool:
        return page._job is None and (page.plan is None or (page.outlook is not None and page.outlook.plan == page.plan))

    qtbot.waitUntil(is_there, timeout=5000)


def type_into(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.setFocus()
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    qtbot.keyClicks(field, text)


def test_the_first_plan_starts_with_one_click(qtbot: QtBot, page: PlanPage) -> None:
    assert page.plan == FIRST_PLAN
    assert page.start_button.text().startswith("▶ Start · about ")
    assert page.words.accessibleName().startswith("Measure SmolLM2-135M-Instruct")
    assert page.sweep.accessibleName() == "Sweep: 6 cells × 3 runs"
    assert page.sweep.matrix.told(1, 2) == "Q8_0, Users 4: to come"
    with qtbot.waitSignal(page.start_requested) as started:
        qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    (plan,) = started.args
    assert plan == FIRST_PLAN.model_copy(update={"title": "4 users chatting"})


def test_typing_makes_an_axis_and_the_sweep_follows(qtbot: QtBot, page: PlanPage) -> None:
    type_into(qtbot, page.load._concurrency, "1,2,4,8")
    assert page.plan is not None
    assert page.plan.load.concurrency == (1, 2, 4, 8)
    settled(qtbot, page)
    assert page.sweep.accessibleName() == "Sweep: 8 cells × 3 runs"


def test_what_is_wrong_stands_beside_the_field_and_start_says_why(qtbot: QtBot, page: PlanPage) -> None:
    type_into(qtbot, page.load._concurrency, "1, x")
    row = page.load._rows["load.concurrency"]
    assert row.problem == "Is not a whole number (given: x)."
    assert not page.start_button.isEnabled()
    assert page.start_button.toolTip() == "Concurrency: is not a whole number (given: x)."
    assert page.notes.words == ["Concurrency: is not a whole number (given: x)."]
    with qtbot.assertNotEmitted(page.start_requested):
        page.start()
    type_into(qtbot, page.load._concurrency, "1")
    assert row.problem == ""
    assert page.start_button.isEnabled()
    settled(qtbot, page)


def test_a_problem_in_a_folded_row_unfolds_it(qtbot: QtBot, page: PlanPage) -> None:
    assert not page.engine.fold.is_open
    page.engine._numbers["threads"].setText("0")
    page.engine._numbers["threads"].textEdited.emit("0")
    assert page.engine.fold.is_open
    assert page.engine._rows["engine.threads"].problem == "Must be 1 or more (given: 0)."


def test_unfolding_the_engine_by_key(qtbot: QtBot, page: PlanPage) -> None:
    assert page.engine.fold.summary.startswith("threads ")
    button = page.engine.fold.button
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert page.engine._numbers["ubatch_size"].isVisible()
    type_into(qtbot, page.engine._numbers["ubatch_size"], "128, 512")
    settled(qtbot, page)
    assert "micro-batch 128, 512" in page.engine.fold.summary
    assert page.sweep.accessibleName() == "Sweep: 12 cells × 3 runs"


def test_a_context_that_cannot_hold_a_request_is_told_and_stops_start(qtbot: QtBot, page: PlanPage) -> None:
    type_into(qtbot, page.engine._numbers["ctx_size"], "100")
    settled(qtbot, page)
    assert not page.start_button.isEnabled()
    assert "context of 100 tokens cannot hold" in page.start_button.toolTip()


def test_use_cases_set_their_fields(qtbot: QtBot, page: PlanPage) -> None:
    case = page.need._case
    qtbot.mouseClick(case.chip("Overnight batch"), Qt.MouseButton.LeftButton)
    assert page.plan is not None
    assert (page.plan.need.slo, page.plan.need.users, page.plan.load.arrival) == ("", None, "offline")
    assert not page.load._think_time_row.isVisible()
    qtbot.mouseClick(case.chip("Chat"), Qt.MouseButton.LeftButton)
    assert page.plan.need == FIRST_PLAN.need
    assert page.plan.load.arrival == "closed"
    page.need._first_token.setValue(800)
    assert case.value() == "My own"
    assert page.need._others_row.isVisible()
    qtbot.mouseClick(page.need._has_reading, Qt.MouseButton.LeftButton, pos=QPoint(6, 8))
    assert page.plan.need.slo == "ttft_ms.p95<=800"
    type_into(qtbot, page.need._others, "e2e<=5")
    assert page.need._others_row.problem.startswith("'e2e<=5' is not a limit")


PLANS = [
    Plan(),
    Plan(
        title="Night shift",
        need=Need(slo="ttft_ms.p99<=250,e2e_ms.p95<=9000", users=3),
        models=Models(paths=("sample", str(SAMPLE)), quant=("as-is", "Q2_K", "IQ4_XS")),
        load=Load(
            concurrency=(3,),
            slots=(3, 6),
            think_time=(0.25, 20.0),
            prompt_tokens=(16, 32),
            output_tokens=(8,),
            sampling=("greedy", "none"),
            prefill_chunk=(64,),
            requests=40,
            requests_per_user=9,
            duration=12.5,
        ),
        engine=Engine(
            threads=(1, 2),
            threads_batch=(2,),
            batch_size=(256,),
            ubatch_size=(128, 256),
            ctx_size=(512,),
            n_gpu_layers=(0, -1),
            flash_attn=("on", "off"),
            cache_type_k=("f16", "q8_0"),
            cache_type_v=("f32",),
            kv_unified=("off",),
            mmap="off",
        ),
        trust=Trust(repetitions=7, seed=2**63 - 1, budget=90.5),
    ),
    Plan(load=Load(arrival="offline", concurrency=(8,), requests=10), trust=Trust(repetitions=1)),
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_comes_out_of_the_form_as_it_went_in(qtbot: QtBot, page: PlanPage, plan: Plan) -> None:
    page.set_plan(plan)
    assert page.plan is not None
    assert page.plan == plan
    settled(qtbot, page)


def test_plans_are_opened_and_saved_as_files(
    qtbot: QtBot, page: PlanPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "night.toml"
    save_plan(PLANS[1], file)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(file), ""))
    qtbot.mouseClick(page.open_button, Qt.MouseButton.LeftButton)
    assert page.plan == PLANS[1]
    assert page._message.accessibleName() == "night.toml was opened."
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(tmp_path / "copy"), ""))
    qtbot.mouseClick(page.save_button, Qt.MouseButton.LeftButton)
    assert load_plan(tmp_path / "copy.toml") == PLANS[1]
    settled(qtbot, page)
    file.write_text("[load]\nconcurency = [1]\n")
    page.open_plan_file(file)
    assert page._message.accessibleName() == "night.toml was not opened. Load.concurency: is not a field of the plan."
    assert page.plan == PLANS[1]


def test_models_are_added_and_removed(qtbot: QtBot, page: PlanPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and no more")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *args: ([str(broken)], ""))
    qtbot.mouseClick(page.models._add_file, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert page.plan is not None
    assert page.plan.models.paths == ("sample", str(broken))
    assert "llama · 135 M · Q4_1 · 98.4 MB" in page.models._lines["sample"]._facts.text()
    assert page.models._lines[str(broken)]._problem.isVisible()
    assert not page.start_button.isEnabled()
    remove = next(
        button
        for button in page.models.findChildren(QPushButton)
        if button.accessibleName() == "Remove broken" and button.isVisible()
    )
    qtbot.mouseClick(remove, Qt.MouseButton.LeftButton)
    settled(qtbot, page)
    assert page.plan.models.paths == ("sample",)
    assert page.start_button.isEnabled()


def test_a_model_from_elsewhere_takes_the_place_of_the_others(qtbot: QtBot, page: PlanPage, tmp_path: Path) -> None:
    page.set_model(tmp_path / "other.gguf")
    settled(qtbot, page)
    assert page.plan is not None
    assert page.plan.models.paths == (str(tmp_path / "other.gguf"),)
    assert page.plan.load == FIRST_PLAN.load
    assert "There is no file" in page.notes.words[0]
    page.set_model(SAMPLE)
    assert page.plan.models.paths == ("sample",)
    settled(qtbot, page)
    assert page.start_button.isEnabled()


def test_cells_that_will_not_fit_are_marked(qtbot: QtBot, page: PlanPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiler.hardware.main_memory.available_bytes", lambda: 215_000_000)
    type_into(qtbot, page.load._concurrency, "1, 4")
    settled(qtbot, page)
    cell = page.sweep.matrix.cell(0, 1)
    assert cell is not None
    assert (cell.state, cell.figure) == (MatrixState.PENDING, "▲")
    assert cell.sentence == "will not fit: needs 224 MB, 215 MB are free"
    assert "2 of 4 cells do not fit into the 215 MB that are free; such a cell is likely to fail." in page.notes.words


def test_nothing_starts_while_a_sweep_runs(qtbot: QtBot, page: PlanPage) -> None:
    page.set_measuring(True)
    assert not page.start_button.isEnabled()
    with qtbot.assertNotEmitted(page.start_requested):
        page.start()
    page.set_measuring(False)
    assert page.start_button.isEnabled()


def test_the_last_plan_is_there_the_next_time(qtbot: QtBot, settings: Settings, page: PlanPage) -> None:
    page.set_plan(PLANS[2])
    settled(qtbot, page)
    assert shown(qtbot, settings).plan == PLANS[2]
    settings.last_plan = {"from": "another version"}
    assert shown(qtbot, settings).plan == FIRST_PLAN


def test_too_many_cells_are_counted_not_drawn(qtbot: QtBot, page: PlanPage) -> None:
    type_into(qtbot, page.load._concurrency, ",".join(map(str, range(1, 301))))
    settled(qtbot, page)
    assert page.sweep._instead.accessibleName() == "600 cells are too many to be drawn here."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (2, "5 s"),
        (42, "40 s"),
        (100, "1 min 30 s"),
        (130, "2 min"),
        (1000, "17 min"),
        (9000, "2 h 30 min"),
        (90_000, "25 h"),
        (None, "not available"),
    ],
)
def test_a_guess_is_not_told_to_the_second(seconds: float | None, words: str) -> None:
    assert rough_duration(seconds) == words


def test_every_control_has_a_name_for_a_screen_reader(page: PlanPage) -> None:
    from app.widgets.chips import Chip

    for kind in (QLineEdit, QPushButton):
        for control in page.findChildren(kind):
            if control.objectName() == "qt_spinbox_lineedit":
                continue
            named = control.accessibleName() or (control.text() if isinstance(control, QPushButton) else "")
            assert named or isinstance(control, Chip), control
