"""Values of a document by name, as what they should be or None: a file may hold anything under any name."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MOST_WHOLE = 2**53
"""Whole numbers beyond it are none that a benchmark tells, and JSON's readers disagree on them."""

_MOST_TEXT = 2_000
_YES, _NO = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


def number(row: Mapping[str, Any], name: str) -> float | None:
    """A finite number, also one that is written as text (CSV and SQL know nothing else)."""
    return as_number(row.get(name))


def as_number(value: object) -> float | None:
    """The same of a value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value[:64]) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(row: Mapping[str, Any], name: str) -> int | None:
    """A whole number, None for one with a fraction or beyond `MOST_WHOLE`."""
    found = number(row, name)
    return int(found) if found is not None and found == int(found) and abs(found) <= MOST_WHOLE else None


def count(row: Mapping[str, Any], name: str) -> int | None:
    """A whole number that is not negative."""
    found = whole(row, name)
    return found if found is not None and found >= 0 else None


def text(row: Mapping[str, Any], name: str) -> str | None:
    """A text that says something, cut where it is absurdly long."""
    found = row.get(name)
    return found[:_MOST_TEXT] if isinstance(found, str) and found.strip() else None


def yes(row: Mapping[str, Any], name: str) -> bool | None:
    """Whether something is so: true, 1, "1" and their like; None where neither that nor its contrary is told."""
    found = str(row.get(name)).lower()
    return True if found in _YES else False if found in _NO else None


def section(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object, empty where there is none."""
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def items(row: Mapping[str, Any], name: str) -> list[Any]:
    """A list, empty where there is none."""
    found = row.get(name)
    return found if isinstance(found, list) else []


def utc(row: Mapping[str, Any], name: str) -> str | None:
    """An instant with its zone as ISO 8601 in UTC; None without a zone, since it is then not known which instant it is."""
    found = text(row, name)
    if found is None:
        return None
    try:
        instant = datetime.fromisoformat(found)
        return instant.astimezone(UTC).isoformat(timespec="milliseconds") if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row that are one value each: kept with the session, whatever they mean."""
    return {str(name)[:200]: _short(value) for name, value in row.items() if not isinstance(value, list | dict)}


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_MOST_TEXT]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if not isinstance(value, int) or abs(value) <= MOST_WHOLE else None
