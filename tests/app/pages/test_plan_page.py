from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.pages.plan.first_plan import FIRST_PLAN
from app.pages.plan.sweep_card import rough_duration, spread_text
from app.pages.plan_page import PlanPage
from app.settings import Settings
from app.widgets.matrix import MatrixState
from profiler.models.sample import sample_model_path
from profiler.plan.cells import expand
from profiler.plan.plan import Engine, Load, Models, Need, Plan, RequestMix, Search, Trust
from profiler.plan.plan_file import load_plan, save_plan
from profiler.plan.sample_plans import SamplePlan, sample_plans

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

    qtbot.waitUntil(is_there, timeout=20_000)


def type_into(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.setFocus()
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    qtbot.keyClicks(field, text)


def click(qtbot: QtBot, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


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
    click(qtbot, case.chip("batch"))
    assert page.plan is not None
    assert (page.plan.need.slo, page.plan.need.users, page.plan.load.arrival) == ("", None, ("offline",))
    assert not page.load._think_time_row.isVisible()
    assert page.need._reason.accessibleName().startswith("Nobody waits:")
    click(qtbot, case.chip("chat"))
    assert page.plan.need == FIRST_PLAN.need
    assert page.plan.load.arrival == ("closed",)
    page.need._first_token.setValue(800)
    assert case.value() == "own"
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
        models=Models(
            paths=("sample", str(SAMPLE)),
            quant=("as-is", "Q2_K", "IQ4_XS"),
            imatrix="values.gguf",
            quality_tokens=2550,
            quality_text="prose.txt",
        ),
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
            mmap=("off",),
            op_offload=("on", "off"),
            kv_offload=("off",),
            repack=("off",),
            no_host=("on",),
            split_mode=("row",),
            tensor_split=("3/1", "1/1"),
            main_gpu=(1,),
        ),
        trust=Trust(repetitions=7, seed=2**63 - 1, budget=90.5, target_percent=0.75, most_repetitions=40),
    ),
    Plan(load=Load(arrival=("offline",), concurrency=(8,), requests=10), trust=Trust(repetitions=1)),
    Plan(load=Load(concurrency=(2, 32)), search=Search(enabled=True, confirm_repetitions=4)),
    Plan(
        load=Load(
            arrival=("spike", "closed", "gamma", "burst"),
            concurrency=(2,),
            rate=(0.5, 8.0),
            rate_to=12.5,
            burstiness=(0.3, 1.0),
            burst_on=2.0,
            burst_off=7.5,
            spike_at=10.0,
            spike_for=5.0,
            turns=(1, 3),
            think_time=(1.5,),
            prompt_tokens=(64, "uniform:64:256"),
            output_tokens=("lognormal:128:0.5",),
            shared_prefix=(0.0, 0.8),
            prefixes=(4,),
            prefix_cache=("on", "off"),
            batching=("sequential", "static", "continuous"),
            static_batch_size=(4, 8),
            static_wait_ms=(50.0, 0.5),
            prefill_chunk=(32, 128),
            priority=("prefill", "decode"),
            depth=(0, 64),
            queue_limit=100,
            timeout=60.5,
            duration=20.0,
        )
    ),
    Plan(
        load=Load(
            slots=(6,),
            duration=14.0,
            prefill_chunk=(32, 512),
            classes=(
                RequestMix(name="chats", users=4, think_time=0.5, prompt_tokens="normal:48:8", duration=14.0),
                RequestMix(
                    name="pasted document",
                    arrival="spike",
                    rate=0.25,
                    rate_to=2.0,
                    spike_at=2.0,
                    spike_for=1.0,
                    start=4.0,
                    prompt_tokens=2000,
                    output_tokens=16,
                    shared_prefix=0.5,
                    slo="ttft_ms.p95<=30000",
                ),
                RequestMix(name="nightly", arrival="offline", requests=8),
            ),
        )
    ),
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


def open_arrivals(qtbot: QtBot, page: PlanPage, *names: str) -> None:
    """Have exactly these arrivals, by clicks."""
    for name in ("closed", *names):
        click(qtbot, page.load._arrival.chip(name))


