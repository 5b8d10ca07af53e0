from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.pages.results.timeline_reading import listed, load_run, range_figures, within
from app.pages.results_page import ResultsPage
from app.settings import Settings
from profiler.analysis.decomposition import decomposition
from profiler.analysis.figures import run_figures
from profiler.analysis.window import Window, measurement_window
from profiler.exchange.findings.where_time_went import read_times
from profiler.plan.plan import Load, Models, Plan, Trust
from profiler.session.reader import SessionReader
from tests.helpers.served_session import write_served_session

PLAN = Plan(
    title="lanes",
    models=Models(quant=("Q8_0",)),
    load=Load(concurrency=(1, 3), prompt_tokens=("uniform:64:300",), output_tokens=("uniform:8:24",), requests_per_user=5),
    trust=Trust(repetitions=2, seed=3),
)


class Unset:
    """A job's line whose cancel is never set."""

    def is_set(self) -> bool:
        return False


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_served_session(tmp_path_factory.mktemp("served") / "lanes.inferometer", PLAN)


@pytest.fixture
def page(qtbot: QtBot, settings: Settings, session: Path) -> ResultsPage:
    made = ResultsPage(settings)
    qtbot.addWidget(made)
    made.resize(1300, 850)
    made.show()
    made.open_session(session)
    qtbot.waitUntil(lambda: made.session is not None and not made.is_busy, timeout=5000)
    return made


def seen(qtbot: QtBot, page: ResultsPage) -> None:
    """Have the card come into sight, and wait for its run."""
    page.timeline.come_into_sight()
    qtbot.waitUntil(lambda: page.timeline.loaded is not None and not page.timeline.is_busy, timeout=5000)


def test_the_figures_of_the_measured_window_as_a_range_are_the_stored_ones(session: Path) -> None:
    loaded = load_run(session, 2, None, (), Unset())
    assert loaded is not None
    found = range_figures(loaded, loaded.window.start_ns, loaded.window.end_ns)
    assert found.figures["ttft_ms"] == loaded.figures["ttft_ms"]
    assert found.figures["itl_ms"] == loaded.figures["itl_ms"]
    for name in ("output_tok_s", "prompt_tok_s", "batch_occupancy", "kv_occupancy", "requests_s"):
        assert found.figures[name] == loaded.figures[name]


def test_the_tokens_left_out_of_a_range_change_no_figure(session: Path) -> None:
    loaded = load_run(session, 2, None, (), Unset())
    assert loaded is not None
    data, end_ns = loaded.timeline.data, loaded.timeline.end_ns
    for start, stop in ((0.2, 0.5), (0.0, 0.3), (0.7, 1.0)):
        window = Window(round(start * end_ns), round(stop * end_ns), is_short=False)
        cut = within(data, window)
        assert len(cut.tokens) < len(data.tokens)
        assert run_figures(cut, loaded.context, window) == run_figures(data, loaded.context, window)


def test_requests_are_listed_longest_first(session: Path) -> None:
    loaded = load_run(session, 2, None, (), Unset())
    assert loaded is not None
    rows = listed(loaded.timeline, None)
    assert len(rows) == len(loaded.timeline.data.requests)
    latencies = [row.e2e_ms for row in rows]
    assert latencies == sorted(latencies, reverse=True)
    for row in rows:
        assert sum(row.parts_ms) == pytest.approx(row.e2e_ms)
    assert len(listed(loaded.timeline, None, most=3)) == 3


def test_the_time_of_a_cell_is_that_of_the_requests_in_its_windows(session: Path) -> None:
    times = read_times(session, None, Unset())
    total, count = np.zeros(5, np.int64), 0
    with SessionReader.open(session) as reader:
        for run in reader.runs(2):
            data = reader.run_data(run.run_id)
            loaded = load_run(session, 2, run.run_id, (), Unset())
            window = measurement_window(data, loaded.context)
            for row, parts in zip(*_ended(data), strict=True):
                if window.start_ns <= row["due_ns"] < window.end_ns:
                    total += parts
                    count += 1
    split = times.of_cell(2)
    assert split.total_ns == tuple(total.tolist())
    assert split.requests == count
    again = read_times(session, times, Unset())
    assert again == times


def _ended(data):
    found = decomposition(data.requests, data.steps)
    return data.requests[found.rows], found.parts_ns.T


def test_cells_have_bars_and_the_chosen_one_a_sentence(page: ResultsPage) -> None:
    card = page.where_time_went
    assert card.isVisibleTo(page)
    assert len(card.bars.bars) == 2
    assert "on average" in card.said.accessibleName()
    assert "decode" in card.bars.accessibleDescription()


def test_nothing_is_read_before_the_card_is_seen(qtbot: QtBot, page: ResultsPage) -> None:
    assert page.timeline.loaded is None
    seen(qtbot, page)
    assert page.timeline.timeline.isVisibleTo(page)
    assert not page.timeline.nothing.isVisibleTo(page)


def test_pointing_tells_what_delayed_a_token(qtbot: QtBot, page: ResultsPage) -> None:
    seen(qtbot, page)
    card = page.timeline
    for _ in range(2):
        card.timeline._step_token(1)
    words = card.readout.accessibleName()
    assert "token 2" in words
    assert "KV depth" in words
    assert "since the one before, batch" in words
    card.timeline.pointed.emit(0, 0, -1)
    assert "request 0:" in card.readout.accessibleName()
    card.timeline.pointed.emit(0, -1, -1)
    assert "batch" in card.readout.accessibleName()


def test_a_range_shows_its_figures_and_there_is_a_way_back(qtbot: QtBot, page: ResultsPage) -> None:
    seen(qtbot, page)
    card = page.timeline
    assert not card.back.isVisibleTo(page)
    card.timeline.choose_range(0, card.loaded.timeline.end_ns / 2)
    qtbot.waitUntil(lambda: card.range_shown is not None, timeout=5000)
    assert card.facts.isVisibleTo(page)
    assert card.split.isVisibleTo(page)
    assert len(card.table.records) == card.range_shown.requests < len(card.loaded.timeline.data.requests)
    card.back.click()
    assert card.range_shown is None
    assert not card.facts.isVisibleTo(page)
    assert len(card.table.records) == len(card.loaded.timeline.data.requests)
    assert not card.back.isVisibleTo(page)


def test_another_run_and_the_table(qtbot: QtBot, page: ResultsPage) -> None:
    seen(qtbot, page)
    card = page.timeline
    first = card.loaded.run.run_id
    other = next(run.run_id for run in card.loaded.choices if run.run_id != first)
    card.runs.choose(other)
    card.runs.chosen.emit()
    qtbot.waitUntil(lambda: card.loaded is not None and card.loaded.run.run_id == other and not card.is_busy, timeout=5000)
    card.looks.choose("requests")
    card.looks.chosen.emit()
    assert card.requests.isVisibleTo(page)
    assert not card.timeline.isVisibleTo(page)
