"""The queue and the timeline of one run, out of a session that was served in virtual time."""

from pathlib import Path

import numpy as np
import pytest

from profiler.analysis.timeline import run_timeline
from profiler.exchange.charts.drawing import lone_figure, page_figure
from profiler.exchange.charts.figures import KEYS, session_figures
from profiler.exchange.charts.queue import queue_chart
from profiler.exchange.charts.timeline import timeline_chart
from profiler.exchange.findings.session_view import SessionView, read_session
from profiler.plan.plan import Load, Need, Plan, Trust
from profiler.session.reader import SessionReader
from resources.colors import DARK, LIGHT
from tests.helpers.served_session import write_served_session


def served(folder: Path, **load: object) -> SessionView:
    plan = Plan(title="served", need=Need(slo=""), load=Load.model_validate(load), trust=Trust(repetitions=1))
    return read_session(write_served_session(folder / "served.inferometer", plan))


@pytest.fixture(scope="module")
def by_a_clock(tmp_path_factory: pytest.TempPathFactory) -> SessionView:
    """Twelve requests at once a tenth of a second, two at a time."""
    return served(
        tmp_path_factory.mktemp("clock"),
        arrival=("constant",),
        rate=(10.0,),
        slots=(2,),
        requests=12,
        prompt_tokens=(16,),
        output_tokens=(8,),
    )


def test_the_queue_is_that_of_the_requests_own_instants(by_a_clock: SessionView) -> None:
    chart = queue_chart(by_a_clock, (1,))
    assert chart is not None
    in_system, waiting = chart.series
    assert (in_system.name, waiting.name) == ("in the system", "waiting")
    with SessionReader.open(by_a_clock.path) as reader:
        requests = reader.requests(1)
    for time_s, count in in_system.line[:: max(1, len(in_system.line) // 20)]:
        before = np.count_nonzero(requests["due_ns"] / 1e9 <= time_s + 1e-9) - np.count_nonzero(
            requests["end_ns"] / 1e9 < time_s - 1e-9
        )
        after = np.count_nonzero(requests["due_ns"] / 1e9 < time_s - 1e-9) - np.count_nonzero(
            requests["end_ns"] / 1e9 <= time_s + 1e-9
        )
        assert after <= count <= before
    assert all(one[1] >= other[1] for one, other in zip(in_system.line, waiting.line, strict=True))
    assert len(in_system.points) == len(waiting.points) > 5


def test_a_closed_loop_has_no_queue_worth_a_picture(tmp_path: Path) -> None:
    view = served(tmp_path, concurrency=(2,), requests_per_user=2, prompt_tokens=(16,), output_tokens=(8,))
    assert queue_chart(view, (1,)) is None
    assert timeline_chart(view, (1,)) is not None


def test_lanes_hold_what_the_requests_did(by_a_clock: SessionView) -> None:
    chart = timeline_chart(by_a_clock, (7, 1))
    assert chart is not None
    assert "12 requests, 96 tokens" in chart.told
    with SessionReader.open(by_a_clock.path) as reader:
        timeline = run_timeline(reader.run_data(1))
    assert len(chart.lanes) == len(timeline.lanes)
    for drawn, lane in zip(chart.lanes, timeline.lanes, strict=True):
        ends = [start for start, _, _ in drawn.spans[1:]]
        assert all(stop <= later for (_, stop, _), later in zip(drawn.spans, ends, strict=False))
        assert drawn.shares == pytest.approx(lane.shares(np.array([timeline.start_ns, timeline.end_ns]))[:, 0])
        assert sum(stop - start for start, stop, _ in drawn.spans) <= (timeline.end_ns - timeline.start_ns) / 1e9 + 1e-9
    decoding = sum(stop - start for lane in chart.lanes for start, stop, kind in lane.spans if kind == 3)
    exact = sum(lane.shares[3] for lane in chart.lanes) * (timeline.end_ns - timeline.start_ns) / 1e9
    assert decoding == pytest.approx(exact, rel=0.1)


def test_no_cell_no_timeline(by_a_clock: SessionView) -> None:
    assert timeline_chart(by_a_clock, ()) is None
    assert queue_chart(by_a_clock, ()) is None


def test_both_are_among_the_figures_and_drawn_in_both_themes(by_a_clock: SessionView) -> None:
    charts = {chart.key: chart for chart in session_figures(by_a_clock).charts}
    assert {"queue", "timeline"} <= charts.keys() <= set(KEYS)
    for key in ("queue", "timeline"):
        assert page_figure(charts[key]).startswith("<svg")
        assert lone_figure(charts[key], LIGHT) != lone_figure(charts[key], DARK)
