import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import pytest

from profiler.records.specification import EngineFacts, RunSpecification
from profiler.session.typed_values import from_json, typed


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    number: int


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    inner: Inner | None
    share: float = 0.5
    mode: Literal["a", "b"] = "a"
    names: tuple[str, ...] = ()
    sizes: dict[str, int] | None = None
    colour: Colour = Colour.RED
    anything: Any = None


def test_a_whole_document():
    document = {
        "name": "x",
        "inner": {"number": 3},
        "share": 1,
        "mode": "b",
        "names": ["p", "q"],
        "sizes": {"a": 1},
        "colour": "red",
        "anything": [1, {}],
    }
    assert typed(Outer, document) == Outer("x", Inner(3), 1.0, "b", ("p", "q"), {"a": 1}, Colour.RED, [1, {}])


def test_defaults_fill_in_and_unknown_keys_are_dropped():
    assert typed(Outer, {"name": "x", "inner": None, "from_the_future": 1}) == Outer("x", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 5},
        {"name": None},
        {"inner": {"number": "3"}},
        {"inner": {"number": True}},
        {"inner": {"number": 1.5}},
        {"inner": {}},
        {"inner": [3]},
        {"share": "much"},
        {"share": True},
        {"share": float("nan")},
        {"share": 10**400},
        {"mode": "c"},
        {"mode": []},
        {"names": "pq"},
        {"names": [1]},
        {"sizes": {"a": "1"}},
        {"colour": "blue"},
        {"colour": []},
    ],
)
def test_anything_else_is_refused(changes):
    with pytest.raises(ValueError, match=r"."):
        typed(Outer, {"name": "x", "inner": None, **changes})


@pytest.mark.parametrize("value", ["x" * 9999, b"\xff" * 9999, ["deep"] * 999])
def test_what_is_told_of_a_long_value_is_short(value):
    with pytest.raises(ValueError, match=r"is no Colour") as told:
        typed(Colour, value)
    assert len(str(told.value)) < 80


def test_missing_field_is_named():
    with pytest.raises(ValueError, match="Outer lacks inner"):
        typed(Outer, {"name": "x"})


def test_records_of_a_run_survive(records):
    for specification in (records.specification, records.mix):
        assert typed(RunSpecification, from_json(json.dumps(specification.to_json()))) == specification
    assert typed(EngineFacts, records.facts.to_json()) == records.facts


@pytest.mark.parametrize("text", ["", "{", "[" * 200_000, "9" * 10_000])
def test_text_that_is_no_json(text):
    with pytest.raises(ValueError, match=r"."):
        from_json(text)
