"""Results of vLLM's `bench serve` as runs: with --save-detailed request by request and token by token, else its summary.

`start_times`, `ttfts` and `itls` give every request's and token's instants; `exchange.vllm_export` tells the keys one by one and
what our own export adds under "inferometer", from which the whole timeline comes back to the nanosecond. In vLLM's own files
seconds are of its clock, so that the earliest due time becomes 0. What it writes there of a request that failed (0 for what was
not reached) is not an instant.

Figures are computed by our definitions from the instants. A summary has only vLLM's own: means, medians and percentiles, which it
interpolates, of latencies from the sending; `tpot` is as ours. They are taken where they mean the same.

Runs of one model, rate and concurrency are one cell, those of our own export each where they were.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from profiler.errors import BadFile
from profiler.exchange.imports.fields import count, items, number, plain, section, text, utc
from profiler.exchange.imports.imported import (
    MOST_RUNS,
    ImportedCell,
    ImportedRun,
    ImportedSession,
    configuration,
    figures,
    machine_document,
)
from profiler.exchange.imports.request_rows import (
    MOST_COUNT,
    instant,
    ns_of,
    request_array,
    status_of,
    times_after,
    token_array,
)
from profiler.records.axis import AXES, Axis, AxisValue, Configuration
from profiler.records.run_record import RunStatus
from profiler.records.timing import RequestStatus, RunData

TOOL = "vLLM bench serve"
LACKS = ("no machine", "no model file", "no steps", "no telemetry")
_FOREIGN = ("no start of a prompt's reading", "no cached tokens", "no users")
_SUMMARY = ("no request times", "no times of tokens")

MOST_REQUESTS = 300_000
MOST_CLASSES = 64

_PER_REQUEST = ("input_lens", "output_lens", "ttfts", "itls", "start_times")
_OURS = ("due_ns", "prefill_start_ns", "end_ns")
_STATISTICS = (("mean", "mean"), ("p50", "median"), ("p90", "p90"), ("p95", "p95"), ("p99", "p99"))


def is_vllm(row: Mapping[str, Any]) -> bool:
    """Whether an object has a result's keys."""
    return "total_input_tokens" in row and ("ttfts" in row or "request_throughput" in row)


def import_vllm(rows: Sequence[Mapping[str, Any]], name: str) -> ImportedSession:
    """The session of a file's results, each a run.

    Raises:
        BadFile: arrays of a result do not fit each other, or there are too many requests or runs.
    """
    if len(rows) > MOST_RUNS:
        raise BadFile(f"{name} has more than {MOST_RUNS} results; split it.")
    if sum(len(items(row, "ttfts")) for row in rows) > MOST_REQUESTS:
        raise BadFile(f"{name} has more than {MOST_REQUESTS} requests; split it by its runs.")
    cells: dict[str, ImportedCell] = {}
    for place, row in enumerate(rows, 1):
        known = _configuration(row)
        run, lacks = _run(row, f"Result {place} of {name}", known)
        key = repr((section(row, "inferometer").get("cell_id"), known))
        before = cells.get(key)
        runs = (*before.runs, run) if before else (run,)
        cells[key] = ImportedCell(
            known, runs, None, plain(row), tuple(dict.fromkeys((*(before.lacks if before else ()), *lacks)))
        )
    times = sorted(run.utc for cell in cells.values() for run in cell.runs if run.utc)
    return ImportedSession(
        TOOL, tuple(cells.values()), machine_document(), title=text(rows[0], "label") or "", utc=times[0] if times else None
    )


