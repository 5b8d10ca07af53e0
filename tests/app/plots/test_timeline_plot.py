import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from pytestqt.qtbot import QtBot

from app.plots.timeline_raster import Palette, lanes_pixels, track_pixels
from app.plots.timeline_span import Span, ticks
from app.plots.timeline_view import TimelineView
from app.theme import ThemeSwitch
from app.tokens import DARK, tokens
from profiler.analysis.timeline import RunTimeline, run_timeline
from profiler.analysis.timeline_tracks import Track, tracks
from profiler.records.timing import RunData
from tests.helpers.timeline_rows import requests_of, steps_of, tokens_of

MS = 1_000_000


def scaled(rows):
    return [tuple(each * MS if place < last else each for place, each in enumerate(row)) for row, last in rows]


@pytest.fixture
def timeline() -> RunTimeline:
    requests = requests_of(*scaled([((0, 10, 30, 90, 12), 4), ((5, 20, 50, 60, 10), 4)]))
    steps = steps_of(*scaled([((11, 20, 8), 2), ((20, 30, 8), 2), ((31, 40, 0), 2), ((40, 50, 6), 2), ((50, 90, 0), 2)]))
    tokens_ = tokens_of((0, 1, 30 * MS), (0, 2, 40 * MS), (0, 3, 50 * MS), (1, 3, 50 * MS), (0, 4, 90 * MS))
    return run_timeline(RunData(requests, tokens_, steps))


@pytest.fixture
def view(qtbot: QtBot, theme: ThemeSwitch, timeline: RunTimeline) -> TimelineView:
    made = TimelineView("Timeline")
    qtbot.addWidget(made)
    made.show_timeline(timeline, tracks(timeline.data, 100, None))
    made.resize(900, made.sizeHint().height())
    made.show()
    return made


WHOLE = Span(0.0, 1e12)


@given(st.floats(0, 1e12), st.floats(0.01, 100), st.floats(0, 9e11), st.floats(1e6, 1e11))
def test_zooming_keeps_the_instant_in_its_place(at: float, factor: float, start: float, length: float) -> None:
    span = Span(start, start + length).within(WHOLE)
    at = min(max(at, span.start_ns), span.end_ns)
    zoomed = span.zoomed(at, factor, WHOLE)
    assert WHOLE.start_ns <= zoomed.start_ns < zoomed.end_ns <= WHOLE.end_ns * (1 + 1e-9)
    is_free = zoomed.start_ns > 0 and zoomed.end_ns < WHOLE.end_ns - 1
    if is_free:
        before, after = (at - span.start_ns) / span.length_ns, (at - zoomed.start_ns) / zoomed.length_ns
        assert after == pytest.approx(before, abs=1e-6)


def test_panning_stops_at_the_ends() -> None:
    span = Span(0.0, 1e9)
    assert span.panned(-5, WHOLE) == span
    assert Span(9e11, 1e12).panned(1e12, WHOLE) == Span(9e11, 1e12)


def test_ticks_are_round_and_within() -> None:
    assert ticks(Span(0.9e9, 3.1e9), 3) == [(1e9, "1 s"), (2e9, "2 s"), (3e9, "3 s")]
    assert [words for _, words in ticks(Span(1.0e9, 1.0021e9), 4)] == ["1.000 s", "1.001 s", "1.002 s"]


def color(name: str) -> int:
    return 0xFF000000 | int(name[1:], 16)


def test_lanes_are_painted_by_what_happens(theme: ThemeSwitch, timeline: RunTimeline) -> None:
    """90 ms on 90 pixels: each pixel is a millisecond."""
    palette = Palette.of(DARK)
    pixels = lanes_pixels(timeline.lanes[:1], Span(0.0, 90.0 * MS), 90, 17, palette)
    surface, prompt, token = (color(each) for each in (DARK.surface, DARK.series[1], DARK.series[0]))
    assert pixels.shape == (17, 90)
    assert pixels[0, 5] == surface, "the queue is a thin line"
    assert pixels[8, 5] == color(DARK.muted)
    assert (pixels[:16, 15] == prompt).all(), "a prompt fills the lane"
    assert pixels[0, 35] == surface
    assert pixels[8, 35] not in (surface, token), "decoding is a pale band"
    strokes = np.flatnonzero((pixels[0] == token) & (pixels[15] == token))
    assert strokes.tolist() == [29, 39, 49, 89], "each token in the pixel that ends with it"
    assert (pixels[16] == surface).all(), "air between lanes"


