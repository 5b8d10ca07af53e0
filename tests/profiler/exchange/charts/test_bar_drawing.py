from xml.etree import ElementTree

import pytest

from profiler.exchange.charts.bar_drawing import MOST_DRAWN
from profiler.exchange.charts.chart import Axis, Bar, BarChart, PartKind
from profiler.exchange.charts.drawing import lone_figure, page_figure
from profiler.exchange.charts.elements import hatching, shortened, width_px
from profiler.exchange.charts.ink import PageInk
from profiler.exchange.charts.scale import Scale
from resources.colors import LIGHT

KINDS = (PartKind("queue", "muted", "plain"), PartKind("decode", "s0", "hatched"), PartKind("stall", "s1", "crossed"))
HOSTILE = "</text><script>alert(1)</script>\"'&\u202e"


def chart(*bars: Bar) -> BarChart:
    return BarChart("k", "Bars", "told", Axis("ms", Scale(0, 100)), KINDS, bars, HOSTILE)


def test_parts_follow_each_other_with_lengths_by_the_scale() -> None:
    root = ElementTree.fromstring(page_figure(chart(Bar("a", (10, 30, 0), "40 ms", "words", 7))))
    (group,) = root.iter("g")
    assert group.get("data-cell") == "7"
    first, second = list(group.iter("rect"))  # nothing is drawn of a part of 0
    left, wide = float(first.get("x", "")), float(first.get("width", ""))
    assert float(second.get("x", "")) == pytest.approx(left + wide, abs=0.11)
    assert float(second.get("width", "")) == pytest.approx(3 * wide, abs=0.3)


def test_parts_differ_by_more_than_colour() -> None:
    drawn = [hatching(0, 0, 20, 10, kind.pattern, PageInk(), "surface") for kind in KINDS]
    assert drawn[0] == ""
    assert drawn[2].count("M") == 2 * drawn[1].count("M") > 0


def test_hatching_stays_within_its_rectangle() -> None:
    path = hatching(3, 5, 20, 10, "crossed", PageInk(), "surface").split('"')[1]
    for place in path.replace("L", "M").split("M")[1:]:
        x, y = map(float, place.split())
        assert 3 <= x <= 23
        assert 5 <= y <= 15


def test_hostile_text_stays_text_and_long_words_are_cut() -> None:
    for text in (
        page_figure(chart(Bar(HOSTILE * 9, (1, 2, 3), HOSTILE, HOSTILE, 1))),
        lone_figure(chart(Bar(HOSTILE, (1, 2, 3), HOSTILE, HOSTILE, 1)), LIGHT),
    ):
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()}
        assert "script" not in tags
    assert shortened("short", 100) == "short"
    assert shortened("x" * 50, 100).endswith("…")
    assert width_px(shortened("x" * 50, 100)) <= 100


def test_more_bars_than_can_be_seen_are_left_to_the_table() -> None:
    bars = [Bar(str(number), (1, 1, 1), "3", "", number) for number in range(MOST_DRAWN + 5)]
    assert page_figure(chart(*bars)).count("<g ") == MOST_DRAWN