def _configuration(row: Mapping[str, Any]) -> Configuration:
    ours = section(section(row, "inferometer"), "config")
    if ours:
        return configuration(**{axis.name: _on_axis(axis, ours.get(axis.name)) for axis in AXES})
    rate, users = number(row, "request_rate"), count(row, "max_concurrency")
    inputs, outputs = ({*map(str, items(row, name))} for name in ("input_lens", "output_lens"))
    prompt, output = count(row, "random_input_len"), count(row, "random_output_len")
    known: dict[str, AxisValue] = {
        "model": text(row, "model_id"),
        "prompt_tokens": int(next(iter(inputs))) if len(inputs) == 1 and next(iter(inputs)).isdigit() else prompt,
        "output_tokens": int(next(iter(outputs))) if len(outputs) == 1 and next(iter(outputs)).isdigit() else output,
    }
    if rate is not None and rate > 0:
        burstiness = number(row, "burstiness")
        known |= {"arrival": "poisson" if burstiness in (None, 1.0) else "gamma", "rate": rate}
        known |= {"burstiness": burstiness} if burstiness not in (None, 1.0) else {}
    elif users:
        known |= {"arrival": "closed", "concurrency": users}
    else:
        known |= {"arrival": "offline"}
    return configuration(**known)


def _on_axis(axis: Axis, value: object) -> AxisValue:
    """A value of our own export if it may stand on that axis; a file may claim anything."""
    if isinstance(value, str) and axis.kind in ("text", "length"):
        return value[:500]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return (
            None if abs(value) > MOST_COUNT else float(value) if axis.kind == "real" else value if axis.kind != "text" else None
        )
    return value if axis.kind == "real" and np.isfinite(value) else None


def _run(row: Mapping[str, Any], where: str, known: Configuration) -> tuple[ImportedRun, tuple[str, ...]]:
    ours = section(row, "inferometer")
    flags = tuple(flag for flag in items(ours, "flags") if isinstance(flag, str))
    status = RunStatus(ours["status"]) if ours.get("status") in ("done", "partial", "failed") else RunStatus.DONE
    is_valid = ours.get("is_valid") is not False
    if not items(row, "ttfts"):
        return ImportedRun(_summary(row), None, utc(row, "date"), status, is_valid, flags), (*LACKS, *_SUMMARY)
    columns = section(ours, "requests")
    names = tuple(dict.fromkeys(str(name)[:200] for name in items(columns, "class")))
    if len(names) > MOST_CLASSES:
        raise BadFile(f"{where} has more than {MOST_CLASSES} classes of requests.")
    data = _data(row, columns, where)
    run = ImportedRun(None, data, utc(row, "date"), status, is_valid, flags, names if len(names) > 1 else ())
    if run.classes:
        data.requests["class"] = [names.index(str(name)[:200]) for name in items(columns, "class")]
    return run, LACKS if columns else (*LACKS, *_FOREIGN)


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of vLLM where they mean what ours do, but for the percentiles' interpolation."""
    completed = count(row, "completed")

    def distribution(name: str) -> dict[str, float | int | None] | None:
        values = {ours: number(row, f"{theirs}_{name}_ms") for ours, theirs in _STATISTICS}
        return {**values, "max": None, "n": completed or 0} if any(value is not None for value in values.values()) else None

    duration, read = number(row, "duration"), number(row, "total_input_tokens")
    return figures(
        ttft_ms=distribution("ttft"),
        tpot_ms=distribution("tpot"),
        e2e_ms=distribution("e2el"),
        requests_s=number(row, "request_throughput"),
        goodput_s=number(row, "request_goodput"),
        output_tok_s=number(row, "output_throughput"),
        prompt_tok_s=read / duration if read is not None and duration else None,
    )


def _data(row: Mapping[str, Any], ours: Mapping[str, Any], where: str) -> RunData:
    """The rows of a run."""
    number_of = len(items(row, "ttfts"))
    told = {name: items(row, name) for name in (*_PER_REQUEST, "latencies", "queue_times", "errors")}
    for name, values in told.items():
        if len(values) != number_of and (name in _PER_REQUEST or values):
            raise BadFile(f"{where}: {name} has {len(values)} values, ttfts {number_of}; every request has one of each.")
    for name, values in ours.items():
        if not isinstance(values, list) or len(values) != number_of:
            raise BadFile(f"{where}: inferometer.requests.{str(name)[:40]} does not have a value for each request.")
    spans = [_instants(told, ours, place) for place in range(number_of)]
    if ours:
        origin_ns = 0
    else:
        origin_ns = min((due for due, *_ in spans if due is not None), default=0)
        spans = [tuple(None if each is None else each - origin_ns for each in span) for span in spans]  # type: ignore[misc]
    order = list(range(number_of)) if ours else sorted(range(number_of), key=lambda place: spans[place][0] or 0)
    numbers = list(range(number_of)) if not ours else [_small(value) for value in ours.get("request", range(number_of))]
    try:
        return _rows(told, ours, spans, order, numbers, where)
    except (ValueError, TypeError) as error:
        raise BadFile(f"{where} is not readable: {error}.") from error