def test_dense_tokens_are_added_up(timeline: RunTimeline) -> None:
    pixels = lanes_pixels(timeline.lanes[:1], Span(0.0, 90.0 * MS), 2, 9, Palette.of(DARK))
    heights = (pixels == color(DARK.series[0])).sum(axis=0)
    assert heights.tolist() == [8, 8], "two tokens before 45 ms and two after"
    pixels = lanes_pixels(timeline.lanes[:1], Span(0.0, 160.0 * MS), 2, 9, Palette.of(DARK))
    assert (pixels == color(DARK.series[0])).sum(axis=0).tolist() == [8, 3], "three, and one: a third of eight rows"


def test_a_track_shows_means_and_what_is_unknown() -> None:
    track = Track("x", "", np.array([0, 40]), np.array([20, 60]), np.array([4.0, 2.0]), is_zero_between=False)
    pixels = track_pixels(track, Span(0.0, 60.0), 3, 12, Palette.of(DARK), 2)
    filled = (pixels == color(DARK.series[2])).sum(axis=0)
    assert filled.tolist() == [10, 0, 5]
    assert (pixels[:, 1] == color(DARK.line)).any(), "hatched"


def test_the_wheel_zooms_at_the_pointer(view: TimelineView) -> None:
    at = QPointF(500, 40)
    before = view.time_at(at.x())
    wheel = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    view.wheelEvent(wheel)
    assert view.span.length_ns == pytest.approx(90 * MS * 0.64)
    assert view.time_at(at.x()) == pytest.approx(before)


def test_keys_zoom_pan_and_fit(qtbot: QtBot, view: TimelineView) -> None:
    whole = view.span
    qtbot.keyClick(view, Qt.Key.Key_W)
    assert view.span.length_ns == pytest.approx(0.8 * whole.length_ns)
    start = view.span.start_ns
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert view.span.start_ns < start
    qtbot.keyClick(view, Qt.Key.Key_D)
    assert view.span.start_ns > 0
    qtbot.keyClick(view, Qt.Key.Key_S)
    qtbot.keyClick(view, Qt.Key.Key_F)
    assert view.span == whole


def test_keys_go_from_token_to_token(qtbot: QtBot, view: TimelineView) -> None:
    told: list[tuple[int, int, int]] = []
    view.pointed.connect(lambda *point: told.append(point))
    for key in (Qt.Key.Key_Period, Qt.Key.Key_Period, Qt.Key.Key_Comma):
        qtbot.keyClick(view, key)
    assert told == [(30 * MS, 0, 0), (40 * MS, 0, 1), (30 * MS, 0, 0)]


def test_pointing_finds_the_token_and_dragging_moves(qtbot: QtBot, view: TimelineView) -> None:
    told: list[tuple[int, int, int]] = []
    view.pointed.connect(lambda *point: told.append(point))
    qtbot.mouseMove(view, QPoint(round(view.x_at(40 * MS)), 25))
    assert told[-1][1:] == (0, 1)
    qtbot.mouseMove(view, QPoint(round(view.x_at(65 * MS)), 25))
    assert told[-1][1:] == (0, -1)
    view.zoom(0.5, 45 * MS)
    start = view.span.start_ns
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    qtbot.mousePress(view, left, none, QPoint(500, 40))
    qtbot.mouseMove(view, QPoint(450, 40))
    qtbot.mouseRelease(view, left, none, QPoint(450, 40))
    assert view.span.start_ns > start


def test_shift_and_dragging_chooses_a_range(qtbot: QtBot, view: TimelineView) -> None:
    told: list[tuple[int, int]] = []
    dropped: list[bool] = []
    view.range_chosen.connect(lambda *ends: told.append(ends))
    view.range_dropped.connect(lambda: dropped.append(True))
    left, shift = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    qtbot.mousePress(view, left, shift, QPoint(round(view.x_at(60 * MS)), 40))
    qtbot.mouseMove(view, QPoint(round(view.x_at(30 * MS)), 40))
    qtbot.mouseRelease(view, left, shift, QPoint(round(view.x_at(30 * MS)), 40))
    assert told[0] == pytest.approx((30 * MS, 60 * MS), abs=MS)
    qtbot.keyClick(view, Qt.Key.Key_F)
    assert view.span == view.chosen_range
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert dropped == [True]
    assert view.chosen_range is None


def test_it_paints_in_both_themes(view: TimelineView) -> None:
    view.choose_range(20 * MS, 50 * MS)
    image = view.grab().toImage()
    assert image.pixelColor(400, view.height() - 2).name() != tokens().broken


def test_nothing_to_show_is_no_fault(qtbot: QtBot) -> None:
    empty = TimelineView("Timeline")
    qtbot.addWidget(empty)
    empty.grab()
    qtbot.keyClick(empty, Qt.Key.Key_Period)
    empty.show_timeline(run_timeline(RunData()), ())
    empty.grab()