def test_a_clock_asks_for_a_rate_and_shows_what_it_makes(qtbot: QtBot, page: PlanPage) -> None:
    open_arrivals(qtbot, page, "poisson")
    load = page.load
    assert load._rows["load.rate"].isVisible()
    assert load._rows["load.rate"].problem == "Must be given for arrival poisson."
    assert page.start_button.toolTip() == "Rate: must be given for arrival poisson."
    assert not load.plot.isVisible()
    assert not load._concurrency_row.isVisible()
    assert load._slots_row.isVisible()
    assert load._duration.placeholderText() == "30"
    type_into(qtbot, load._rows["load.rate"]._controls[0], "2, 8")
    settled(qtbot, page)
    assert page.plan is not None
    assert (page.plan.load.arrival, page.plan.load.rate, page.plan.load.concurrency) == (("poisson",), (2.0, 8.0), None)
    assert page.sweep.accessibleName() == "Sweep: 4 cells × 3 runs"
    drawing = load.plot.drawing
    assert load.plot.isVisible()
    assert drawing is not None
    assert [row.label for row in drawing.rows] == ["Poisson 2/s", "Poisson 8/s"]
    assert drawing.span_s == 30
    assert load.plot.height() <= 120
    assert load.plot.accessibleDescription() == drawing.words
    assert "Up to 8 requests are answered at once; those that come meanwhile wait." in page.notes.words
    click(qtbot, load._arrival.chip("closed"))
    settled(qtbot, page)
    assert page.plan.load.arrival == ("closed", "poisson")
    assert load._arrivals_words.accessibleName().startswith("1, 2 and 4 users, each asks again when answered; Poisson 2/s:")


def test_each_arrival_shows_the_rows_that_it_needs(qtbot: QtBot, page: PlanPage) -> None:
    needed = {
        "poisson": {"rate"},
        "constant": {"rate"},
        "burst": {"rate", "rate_to", "burst_on", "burst_off"},
        "gamma": {"rate", "burstiness"},
        "spike": {"rate", "rate_to", "spike_at", "spike_for"},
        "ramp": {"rate", "rate_to"},
        "trace": {"trace", "time_scale"},
        "offline": {"concurrency"},
        "closed": {"concurrency", "think_time"},
    }
    everything = {*set().union(*needed.values()), "trace_columns"}
    before = "closed"
    for arrival, fields in needed.items():
        if arrival != before:
            click(qtbot, page.load._arrival.chip(before))
            click(qtbot, page.load._arrival.chip(arrival))
        before = arrival
        assert {name for name in everything if page.load._rows[f"load.{name}"].isVisible()} == fields
    assert page.plan is not None


def test_no_arrivals_at_all_is_told(qtbot: QtBot, page: PlanPage) -> None:
    click(qtbot, page.load._arrival.chip("closed"))
    assert page.load._arrival_row.problem.startswith("Needs at least one value")
    assert not page.start_button.isEnabled()


def test_conversations_may_pause_in_an_open_loop_too(qtbot: QtBot, page: PlanPage) -> None:
    open_arrivals(qtbot, page, "constant")
    type_into(qtbot, page.load._rows["load.rate"]._controls[0], "1")
    assert not page.load._think_time_row.isVisible()
    click(qtbot, page.load.fold.button)
    type_into(qtbot, page.load._turns, "3")
    assert page.load._think_time_row.isVisible()
    type_into(qtbot, page.load._think_time_row._controls[0], "2")
    assert page.plan is not None
    assert (page.plan.load.turns, page.plan.load.think_time) == ((3,), (2.0,))
    settled(qtbot, page)
    assert page.load._arrivals_words.accessibleName() == "Constant 1/s: 30 conversations, up to 1 in one second."
    type_into(qtbot, page.load._turns, "1")
    assert page.plan.load.think_time == (0.0,)
    settled(qtbot, page)


