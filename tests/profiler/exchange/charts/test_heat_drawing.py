from pathlib import Path
from xml.etree import ElementTree

from profiler.exchange.charts.drawing import lone_figure, page_figure
from profiler.exchange.charts.heatmaps import heat_charts
from profiler.exchange.findings.session_view import read_session
from resources.colors import DARK
from tests.helpers.hostile_session import write_hostile_session
from tests.helpers.metered_session import write_metered_session
from tests.helpers.written_session import write_session


def test_the_strongest_shade_is_the_highest_figure(tmp_path: Path) -> None:
    (chart, *_) = heat_charts(read_session(write_session(tmp_path / "a.inferometer")))
    assert chart.name == "Output, tok/s"
    root = ElementTree.fromstring(page_figure(chart))
    shades = {}
    for group in root.iter("g"):
        (rect,) = list(group.iter("rect"))
        shades[int(group.get("data-cell", "0"))] = float(rect.get("fill-opacity", "0"))
    values = {cell.cell_id: cell.value or 0.0 for cell in chart.map.cells}
    assert len(shades) == 6
    assert max(shades, key=lambda cell: shades[cell]) == max(values, key=lambda cell: values[cell])
    assert sorted(shades, key=lambda cell: (shades[cell], cell)) == sorted(values, key=lambda cell: (values[cell], cell))
    (failed,) = [cell for cell in chart.map.cells if cell.is_failed]
    assert shades[failed.cell_id] == 0  # no shade, and hatched
    (hatched,) = [group for group in root.iter("g") if list(group.iter("path"))]
    assert hatched.get("data-cell") == str(failed.cell_id)


def test_places_lie_in_their_rows_and_columns(tmp_path: Path) -> None:
    (chart, *_) = heat_charts(read_session(write_session(tmp_path / "a.inferometer")))
    root = ElementTree.fromstring(page_figure(chart))
    at = {
        int(group.get("data-cell", "0")): (float(rect.get("x", "0")), float(rect.get("y", "0")))
        for group in root.iter("g")
        for rect in group.iter("rect")
    }
    for cell in chart.map.cells:
        for other in chart.map.cells:
            assert (at[cell.cell_id][0] < at[other.cell_id][0]) == (cell.column < other.column)
            assert (at[cell.cell_id][1] < at[other.cell_id][1]) == (cell.row < other.row)


def test_it_is_whole_alone_and_hostile_text_stays_text(tmp_path: Path) -> None:
    charts = heat_charts(read_session(write_hostile_session(tmp_path / "h.inferometer")))
    for chart in charts:
        for text in (lone_figure(chart, DARK), page_figure(chart)):
            tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()}
            assert tags <= {"svg", "title", "desc", "rect", "text", "path", "g"}


def test_one_cell_makes_no_map(tmp_path: Path) -> None:
    assert heat_charts(read_session(write_metered_session(tmp_path / "m.inferometer"))) == []
