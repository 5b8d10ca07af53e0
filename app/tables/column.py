"""What a column of a table shows of a record: its raw value, and how that is told."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from PySide6.QtCore import Qt

from app.widgets.sentence import Tone

Record = TypeVar("Record")
Raw = str | int | float | bool | None
Interval = tuple[float, float]


class TableRole(IntEnum):
    """What a cell knows beside Qt's own roles."""

    RAW = Qt.ItemDataRole.UserRole + 1  # what it is sorted by and formatted from; None when it is not known
    INTERVAL = Qt.ItemDataRole.UserRole + 2  # (low, high), or None
    TONE = Qt.ItemDataRole.UserRole + 3  # how its text is coloured, beside its mark


def plain_tone(record: object) -> Tone:
    """As the text around it."""
    return "plain"


def no_interval(record: object) -> Interval | None:
    """None is known."""
    return None


def no_tip(record: object) -> str:
    """Nothing more to say."""
    return ""


@dataclass(frozen=True, slots=True)
class Column(Generic[Record]):
    """One column.

    Attributes:
        title: words a user would say, with the unit.
        term: the field's term or an explanation, for the header's tooltip.
        raw: the value of a record, None when it is not known.
        text: a known value as it is told.
        is_figure: a number; stands at the right.
        interval: the figure's 95 % interval, None where there is none.
        tone: a greyed figure is "muted"; others need a mark in their text.
        tip: what the tooltip of a cell tells.
        can_fold: is left out while there is no room for all columns.
    """

    title: str
    term: str
    raw: Callable[[Record], Raw]
    text: Callable[[Raw], str] = str
    is_figure: bool = False
    interval: Callable[[Record], Interval | None] = no_interval
    tone: Callable[[Record], Tone] = plain_tone
    tip: Callable[[Record], str] = no_tip
    can_fold: bool = False