def test_a_trace_whose_format_is_unknown_asks_for_its_columns(
    qtbot: QtBot, page: PlanPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("when,in,out\n0,16,8\n2.5,32,8\n10,16,8\n")
    open_arrivals(qtbot, page, "trace")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(file), ""))
    choose = next(button for button in page.load.findChildren(QPushButton) if button.text() == "Choose…")
    click(qtbot, choose)
    settled(qtbot, page)
    columns = page.load._rows["load.trace_columns"]
    assert columns.isVisible()
    assert "known format" in page.start_button.toolTip()
    type_into(qtbot, columns._controls[0], "when, in, out")
    settled(qtbot, page)
    assert page.start_button.isEnabled()
    assert page.load._arrivals_words.accessibleName() == "Trace: 3 requests, up to 1 in one second."
    assert page.plan is not None
    assert page.plan.load.trace_columns == "when, in, out"


def test_policies_and_the_cache_are_axes(qtbot: QtBot, page: PlanPage) -> None:
    serving = page.serving
    assert not serving._static_row.isVisible()
    click(qtbot, serving._batching.chip("static"))
    assert serving._static_row.isVisible()
    type_into(qtbot, serving._static_row._controls[0], "2, 4")
    assert page.plan is not None
    assert (page.plan.load.batching, page.plan.load.static_batch_size) == (("continuous", "static"), (2, 4))
    settled(qtbot, page)
    assert page.sweep.accessibleName() == "Sweep: 18 cells × 3 runs"
    click(qtbot, serving._batching.chip("continuous"))
    assert not serving._chunk_row.isVisibleTo(serving.fold)
    click(qtbot, serving._batching.chip("static"))
    assert serving._rows["load.batching"].problem.startswith("Needs at least one value")
    click(qtbot, serving._batching.chip("sequential"))
    assert page.plan.load.batching == ("sequential",)
    assert page.plan.load.static_batch_size == (8,)
    settled(qtbot, page)


def test_what_the_engine_will_refuse_or_do_is_told_before(qtbot: QtBot, page: PlanPage) -> None:
    page.set_plan(Plan(load=Load(prefix_cache=("off", "on"), queue_limit=2), engine=Engine(kv_unified=("on", "off"))))
    settled(qtbot, page)
    assert "The prefix cache needs the unified KV: the engine will refuse the cells without it." in page.notes.words
    refused = "A user who is refused asks again at once: with a queue limit, give users a think time or a clock."
    assert refused in page.notes.words
    page.set_plan(Plan(load=Load(prefix_cache=("on",), queue_limit=2, think_time=(1.0,))))
    settled(qtbot, page)
    assert not [words for words in page.notes.words if "unified" in words or words == refused]
    assert page.serving.fold.summary == "at most 2 waiting"


def test_users_to_be_served_are_those_of_a_closed_loop(qtbot: QtBot, page: PlanPage) -> None:
    told = "7 users are to be served, but the load has 1, 2, 4: add 7 to have it measured."
    page.set_plan(Plan(need=Need(users=7)))
    settled(qtbot, page)
    assert told in page.notes.words
    page.set_plan(Plan(need=Need(users=7), load=Load(arrival=("poisson",), rate=(1.0,))))
    settled(qtbot, page)
    assert told not in page.notes.words


def test_an_agent_sets_what_it_needs_and_leaves_the_rest(qtbot: QtBot, page: PlanPage) -> None:
    type_into(qtbot, page.load._concurrency, "3")
    click(qtbot, page.need._case.chip("agent"))
    assert page.plan is not None
    load = page.plan.load
    assert (load.turns, load.shared_prefix, load.prefix_cache, load.prompt_tokens) == ((4,), (0.5,), ("on",), (192,))
    assert load.concurrency == (3,)
    assert page.load.fold.summary.startswith("turns 4 · shared beginning 0.5")
    assert page.need._case.value() == "agent"
    settled(qtbot, page)


def test_limits_that_two_use_cases_share_stay_with_the_chosen_one(qtbot: QtBot, page: PlanPage) -> None:
    click(qtbot, page.need._case.chip("mlperf-server"))
    type_into(qtbot, page.load._concurrency, "2")
    assert page.need._case.value() == "mlperf-server"
    settled(qtbot, page)


MIX = PLANS[-1]


