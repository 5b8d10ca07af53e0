"""Where a step's time goes, out of what a look left in the session."""

from dataclasses import replace
from pathlib import Path

import pytest

from profiler.analysis.step_breakdown import event_of
from profiler.exchange.charts.figures import session_figures
from profiler.exchange.charts.steps import KEY, steps_chart
from profiler.exchange.findings.session_view import read_session
from profiler.exchange.report import report
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.looked_steps import FOUND
from tests.helpers.written_session import write_session


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return write_session(tmp_path / "looked.inferometer")


def keep(session: Path, *cell_ids: int) -> None:
    with SessionWriter.open(session) as writer:
        for cell_id in cell_ids:
            writer.add_event(event_of(replace(FOUND, cell_id=cell_id), cell_id))


def test_without_a_look_there_is_none(session: Path) -> None:
    assert steps_chart(read_session(session)) is None


def test_the_newest_look_is_drawn_decodes_first(session: Path) -> None:
    keep(session, 1, 2)
    view = read_session(session)
    chart = steps_chart(view)
    assert chart is not None
    assert [bar.label for bar in chart.bars] == ["1 alone", "4 together", "prompt of 64"]
    assert {bar.cell_id for bar in chart.bars} == {2}
    assert chart.told == f"{view.cells[1].title}, each sequence holding 72 tokens"
    # 20.2 ms, of which attention takes 13.8, the MLP 5, writing KV 0.2 and the output 1.2
    assert chart.bars[1].parts[:4] == pytest.approx((13.8, 5.0, 0.2, 1.2), rel=1e-6)
    assert "1.2 to 2.0 times as long" in chart.note


def test_the_figures_and_the_report_hold_it(session: Path) -> None:
    keep(session, 1)
    assert KEY in [chart.key for chart in session_figures(read_session(session)).charts]
    with SessionReader.open(session) as reader:
        page = report(reader)
    assert "Where a step&#x27;s time goes" in page or "Where a step's time goes" in page
