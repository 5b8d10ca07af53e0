from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.pages.results.breakdown_words import KINDS
from app.plots.stacked_bars import PartKind, StackedBar, StackedBars, nice_ticks
from app.theme import ThemeSwitch

TWO = (PartKind("one", 0, Qt.BrushStyle.SolidPattern), PartKind("other", 1, Qt.BrushStyle.BDiagPattern))
BARS = (StackedBar("a", (3.0, 1.0), "4 ms", "a: 4 ms"), StackedBar("b", (2.0, 6.0), "8 ms", "b: 8 ms"))


@pytest.mark.parametrize("stands", [False, True])
def test_parts_follow_each_other_and_are_as_long_as_they_are_large(qtbot: QtBot, theme: ThemeSwitch, stands: bool) -> None:
    bars = StackedBars("Bars", TWO, stands=stands)
    qtbot.addWidget(bars)
    bars.show_bars(BARS, "ms", "layer")
    bars.resize(bars.sizeHint())
    bars.grab()
    lengths = {(row, kind): rect.height() if stands else rect.width() for rect, row, kind in bars.segments()}
    assert lengths[0, 0] / lengths[0, 1] == pytest.approx(3)
    assert lengths[1, 1] / lengths[1, 0] == pytest.approx(3)
    assert lengths[1, 0] + lengths[1, 1] == pytest.approx(2 * (lengths[0, 0] + lengths[0, 1]))
    first, second = (rect for rect, row, _ in bars.segments() if row == 0)
    assert (second.bottom() if stands else second.left()) == pytest.approx(first.top() if stands else first.right())
    for rect, _, _ in bars.segments():
        assert bars.rect().contains(rect.toAlignedRect())
    assert bars.words_at(second.center()) == "other: 25 %\na: 4 ms"
    assert bars.words_at(bars.rect().bottomRight().toPointF()) == ""
    assert bars.accessibleDescription() == "a: 4 ms; b: 8 ms"


def test_the_legend_wraps_and_makes_room(qtbot: QtBot) -> None:
    bars = StackedBars("Bars", KINDS)
    qtbot.addWidget(bars)
    bars.show_bars([StackedBar("a", (1.0,) * 6, "6", "a")], "ms")
    bars.resize(900, 300)
    wide = bars.sizeHint().height()
    bars.resize(300, 300)
    assert bars.sizeHint().height() > wide
    empty = StackedBars("Bars", KINDS)
    qtbot.addWidget(empty)
    empty.grab()
    assert list(empty.segments()) == []


def test_no_two_kinds_look_alike_without_colour() -> None:
    greys = [kind.pattern for kind in KINDS if kind.series is None]
    coloured = [kind.pattern for kind in KINDS if kind.series is not None]
    assert len(set(greys)) == len(greys)
    assert len(set(coloured)) == len(coloured)


@given(st.floats(1e-6, 1e6))
def test_ticks_are_round_and_few(longest: float) -> None:
    ticks = nice_ticks(longest)
    assert 2 <= len(ticks) <= 6
    assert ticks[0] == 0
    assert ticks[-1] <= longest * (1 + 1e-6)
    steps = {f"{after - before:.6g}" for before, after in pairwise(ticks)}
    assert len(steps) == 1
    assert steps.pop().strip("0.").split("e")[0].strip("0.") in ("1", "2", "5")


def test_nothing_has_no_ticks() -> None:
    assert nice_ticks(0.0) == []
    assert nice_ticks(28.3) == [0, 10, 20]