def test_a_mix_is_shown_kept_and_dropped(qtbot: QtBot, page: PlanPage) -> None:
    page.set_plan(MIX)
    settled(qtbot, page)
    load = page.load
    assert [line.name.text() for line in load._mix.lines] == ["chats", "pasted document", "nightly"]
    assert [line.count.text() for line in load._mix.lines] == ["4", "0.25", ""]
    assert not load._arrival_row.isVisible()
    assert load.plot.drawing is not None
    assert [row.label for row in load.plot.drawing.rows] == ["chats", "pasted document", "nightly"]
    assert load.plot.drawing.rows[0].lane_words == "4 users, each asks again 0.5 s after an answer"
    assert page.plan == MIX
    click(qtbot, load._one_kind)
    assert page.plan is not None
    assert page.plan.load.classes is None
    assert load._arrival_row.isVisible()
    settled(qtbot, page)
    click(qtbot, load._back_to_mix)
    assert page.plan == MIX
    settled(qtbot, page)


def test_the_classes_of_a_mix_are_edited(qtbot: QtBot, page: PlanPage) -> None:
    page.set_plan(MIX)
    chats, document, _ = page.load._mix.lines
    type_into(qtbot, chats.count, "6")
    type_into(qtbot, document.prompt, "uniform:500:900")
    assert page.plan is not None
    assert page.plan.load.classes is not None
    assert page.plan.load.classes[0].users == 6
    assert page.plan.load.classes[1].prompt_tokens == "uniform:500:900"
    type_into(qtbot, document.count, "often")
    assert page.plan is None
    assert document.problem == "Rate is not a number (given: often)."
    assert chats.problem == ""
    assert page.notes.words == ["Mix, rate: is not a number (given: often)."]
    type_into(qtbot, document.count, "2")
    type_into(qtbot, document.name, "chats")
    assert page.load._mix_row.problem == "Has a name twice."
    type_into(qtbot, document.name, "papers")
    click(qtbot, chats.remove)
    click(qtbot, page.load._add_kind)
    assert [each.name for each in page.plan.load.classes] == ["papers", "nightly", "kind 2"]
    settled(qtbot, page)


def test_a_second_kind_makes_a_mix_of_the_first(qtbot: QtBot, page: PlanPage) -> None:
    open_arrivals(qtbot, page, "poisson")
    type_into(qtbot, page.load._rows["load.rate"]._controls[0], "2, 8")
    click(qtbot, page.load._add_kind)
    assert page.plan is not None
    assert page.plan.load.classes is not None
    first, second = page.plan.load.classes
    assert (first.arrival, first.rate, first.prompt_tokens) == ("poisson", 2.0, 128)
    assert (second.arrival, second.users) == ("closed", 1)
    settled(qtbot, page)
    click(qtbot, page.need._case.chip("voice"))
    assert page.plan.load.classes is None
    assert page.plan.load.prompt_tokens == (96,)
    settled(qtbot, page)


def test_sample_plans_open_from_their_menu(qtbot: QtBot, page: PlanPage) -> None:
    plan = Plan(title="A rate", load=Load(arrival=("constant",), rate=(3.0,)))
    page._offer_samples((SamplePlan("rate", "What a rate does.", plan),))
    assert page.samples_button.isVisible()
    (action,) = page.samples_button.menu().actions()
    assert (action.text(), action.toolTip()) == ("A rate", "What a rate does.")
    action.trigger()
    assert page.plan is not None
    assert page.plan.load.rate == (3.0,)
    assert page._message.accessibleName() == "A rate was opened."
    settled(qtbot, page)
    page._offer_samples(())
    assert not page.samples_button.isVisible()


@pytest.mark.parametrize("sample", sample_plans(), ids=lambda sample: sample.name)
def test_every_sample_plan_survives_the_form(qtbot: QtBot, page: PlanPage, sample: SamplePlan) -> None:
    plan = sample.plan
    page.set_plan(plan)
    assert page.plan is not None
    assert expand(page.plan, ["m"], 2) == expand(plan, ["m"], 2)
    assert page.plan.load.classes == plan.load.classes
    settled(qtbot, page)
    assert page.start_button.isEnabled()


@pytest.mark.parametrize(
    ("low_s", "high_s", "words"), [(31, 124, "31 to 120 s"), (90, 410, "1.5 to 6.8 min"), (3500, 13_000, "0.97 to 3.6 h")]
)
def test_a_range_of_times_has_one_unit(low_s: float, high_s: float, words: str) -> None:
    assert spread_text(low_s, high_s) == words
