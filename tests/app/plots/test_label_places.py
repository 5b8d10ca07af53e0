import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.plots.label_places import Box, Wanted, is_led_to, label_places

PLANE = Box(0, 0, 700, 220)
NO_LINES = np.empty((0, 2))


def points_of(wanted: list[Wanted]) -> np.ndarray:
    return np.array([(each.x, each.y) for each in wanted]).reshape(-1, 2)


def places_of(wanted: list[Wanted], taken: tuple[Box, ...] = (), lines: np.ndarray = NO_LINES) -> list[Box | None]:
    return label_places(wanted, points_of(wanted), lines, taken, PLANE)


def test_a_lonely_label_stands_below_right_of_its_point() -> None:
    wanted = [Wanted(100, 100, 30, 12)]
    (place,) = places_of(wanted)
    assert place is not None
    assert 100 < place.left < 110
    assert 100 < place.top < 110
    assert not is_led_to(wanted[0], place)


def test_a_label_keeps_off_a_line_when_it_can() -> None:
    down_right = np.array([(100 + step, 100 + step) for step in range(0, 60, 3)], float)
    (place,) = places_of([Wanted(100, 100, 30, 12)], lines=down_right)
    assert place is not None
    assert not place.holds_any(down_right, 0)
    everywhere = np.array([(x, y) for x in range(0, 700, 4) for y in range(0, 220, 4)], float)
    (place,) = places_of([Wanted(100, 100, 30, 12)], lines=everywhere)
    assert place is not None  # rather upon a line than nowhere, but not far away


def test_without_room_beside_it_a_line_leads_to_the_label() -> None:
    around = (Box(60, 60, 35, 80), Box(105, 60, 35, 80), Box(60, 60, 80, 32), Box(60, 108, 80, 32))
    wanted = [Wanted(100, 100, 30, 12)]
    assert places_of(wanted, taken=around) == [None]  # walled in: the line would run through words
    (place,) = places_of(wanted, taken=around[:3])
    assert place is not None
    assert is_led_to(wanted[0], place) == (place.top - 100 > 12)
    assert not any(place.overlaps(box) for box in around[:3])


labels = st.lists(
    st.builds(Wanted, st.floats(5, 695), st.floats(5, 215), st.floats(6, 120), st.just(12.0)), min_size=1, max_size=25
)


@given(labels)
@settings(max_examples=60, deadline=None)
def test_nothing_covers_anything(wanted: list[Wanted]) -> None:
    taken = (Box(500, 10, 150, 14),)
    places = places_of(wanted, taken)
    placed = [place for place in places if place is not None]
    points = points_of(wanted)
    for number, place in enumerate(placed):
        assert place.lies_in(PLANE)
        assert not place.holds_any(points, 0)
        assert not place.overlaps(taken[0])
        assert not any(place.overlaps(other) for other in placed[:number])
