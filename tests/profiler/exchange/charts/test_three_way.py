from pathlib import Path

import pytest

from profiler.exchange.charts.frame import frame_of
from profiler.exchange.charts.three_way import MEMORY_KEY, SPEED_KEY, three_way_charts
from profiler.exchange.findings.session_view import read_session
from tests.helpers.search_session import write_search_session
from tests.helpers.written_session import write_session


def test_loss_over_decades_is_logarithmic_and_the_base_stands_at_the_edge(tmp_path: Path) -> None:
    speed, memory = three_way_charts(read_session(write_search_session(tmp_path / "a.inferometer")))
    assert (speed.key, memory.key) == (SPEED_KEY, MEMORY_KEY)
    for chart in (speed, memory):
        assert chart.y.scale.kind == "log"
        points = {series.name: series.points[0] for series in chart.series}
        assert points["Q8_0"].y == 0.0009
        frame = frame_of(chart, 0)
        base = points["F16 · base"]
        assert frame.at(base.x, base.y)[1] == pytest.approx(frame.bottom)
        assert "stands at the lower edge" in chart.note
        assert all(chart.x.scale.holds(point.x) for point in points.values())
    assert [point.cell_id for series in speed.series for point in series.points] == [3, 2, 1]
    # 2.2 times a file of 145 MB, and 2 MB.
    assert {series.name: series.points[0].x for series in memory.series}["Q8_0"] == pytest.approx(2.2 * 145 + 2)


def test_without_quality_speed_and_memory_are_left(tmp_path: Path) -> None:
    (chart,) = three_way_charts(
        read_session(write_search_session(tmp_path / "a.inferometer", has_quality=False, has_memory=False))
    )
    assert chart.title == "Speed and memory"
    assert chart.x.title.startswith("Model file (the peak was not measured), MB")
    assert {series.name: series.points[0].is_hollow for series in chart.series} == {"Q4_K_M ▲": False, "Q8_0": True, "F16": True}
    assert "score it on the Plan page" in chart.note


def test_one_model_makes_no_figure(tmp_path: Path) -> None:
    assert three_way_charts(read_session(write_session(tmp_path / "a.inferometer"))) == []
