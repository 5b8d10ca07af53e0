"""The Results page on sessions of the load laboratory: policies, overload, prefix cache, mixes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.pages.results_page import ResultsPage
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.exchange.findings.planes import FIRST_TOKEN_PLANE, SPEED, need_on, not_drawn, planes_of, series_of
from profiler.exchange.findings.raw_latencies import Which, read_raw
from profiler.exchange.findings.session_view import read_session
from profiler.exchange.summary import summary_document
from profiler.plan.plan import Load, Need, Plan, RequestMix, Trust
from profiler.session.reader import SessionReader
from profiler.units import significant
from tests.helpers.served_session import write_served_session

OPEN = {"arrival": ("poisson",), "prompt_tokens": (64,), "duration": 12.0}
TRUST = Trust(repetitions=1, seed=3)
POLICIES = Plan(
    title="Static against continuous",
    need=Need(slo="ttft_ms.p95<=600,tpot_ms.p95<=100", users=4),
    load=Load(**OPEN, rate=(3.0, 12.0), batching=("continuous", "static"), slots=(4,), output_tokens=(32,)),
    trust=TRUST,
)
CACHE = Plan(
    title="Prefix cache",
    load=Load(
        arrival=("poisson",),
        rate=(2.0,),
        prefix_cache=("off", "on"),
        shared_prefix=(0.8,),
        prompt_tokens=(250,),
        output_tokens=(8,),
        duration=20.0,
    ),
    trust=TRUST,
)
MIX = Plan(
    title="Noisy neighbour",
    need=Need(slo="ttft_ms.p95<=2000"),
    load=Load(
        prefill_chunk=(64, 512),
        slots=(5,),
        classes=(
            RequestMix(name="chat", users=4, prompt_tokens=32, output_tokens=48, requests_per_user=4, slo="itl_ms.max<=150"),
            RequestMix(name="paste", arrival="constant", rate=0.3, prompt_tokens=2000, output_tokens=8, duration=7.0),
        ),
    ),
    trust=TRUST,
)
LOSSES = Plan(
    title="Losses",
    load=Load(**OPEN, rate=(14.0,), slots=(2,), output_tokens=(32,), queue_limit=6, timeout=3.0),
    trust=TRUST,
)
PLANS = {"policies": POLICIES, "cache": CACHE, "mix": MIX, "losses": LOSSES}

Opened = Callable[[str], ResultsPage]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("served")
    return {name: write_served_session(folder / f"{name}.inferometer", plan) for name, plan in PLANS.items()}


@pytest.fixture
def opened(qtbot: QtBot, settings: Settings, sessions: dict[str, Path]) -> Opened:
    def open_named(name: str) -> ResultsPage:
        page = ResultsPage(settings)
        qtbot.addWidget(page)
        page.resize(1364, 870)
        page.show()
        page.open_session(sessions[name])
        qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)
        return page

    return open_named


def chosen(qtbot: QtBot, page: ResultsPage, *rows: int) -> None:
    page.view.select_rows(rows)
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)


def column(page: ResultsPage, title: str) -> list[str]:
    number = [item.title for item in page.table.columns].index(title)
    return [page.table.text(row, number) for row in range(page.table.rowCount())]


def documents(path: Path) -> list[dict]:
    with SessionReader.open(path) as reader:
        return summary_document(reader)["cells"]


def test_policies_are_compared_in_a_sentence_and_at_a_glance(opened: Opened, sessions: dict[str, Path]) -> None:
    page = opened("policies")
    by_policy = {
        (cell["config"]["rate"], cell["config"]["batching"]): cell["metrics"] for cell in documents(sessions["policies"])
    }
    continuous, static = (by_policy[3.0, policy] for policy in ("continuous", "static"))
    said = [f"{significant(m['ttft_ms']['p95'])} ms at {significant(m['output_tok_s'])} tok/s" for m in (continuous, static)]
    assert f"With 3 req/s, continuous: first token p95 {said[0]}; static: {said[1]}." in page.answer.statement
    assert "user" not in page.answer.statement
    assert "2 cells are unstable: requests came faster than they were served" in page.answer.remarks
    assert [item.name for item in page.side.first_token.plot._series] == ["continuous", "static"]
    assert page.curve.planes.value() == FIRST_TOKEN_PLANE
    series = page.curve.plot._series
    assert [item.name for item in series] == ["continuous", "static"]
    assert [mark.y for item in series for mark in item.marks] == [continuous["ttft_ms"]["p95"], static["ttft_ms"]["p95"]]
    assert page.curve.left_out.accessibleName() == "Unstable, not drawn: 12 req/s · continuous, 12 req/s · static"


def test_an_unstable_cell_states_no_first_token_and_meets_no_need(opened: Opened, sessions: dict[str, Path]) -> None:
    page = opened("policies")
    assert [cell.is_unstable for cell in page.table.records] == [False, False, True, True]
    assert column(page, "TTFT p95 ms")[2:] == ["▲ unstable", "▲ unstable"]
    assert column(page, "Need")[2:] == ["✕ broken", "✕ broken"]
    number = [item.title for item in page.table.columns].index("TTFT p95 ms")
    assert "the queue grew by" in page.table.columns[number].tip(page.table.record(2))
    growth = documents(sessions["policies"])[2]["metrics"]["queue_growth_s"]
    assert column(page, "Growth req/s")[2] == f"{growth:.2f}"
    assert "Users" not in [item.title for item in page.table.columns]
    assert "Each answer" in [item.title for item in page.table.columns]


def test_limits_without_a_first_token_are_not_met_by_an_unstable_cell(tmp_path: Path) -> None:
    plan = POLICIES.model_copy(update={"need": Need(slo="tpot_ms.p95<=1000")})
    view = read_session(write_served_session(tmp_path / "a.inferometer", plan))
    told = {cell.is_unstable: cell.verdict.value for cell in view.cells if cell.verdict}
    assert told == {False: "meets the need", True: "does not meet the need"}


def test_the_planes_have_the_need_where_it_can_be_shown(sessions: dict[str, Path]) -> None:
    view = read_session(sessions["policies"])
    assert planes_of(view) == (SPEED, FIRST_TOKEN_PLANE)
    waiting = need_on(view, FIRST_TOKEN_PLANE)
    assert waiting is not None
    assert (waiting.value, waiting.is_x, waiting.is_met_above) == (600.0, False, False)
    speed = need_on(view, SPEED)
    assert speed is not None
    assert (speed.value, speed.is_x, speed.is_met_above) == (10.0, True, True)
    labels = [[mark.label for mark in item.marks] for item in series_of(view, SPEED)]
    assert [line[-1] for line in labels] == ["12 ▲", "12 ▲"]
    assert not_drawn(view, SPEED) == ""


def test_the_other_plane_is_a_click_away(qtbot: QtBot, opened: Opened) -> None:
    page = opened("policies")
    qtbot.mouseClick(page.curve.planes.chip(SPEED), Qt.MouseButton.LeftButton)
    assert sum(len(item.marks) for item in page.curve.plot._series) == 4
    assert not page.curve.left_out.isVisibleTo(page)
    page.refresh()
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)
    assert page.curve.planes.value() == SPEED


def test_the_watch_can_be_started_elsewhere(qtbot: QtBot, opened: Opened, sessions: dict[str, Path]) -> None:
    page = opened("policies")
    chosen(qtbot, page, 3)
    switch = page.side.first_token.since
    assert switch.isVisibleTo(page)
    assert not page.side.between.since.isVisibleTo(page)
    assert "coordinated omission" in switch.chip("turn").toolTip()
    qtbot.mouseClick(switch.chip("turn"), Qt.MouseButton.LeftButton)
    due, turn = page.side.first_token.plot._series
    assert (due.name, turn.name) == ("since due", "since its turn")
    assert due.look.color != turn.look.color
    assert np.median(due.values_ms) > 10 * np.median(turn.values_ms)
    with SessionReader.open(sessions["policies"]) as reader:
        requests = reader.requests(reader.runs(4)[0].run_id)
    by_hand = np.sort((requests["first_token_ns"] - requests["prefill_start_ns"]) / 1e6)
    inside = np.isin(turn.values_ms, by_hand)
    assert inside.all()
    qtbot.mouseClick(switch.chip("due"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(switch.chip("turn"), Qt.MouseButton.LeftButton)
    assert switch.values() == ("due",)


def test_never_more_than_four_curves(qtbot: QtBot, opened: Opened) -> None:
    page = opened("policies")
    chosen(qtbot, page, 0, 1, 2, 3)
    card = page.side.first_token
    assert len(card.plot._series) == 4
    qtbot.mouseClick(card.since.chip("sent"), Qt.MouseButton.LeftButton)
    names = [item.name for item in card.plot._series]
    assert names == [
        "3 req/s · continuous · since due",
        "3 req/s · continuous · since sent",
        "3 req/s · static · since due",
        "3 req/s · static · since sent",
    ]
    assert [item.look.color for item in card.plot._series] == [0, 0, 1, 1]
    assert [item.line for item in card.plot._series] == ["solid", "dashed"] * 2
    qtbot.mouseClick(card.since.chip("turn"), Qt.MouseButton.LeftButton)
    assert len(card.plot._series) == 3


def test_what_grew_with_the_run_is_not_stated(sessions: dict[str, Path]) -> None:
    raw = read_raw(sessions["policies"], (1, 3), ("ttft_ms", "itl_ms"))
    assert raw.distributions[1][Which("ttft_ms")].stated_share > 0.8
    assert raw.distributions[3][Which("ttft_ms")].stated_share == 0
    assert raw.distributions[3][Which("ttft_ms", since="sent")].stated_share == 0
    assert raw.distributions[3][Which("ttft_ms", since="turn")].stated_share > 0.9
    assert raw.distributions[3][Which("itl_ms")].stated_share > 0.9


def test_the_queue_of_the_current_cell_is_drawn(qtbot: QtBot, opened: Opened) -> None:
    page = opened("policies")
    chosen(qtbot, page, 3)
    assert page.side.queue.isVisibleTo(page)
    waiting = page.side.queue.plot._counts[1]
    assert waiting.max() > 20
    assert page.side.queue.plot._last_due_s < 12
    assert page.side.queue.plot.words_at(page.side.queue.plot.plot.vb.viewRect().center(), lambda _: False).endswith(" waiting")


def test_the_cache_is_told_by_column_and_card(qtbot: QtBot, opened: Opened, sessions: dict[str, Path]) -> None:
    page = opened("cache")
    off, on = documents(sessions["cache"])
    assert column(page, "From cache %") == ["–", significant(on["metrics"]["cache_hit_rate"])]
    assert column(page, "Prefix cache") == ["off", "on"]
    assert page.answer.statement.startswith("No limit was stated. Prefix cache on: first token p95 ")
    chosen(qtbot, page, 1)
    facts = {fact.label: fact.value for fact in page.side.cell.facts}
    assert (
        facts["Prompt tokens"] == f"{on['tokens']['cached']} cached · {on['tokens']['prompt'] - on['tokens']['cached']} prefilled"
    )
    saved_ms = off["metrics"]["ttft_ms"]["p50"] - on["metrics"]["ttft_ms"]["p50"]
    assert saved_ms > 0
    assert facts["First token p50, saved"] == f"{significant(saved_ms)} ms earlier"
    assert facts["Given up"] == "0"
    assert facts["Completed"] == str(on["requests"]["completed"])
    chosen(qtbot, page, 0)
    assert "Prompt tokens" not in {fact.label for fact in page.side.cell.facts}


def test_losses_are_counted_apart(opened: Opened, sessions: dict[str, Path]) -> None:
    page = opened("losses")
    (cell,) = documents(sessions["losses"])
    facts = {fact.label: fact.value for fact in page.side.cell.facts}
    assert facts["Refused"] == str(cell["requests"]["refused"])
    assert facts["Timed out"] == str(cell["requests"]["timed_out"])
    assert int(facts["Refused"]) > 0
    assert int(facts["Timed out"]) > 0
    assert "Failed" not in facts


def test_classes_are_told_apart(qtbot: QtBot, opened: Opened, sessions: dict[str, Path]) -> None:
    page = opened("mix")
    small, large = documents(sessions["mix"])
    freezes = [significant(cell["classes"]["chat"]["itl_ms"]["max"]) for cell in (small, large)]
    assert (
        f"Prefill chunk 64: longest freeze of chat {freezes[0]} ms; prefill chunk 512: {freezes[1]} ms." in page.answer.statement
    )
    assert [item.name for item in page.side.between.plot._series] == [
        "prefill chunk 64 · chat",
        "prefill chunk 64 · paste",
        "prefill chunk 512 · chat",
        "prefill chunk 512 · paste",
    ]
    chosen(qtbot, page, 1)
    assert [item.name for item in page.side.first_token.plot._series] == ["chat", "paste"]
    rows = page.side.cell.classes.rows
    assert page.side.cell.classes.isVisibleTo(page)
    paste = large["classes"]["paste"]
    told = {item.title: rows.text(1, number) for number, item in enumerate(rows.columns)}
    assert told["Class"] == "paste"
    assert told["First token ms"] == " · ".join(significant(paste["ttft_ms"][q]) for q in ("p50", "p95"))
    assert told["Between ms"] == " · ".join(significant(paste["itl_ms"][q]) for q in ("p95", "max"))
    assert told["Good %"] == significant(paste["attainment"])


def test_each_class_is_held_against_its_own_limits(sessions: dict[str, Path]) -> None:
    view = read_session(sessions["mix"])
    small, large = view.cells
    assert [check.sentence.partition(":")[0] for check in large.checks] == ["chat", "paste"]
    assert large.checks[0].sentence.startswith("chat: between tokens max: ")
    verdicts = [[check.verdict.value for check in cell.checks] for cell in (small, large)]
    assert verdicts[0][0] == "meets the need"
    assert verdicts[1][0] == "does not meet the need"


def test_a_mix_has_a_plane_of_those_who_read_against_those_who_ask(opened: Opened, sessions: dict[str, Path]) -> None:
    page = opened("mix")
    (line,) = page.curve.plot._series
    cells = documents(sessions["mix"])
    expected = [(cell["classes"]["paste"]["ttft_ms"]["p95"], cell["classes"]["chat"]["itl_ms"]["max"]) for cell in cells]
    assert [(mark.x, mark.y) for mark in line.marks] == expected
    assert [mark.label.split(" ")[0] for mark in line.marks] == ["64", "512"]


@pytest.mark.parametrize("name", PLANS)
def test_both_themes(qtbot: QtBot, theme: ThemeSwitch, opened: Opened, name: str) -> None:
    assert not opened(name).grab().isNull()
