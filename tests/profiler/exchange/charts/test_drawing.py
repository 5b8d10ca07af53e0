from xml.etree import ElementTree

import pytest

from profiler.exchange.charts.chart import Axis, Chart, Limit, Point, Series, look_of
from profiler.exchange.charts.drawing import SVG_NAMESPACE, lone_figure, page_figure
from profiler.exchange.charts.frame import frame_of
from profiler.exchange.charts.readings import readings_of
from profiler.exchange.charts.scale import Scale
from resources.colors import DARK, LIGHT

NS = f"{{{SVG_NAMESPACE}}}"
HOSTILE = "</text><script>alert(1)</script>\"'&\u202e\x00]]>"


def chart(*series: Series, limit: Limit | None = None) -> Chart:
    return Chart("k", HOSTILE, "told", Axis("ms", Scale(0, 10)), Axis("tok/s", Scale(0, 100)), series, limit=limit, note=HOSTILE)


def one(*points: Point, name: str = "Q8_0", index: int = 0) -> Series:
    return Series(name, look_of(index), points, tuple((point.x, point.y) for point in points))


def test_hostile_text_stays_text() -> None:
    root = ElementTree.fromstring(lone_figure(chart(one(Point(5, 50, HOSTILE, label=HOSTILE), name=HOSTILE)), LIGHT))
    assert {element.tag.removeprefix(NS) for element in root.iter()} == {
        "svg", "title", "desc", "rect", "text", "path", "circle", "g",
    }  # fmt: skip
    shown = "</text><script>alert(1)</script>\"'&\ufffd\ufffd]]>"
    assert [element.text for element in root.iter(f"{NS}text")].count(shown) == 4  # title, legend, label, note
    ElementTree.fromstring(page_figure(chart(one(Point(5, 50, HOSTILE, label=HOSTILE)))))


def test_a_point_is_where_its_values_are() -> None:
    drawn = chart(one(Point(0, 0, "a", 1), Point(10, 100, "b", 2)))
    frame = frame_of(drawn, 0)
    root = ElementTree.fromstring(page_figure(drawn))
    centres = [
        (float(circle.get("cx", "")), float(circle.get("cy", "")))
        for circle in root.iter("circle")
        if circle.get("class") == "ring"
    ]
    assert centres == [
        pytest.approx((frame.left, frame.bottom), abs=0.06),
        pytest.approx((frame.right, frame.top), abs=0.06),
    ]
    read = readings_of(drawn)["series"][0]["points"]
    assert [point[2:] for point in read] == [["a", 1], ["b", 2]]
    assert read[1][:2] == pytest.approx([frame.right, frame.top], abs=0.06)


def test_an_interval_that_leaves_the_plane_has_no_bar_there() -> None:
    drawn = page_figure(chart(one(Point(5, 50, "a", 1, y_interval=(40, 400)))))
    (path,) = [
        element.get("d", "") for element in ElementTree.fromstring(drawn).iter("path") if element.get("stroke-opacity") == "0.7"
    ]
    assert path.count("h6") == 1


def test_series_differ_by_more_than_colour() -> None:
    looks = [look_of(index) for index in range(16)]
    assert len({(look.marker, look.dash) for look in looks}) == len(looks)


def test_labels_cover_neither_points_nor_each_other() -> None:
    near = [Point(5 + 0.02 * number, 50, "", number, f"{number} users") for number in range(4)]
    root = ElementTree.fromstring(page_figure(chart(one(*near))))
    placed = [
        (float(text.get("x", "")), float(text.get("y", "")), text.get("text-anchor"))
        for text in root.iter("text")
        if (text.text or "").endswith("users")
    ]
    assert 2 <= len(placed) <= 4
    assert len({(y, anchor) for _, y, anchor in placed}) == len(placed)


@pytest.mark.parametrize("limit", [Limit(4, "4 or more", True, "above"), Limit(30, "30 or less", False, "below")])
def test_the_region_of_a_limit_is_on_the_side_that_meets_it(limit: Limit) -> None:
    drawn = chart(one(Point(5, 50, "a", 1)), limit=limit)
    frame = frame_of(drawn, 0)
    region = next(rect for rect in ElementTree.fromstring(page_figure(drawn)).iter("rect") if rect.get("fill-opacity"))
    x, y, width, height = (float(region.get(name, "")) for name in ("x", "y", "width", "height"))
    if limit.is_x:
        assert (x, x + width) == pytest.approx((frame.left + 0.4 * (frame.right - frame.left), frame.right), abs=0.2)
    else:
        assert (y, y + height) == pytest.approx((frame.bottom - 0.3 * (frame.bottom - frame.top), frame.bottom), abs=0.2)


def test_a_lone_figure_has_its_theme_and_no_class() -> None:
    dark = lone_figure(chart(one(Point(5, 50, "a", 1))), DARK)
    assert DARK.surface in dark
    assert DARK.series[0] in dark
    assert "class=" not in dark
    assert "var(" not in dark
