"""Places for the labels of points so that none covers another, a point or other words. Pure: pixels in, pixels out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]
"""Rows of x and y."""

_NEAR_PX = 7.0
_FAR_PX = (18.0, 32.0, 48.0, 68.0)
"""From a point to its label's nearest edge: beside it, or away from it with a line that leads there."""

_NEAR_DIRECTIONS = (45, 135, 315, 225, 90, 270, 0, 180)
_FAR_DIRECTIONS = tuple(range(30, 390, 30))
"""In degrees, clockwise from the right since y grows downwards; below comes first, where no roof is."""

_POINT_PX = 4.5
_AIR_PX = 2.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, y growing downwards."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    def overlaps(self, other: "Box") -> bool:
        """Whether they share anything, a little air around included."""
        return (
            self.left < other.right + _AIR_PX
            and other.left < self.right + _AIR_PX
            and self.top < other.bottom + _AIR_PX
            and other.top < self.bottom + _AIR_PX
        )

    def lies_in(self, other: "Box") -> bool:
        """Whether all of it does."""
        return self.left >= other.left and self.right <= other.right and self.top >= other.top and self.bottom <= other.bottom

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Its point that is nearest to this one."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)

    def holds_any(self, points: Pixels, reach_px: float) -> bool:
        """Whether one of these points is inside or so near."""
        x, y = points[:, 0], points[:, 1]
        inside = (
            (x > self.left - reach_px) & (x < self.right + reach_px) & (y > self.top - reach_px) & (y < self.bottom + reach_px)
        )
        return bool(inside.any())


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label of a point: where the point is, and how large the words are."""

    x: float
    y: float
    width: float
    height: float


def label_places(wanted: Sequence[Wanted], points: Pixels, lines: Pixels, taken: Sequence[Box], plane: Box) -> list[Box | None]:
    """A place for each label, those that come first choosing first; None where there is no room.

    Args:
        wanted: the labels.
        points: of all marks, which no label may cover.
        lines: places along lines, which labels keep off where they can; one away from its point does so always.
        taken: other words.
        plane: what all labels lie in.
    """
    placed: list[Box] = [*taken]
    leaders: list[Pixels] = []
    places: list[Box | None] = []
    for each in wanted:
        place = _place(each, points, lines, placed, leaders, plane)
        places.append(place)
        if place is not None:
            placed.append(place)
            if is_led_to(each, place):
                leaders.append(_along(each, place))
    return places


def is_led_to(of: Wanted, place: Box) -> bool:
    """Whether a label is so far from its point that a line should lead there."""
    x, y = place.nearest(of.x, of.y)
    return math.hypot(x - of.x, y - of.y) > (_NEAR_PX + _FAR_PX[0]) / 2


def _place(of: Wanted, points: Pixels, lines: Pixels, placed: Sequence[Box], leaders: Sequence[Pixels], plane: Box) -> Box | None:
    near = [_beside(of, _NEAR_PX, degrees) for degrees in _NEAR_DIRECTIONS]
    far = [_beside(of, reach_px, degrees) for reach_px in _FAR_PX for degrees in _FAR_DIRECTIONS]
    free = [
        box
        for box in (*near, *far)
        if box.lies_in(plane)
        and not box.holds_any(points, _POINT_PX)
        and not any(box.overlaps(other) for other in placed)
        and not any(box.holds_any(leader, 0.0) for leader in leaders)
        and not (is_led_to(of, box) and _is_crossed(of, box, points, placed))
    ]
    off_lines = [box for box in free if not box.holds_any(lines, 0.0)]
    beside = [box for box in free if not is_led_to(of, box)]
    return next(iter((*[box for box in off_lines if not is_led_to(of, box)], *beside, *off_lines)), None)


def _beside(of: Wanted, reach_px: float, degrees: float) -> Box:
    """The label in that direction, its nearest corner or edge so far away."""
    across, down = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = of.x + reach_px * across, of.y + reach_px * down
    left = x - of.width / 2 if abs(across) < 0.2 else x if across > 0 else x - of.width
    top = y - of.height / 2 if abs(down) < 0.2 else y if down > 0 else y - of.height
    return Box(left, top, of.width, of.height)


def _along(of: Wanted, place: Box) -> Pixels:
    """Places along the line from the point to its label, the point's own left out."""
    shares = np.linspace(0.0, 1.0, 12)[2:, None]
    return np.array([of.x, of.y]) * (1 - shares) + np.array(place.nearest(of.x, of.y)) * shares


def _is_crossed(of: Wanted, place: Box, points: Pixels, placed: Sequence[Box]) -> bool:
    """Whether the line to a label would run through other words or over another point."""
    way = _along(of, place)
    others = points[np.hypot(points[:, 0] - of.x, points[:, 1] - of.y) > 1.0]
    if len(others) and np.hypot(way[:, None, 0] - others[None, :, 0], way[:, None, 1] - others[None, :, 1]).min() < _POINT_PX:
        return True
    return any(box.holds_any(way, 0.0) for box in placed)
