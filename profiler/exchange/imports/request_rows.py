"""Requests and tokens as raw rows, from instants in the columns of a file."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.errors import BadFile
from profiler.exchange.imports.fields import as_number
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, TOKEN_DTYPE, RequestStatus

MOST_NS = 2**53
"""Some hundred days: no run lasts longer, and up to here seconds tell whole nanoseconds in a double."""

MOST_COUNT = 2**31 - 1

_NS_PER_S = 1e9


def ns_of(seconds: object) -> int | None:
    """Seconds as whole nanoseconds; None where it is no number or none of a run."""
    value = as_number(seconds)
    if value is None or abs(value) * _NS_PER_S > MOST_NS:
        return None
    return round(value * _NS_PER_S)


def instant(value: int | None) -> int:
    """An instant as it stands in a row."""
    return ABSENT_NS if value is None else value


def request_array(columns: dict[str, Sequence[int]], count: int) -> NDArray[Any]:
    """Rows of REQUEST_DTYPE; a column that is not given is 0, an instant that is not given was not told.

    Raises:
        ValueError: a value does not fit its column.
    """
    requests = np.zeros(count, REQUEST_DTYPE)
    for name in REQUEST_DTYPE.names or ():
        if name in columns:
            try:
                requests[name] = columns[name]
            except OverflowError as error:
                raise ValueError(f"a value of {name} is out of range") from error
        elif name.endswith("_ns"):
            requests[name] = ABSENT_NS
    return requests


def token_array(times_ns: Sequence[NDArray[np.int64]], requests: Sequence[int]) -> NDArray[Any]:
    """Rows of TOKEN_DTYPE in the order of their time, from the times of each request's tokens.

    Tokens with one stamp are of one step, since a step's members share it; which words they were is not known.
    """
    tokens = np.empty(sum(map(len, times_ns)), TOKEN_DTYPE)
    if not len(tokens):
        return tokens
    tokens["time_ns"] = np.concatenate(times_ns)
    tokens["request"] = np.repeat(np.array(requests, np.uint32), [len(times) for times in times_ns])
    tokens["token"] = -1
    tokens = tokens[np.argsort(tokens["time_ns"], kind="stable")]
    tokens["step"] = np.unique(tokens["time_ns"], return_inverse=True)[1]
    return tokens


def times_after(first_ns: int, gaps_s: list[Any], where: str) -> NDArray[np.int64]:
    """The times of a request's tokens: the first, and each gap later.

    Raises:
        BadFile: a gap is no number, or negative, or longer than any run; `where` says whose.
    """
    try:
        gaps = np.asarray(gaps_s, np.float64)
    except (TypeError, ValueError, OverflowError):
        gaps = np.array([np.nan])
    if gaps.ndim != 1 or not np.isfinite(gaps).all() or (len(gaps) and (gaps.min() < 0 or gaps.sum() * _NS_PER_S > MOST_NS)):
        raise BadFile(f"{where}: the gaps between its tokens are not all numbers of seconds.")
    return first_ns + np.concatenate([[0], np.cumsum(np.rint(gaps * _NS_PER_S).astype(np.int64))])


def status_of(error: object, *, has_ended: bool) -> int:
    """How a request ended, from its error's text; without one it was completed if it ended."""
    known = {status.name.lower(): int(status) for status in RequestStatus}
    if isinstance(error, str) and error:
        return known.get(error, int(RequestStatus.FAILED))
    return int(RequestStatus.COMPLETED if has_ended else RequestStatus.FAILED)
