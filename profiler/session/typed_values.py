"""Plain values out of an untrusted file, held against the types of our records before anyone uses them."""

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, TypeVar, Union, cast

T = TypeVar("T")


def typed(kind: type[T], value: object) -> T:
    """`value` as an instance of `kind`: a scalar, an enum, a dataclass from its fields (unknown ones are dropped).

    Raises:
        ValueError: it is something else; the text says what was expected.
    """
    return cast(T, _as(kind, value))


def from_json(text: str) -> Any:
    """The value of a JSON text; raises ValueError when it is none, too deeply nested included."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("a JSON text is nested too deeply") from None


def _as(kind: Any, value: object) -> Any:
    """`value` as the annotation `kind` wants it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _as_one_of(arguments, value)
    if origin is Literal:
        return _expect(value in arguments, value, kind)
    if origin is list and isinstance(value, list):
        return [_as(arguments[0], item) for item in value]
    if origin is tuple and isinstance(value, list):  # tuple[x, …] only
        return tuple(_as(arguments[0], item) for item in value)
    if origin is dict and isinstance(value, dict):
        return {_as(arguments[0], key): _as(arguments[1], item) for key, item in value.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        return _as_dataclass(kind, value)
    return _as_scalar(kind, value)


def _as_scalar(kind: Any, value: object) -> Any:
    if not isinstance(kind, type):
        return _expect(False, value, kind)  # a list, tuple or dictionary was wanted
    if issubclass(kind, Enum):
        return kind(value) if any(value == each.value for each in kind) else _expect(False, value, kind)
    if kind is float and type(value) in (int, float):
        return _finite(cast(float, value))
    return _expect(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)), value, kind)


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("a number is too large") from None
    return cast(float, _expect(math.isfinite(number), number, float))


def _as_one_of(kinds: tuple[Any, ...], value: object) -> Any:
    for kind in kinds:
        try:
            return _as(kind, value)
        except ValueError:
            continue
    return _expect(False, value, kinds)


def _as_dataclass(kind: type, document: Mapping[str, object]) -> Any:
    annotations = _annotations(kind)
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in document:
            values[field.name] = _as(annotations[field.name], document[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{kind.__name__} lacks {field.name}")
    return kind(**values)


@functools.cache
def _annotations(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _expect(is_met: bool, value: object, kind: Any) -> Any:
    if not is_met:
        raise ValueError(f"{str(value)[:40]!r} is no {getattr(kind, '__name__', kind)}")
    return value