_Span = tuple[int | None, int | None, int | None, int | None, int | None]
"""due, sent, prefill start, first token, end."""


def _instants(told: Mapping[str, list[Any]], ours: Mapping[str, Any], place: int) -> _Span:
    def seconds(name: str) -> int | None:
        return ns_of(told[name][place]) if told[name] else None

    sent, waited, first, whole = (seconds(name) for name in ("start_times", "queue_times", "ttfts", "latencies"))
    has_failed = bool(told["errors"] and told["errors"][place])
    if ours:
        due, prefill, end = (_exact(ours.get(name, ()), place) for name in _OURS)
    else:
        due, prefill = (None if sent is None else sent - max(waited or 0, 0)), None
        if has_failed and not first:
            first = None
        gaps = told["itls"][place]
        if whole is None and first is not None and isinstance(gaps, list):
            parts = [ns_of(gap) for gap in gaps]
            whole = None if None in parts else first + sum(part for part in parts if part is not None)
        end = None if sent is None or whole is None or (has_failed and not whole) else sent + whole
    return due, sent, prefill, None if sent is None or first is None else sent + first, end


def _exact(column: Sequence[Any], place: int) -> int | None:
    value = column[place] if len(column) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**62:
        raise BadFile("An instant under inferometer.requests is no whole number of nanoseconds; export the session again.")
    return value


def _small(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST_COUNT:
        raise ValueError(f"{str(value)[:40]!r} is no number of a request, user, turn or token")
    return value


def _rows(
    told: Mapping[str, list[Any]],
    ours: Mapping[str, Any],
    spans: Sequence[_Span],
    order: Sequence[int],
    numbers: Sequence[int],
    where: str,
) -> RunData:
    due, sent, prefill, first, end = ([instant(spans[place][kind]) for place in order] for kind in range(5))
    words = {status.name.lower(): int(status) for status in RequestStatus}
    if "status" in ours:
        statuses = [words[str(ours["status"][place])] if str(ours["status"][place]) in words else _unknown() for place in order]
    else:
        errors = told["errors"] or [""] * len(order)
        statuses = [status_of(errors[place], has_ended=spans[place][4] is not None) for place in order]
    columns: dict[str, Sequence[int]] = {
        "request": [numbers[place] for place in range(len(order))],
        "user": [_small(ours["user"][place]) if "user" in ours else -1 for place in order],
        "turn": [_small(ours["turn"][place]) if "turn" in ours else 1 for place in order],
        "due_ns": due,
        "sent_ns": sent,
        "prefill_start_ns": prefill,
        "first_token_ns": first,
        "end_ns": end,
        "prompt_tokens": [_small(told["input_lens"][place]) for place in order],
        "cached_tokens": [_small(ours["cached_tokens"][place]) if "cached_tokens" in ours else 0 for place in order],
        "output_tokens": [_small(told["output_lens"][place]) for place in order],
        "status": statuses,
    }
    requests = request_array(columns, len(order))
    if len(np.unique(requests["request"])) != len(requests):
        raise ValueError("two requests have one number")
    times, of_requests = [], []
    for row, place in enumerate(order):
        begun = spans[place][3]
        gaps = told["itls"][place]
        if begun is not None:
            times.append(times_after(begun, gaps if isinstance(gaps, list) else [None], f"{where}, request {place + 1}"))
            of_requests.append(int(requests["request"][row]))
    return RunData(requests, token_array(times, of_requests))


def _unknown() -> int:
    raise ValueError("a request's status is none that exists")
