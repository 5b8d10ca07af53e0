"""AIPerf's results as far as they go: its records request by request (profile_export.jsonl), or its summary (…_aiperf.json).

A record tells when a request was sent and how long its first token and its end took. Its chunks' gaps become tokens only where
there is one for every further token: a chunk may carry several. Of a summary is taken what means the same as ours: time to first
token and request latency, both from the sending. Its inter-token latency is one mean for each request, which is our tpot
(measurement.md §1).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from profiler.errors import BadFile
from profiler.exchange.imports.fields import as_number, count, number, section, text
from profiler.exchange.imports.imported import (
    ImportedCell,
    ImportedRun,
    ImportedSession,
    configuration,
    figures,
    machine_document,
)
from profiler.exchange.imports.request_rows import MOST_COUNT, MOST_NS, instant, request_array, times_after, token_array
from profiler.records.timing import RequestStatus, RunData

TOOL = "AIPerf"
LACKS = (
    "no model file",
    "no machine",
    "no due times (latencies count from the sending)",
    "no start of a prompt's reading",
    "no steps",
    "no telemetry",
)
_SUMMARY = ("no request times", "no times of tokens", "no repetitions")

MOST_REQUESTS = 100_000

_UNIT_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "sec": 1e9, "seconds": 1e9, "milliseconds": 1e6, "nanoseconds": 1.0}
_LATENCIES = {"ttft_ms": "time_to_first_token", "tpot_ms": "inter_token_latency", "e2e_ms": "request_latency"}
_RATES = {"output_tok_s": "output_token_throughput", "requests_s": "request_throughput", "goodput_s": "goodput"}
_STATISTICS = {"mean": "avg", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "max": "max"}


def is_record(row: Mapping[str, Any]) -> bool:
    """Whether an object is the record of a request."""
    return "request_start_ns" in section(row, "metadata") and "metrics" in row


def is_summary(row: Mapping[str, Any]) -> bool:
    """Whether an object is a run's summary."""
    return any("avg" in section(row, name) for name in (*_LATENCIES.values(), "request_throughput"))


def import_records(rows: Sequence[Mapping[str, Any]], name: str) -> ImportedSession:
    """The session of a file of records: one cell, one run.

    Raises:
        BadFile: no record tells its beginning, or there are too many.
    """
    if len(rows) > MOST_REQUESTS:
        raise BadFile(f"{name} has more than {MOST_REQUESTS} requests; split it.")
    known = [row for row in rows if _start_ns(row) is not None and section(row, "metadata").get("benchmark_phase") != "warmup"]
    if not known:
        raise BadFile(f"{name} has no measured request that tells when it was sent (metadata.request_start_ns).")
    known.sort(key=lambda row: _start_ns(row) or 0)
    origin_ns = _start_ns(known[0]) or 0
    try:
        data = _data(known, origin_ns, name)
    except ValueError as error:
        raise BadFile(f"{name} is not readable: {error}.") from error
    lengths = [set(data.requests[column].tolist()) for column in ("prompt_tokens", "output_tokens")]
    prompt, output = (next(iter(each)) if len(each) == 1 else None for each in lengths)
    cell = configuration(prompt_tokens=prompt or None, output_tokens=output or None)
    return ImportedSession(TOOL, (ImportedCell(cell, (ImportedRun(data=data),), lacks=LACKS),), machine_document())


def import_summary(row: Mapping[str, Any]) -> ImportedSession:
    """The session of a summary: one cell, one run of its figures."""
    known: dict[str, Any] = {}
    for ours, theirs in _LATENCIES.items():
        found = section(row, theirs)
        scale = _UNIT_NS.get(str(found.get("unit")).lower())
        if scale is None:
            continue
        values = {statistic: number(found, name) for statistic, name in _STATISTICS.items()}
        if any(value is not None for value in values.values()):
            n = count(section(row, "request_count"), "avg") or count(found, "count") or 0
            known[ours] = {name: None if value is None else value * scale / 1e6 for name, value in values.items()} | {"n": n}
    for ours, theirs in _RATES.items():
        known[ours] = number(section(row, theirs), "avg")
    kept = {f"{name}.avg": number(section(row, name), "avg") for name in row if "avg" in section(row, name)}
    cell = ImportedCell(configuration(), (ImportedRun(figures(**known)),), kept=kept, lacks=(*LACKS, *_SUMMARY))
    return ImportedSession(TOOL, (cell,), machine_document())


def _start_ns(row: Mapping[str, Any]) -> int | None:
    value = section(row, "metadata").get("request_start_ns")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _metric(row: Mapping[str, Any], name: str) -> Any:
    return section(section(row, "metrics"), name).get("value")


def _metric_ns(row: Mapping[str, Any], name: str) -> int | None:
    scale = _UNIT_NS.get(str(section(section(row, "metrics"), name).get("unit")).lower())
    value = as_number(_metric(row, name))
    return round(value * scale) if value is not None and scale is not None and 0 <= value * scale <= MOST_NS else None


def _tokens_of(row: Mapping[str, Any], *names: str) -> int:
    found = next((value for name in names if (value := as_number(_metric(row, name))) is not None), 0.0)
    if not 0 <= found <= MOST_COUNT:
        raise ValueError(f"{found:g} is no number of tokens")
    return int(found)


def _data(rows: Sequence[Mapping[str, Any]], origin_ns: int, name: str) -> RunData:
    columns: dict[str, list[int]] = {}
    times, of_requests = [], []
    for place, row in enumerate(rows):
        sent_ns = (_start_ns(row) or 0) - origin_ns
        first, whole = _metric_ns(row, "time_to_first_token"), _metric_ns(row, "request_latency")
        has_failed = bool(row.get("error")) or section(row, "metadata").get("was_cancelled") is True
        output = _tokens_of(row, "output_sequence_length", "output_token_count")
        end = None if whole is None else sent_ns + whole
        turn = count(section(row, "metadata"), "turn_index") or 0
        values = {
            "request": place,
            "user": -1,
            "turn": min(turn + 1, 65_535),
            "due_ns": sent_ns,
            "sent_ns": sent_ns,
            "first_token_ns": instant(None if first is None else sent_ns + first),
            "end_ns": instant(end),
            "prompt_tokens": _tokens_of(row, "input_sequence_length"),
            "output_tokens": output,
            "status": int(RequestStatus.FAILED if has_failed or end is None else RequestStatus.COMPLETED),
        }
        for key, value in values.items():
            columns.setdefault(key, []).append(value)
        gaps, scale = _metric(row, "inter_chunk_latency"), _UNIT_NS.get(_gap_unit(row))
        if first is not None and isinstance(gaps, list) and scale is not None and len(gaps) == output - 1:
            in_seconds = [as_number(gap) for gap in gaps]
            seconds = [None if gap is None else gap * scale / 1e9 for gap in in_seconds]
            times.append(times_after(sent_ns + first, seconds, f"{name}, request {place + 1}"))
            of_requests.append(place)
    return RunData(request_array(dict(columns), len(rows)), token_array(times, of_requests))


def _gap_unit(row: Mapping[str, Any]) -> str:
    return str(text(section(section(row, "metrics"), "inter_chunk_latency"), "unit")).lower()
