"""Rows of a run written by hand, a tuple each, for tests of what is told of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus


def requests_of(*rows: tuple[int, ...]) -> NDArray[Any]:
    """Rows of (due, prefill start, first token, end, prompt tokens)."""
    requests = np.zeros(len(rows), REQUEST_DTYPE)
    requests["request"], requests["status"] = np.arange(len(rows)), RequestStatus.COMPLETED
    names = ("due_ns", "prefill_start_ns", "first_token_ns", "end_ns", "prompt_tokens")
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        requests[name] = column
    return requests


def steps_of(*rows: tuple[int, ...]) -> NDArray[Any]:
    """Rows of (start, end, prompt tokens)."""
    steps = np.zeros(len(rows), STEP_DTYPE)
    for name, column in zip(("start_ns", "end_ns", "prefill_tokens"), zip(*rows, strict=True), strict=True):
        steps[name] = column
    return steps


def tokens_of(*rows: tuple[int, ...]) -> NDArray[Any]:
    """Rows of (request, step, time)."""
    tokens = np.zeros(len(rows), TOKEN_DTYPE)
    for name, column in zip(("request", "step", "time_ns"), zip(*rows, strict=True), strict=True):
        tokens[name] = column
    return tokens
