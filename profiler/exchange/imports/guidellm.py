"""GuideLLM's results as far as they go: each of its benchmarks is a cell with one run of the figures it states.

Taken are those that mean what ours do, over its successful requests: time to first token and request latency, both from the start
of a request; its inter-token latency, one mean for each request, is our tpot. Its time_per_output_token holds the first token's
wait, so that it is none of our figures; it stays among what is kept. Its percentiles are observed values, as ours are.
"""

from collections.abc import Mapping
from typing import Any

from profiler.errors import BadFile
from profiler.exchange.imports.fields import count, items, number, plain, section, text
from profiler.exchange.imports.imported import (
    MOST_RUNS,
    ImportedCell,
    ImportedRun,
    ImportedSession,
    configuration,
    figures,
    machine_document,
)
from profiler.records.axis import AxisValue

TOOL = "GuideLLM"
LACKS = (
    "no model file",
    "no due times (latencies count from the start of a request)",
    "no request times",
    "no times of tokens",
    "no repetitions",
    "no telemetry",
)

_LATENCIES = {
    "ttft_ms": ("time_to_first_token_ms", 1.0),
    "tpot_ms": ("inter_token_latency_ms", 1.0),
    "e2e_ms": ("request_latency", 1e3),
}
_RATES = {
    "output_tok_s": "output_tokens_per_second",
    "prompt_tok_s": "prompt_tokens_per_second",
    "requests_s": "requests_per_second",
}
_ARRIVALS = {
    "synchronous": "closed",
    "concurrent": "closed",
    "throughput": "offline",
    "constant": "constant",
    "poisson": "poisson",
}


def is_guidellm(row: Mapping[str, Any]) -> bool:
    """Whether an object is a report of benchmarks with metrics."""
    return any("metrics" in each for each in items(row, "benchmarks") if isinstance(each, dict))


def import_guidellm(row: Mapping[str, Any], name: str) -> ImportedSession:
    """The session of a report; raises BadFile when a benchmark is not readable, or there are too many."""
    benchmarks = items(row, "benchmarks")
    if len(benchmarks) > MOST_RUNS or not all(isinstance(each, dict) for each in benchmarks):
        raise BadFile(f"{name} has no list of at most {MOST_RUNS} benchmarks.")
    about = section(row, "metadata")
    machine = machine_document(operating_system=text(about, "platform"), python=text(about, "python_version"))
    return ImportedSession(TOOL, tuple(_cell(each) for each in benchmarks), machine)


def _cell(benchmark: Mapping[str, Any]) -> ImportedCell:
    metrics = section(benchmark, "metrics")
    known: dict[str, Any] = {}
    for ours, (theirs, scale) in _LATENCIES.items():
        found = section(section(metrics, theirs), "successful")
        percentiles = section(found, "percentiles")
        values = {name: number(percentiles, name) for name in ("p50", "p90", "p95", "p99")}
        values |= {"mean": number(found, "mean"), "max": number(found, "max")}
        if values["p50"] is None:
            values["p50"] = number(found, "median")
        n = count(found, "count")
        if n:
            known[ours] = {name: None if value is None else value * scale for name, value in values.items()} | {"n": n}
    for ours, theirs in _RATES.items():
        known[ours] = number(section(section(metrics, theirs), "successful"), "mean")
    kept = {
        **plain(benchmark),
        **{f"{name}.mean": number(section(section(metrics, name), "successful"), "mean") for name in metrics},
        **{f"config.{name}": value for name, value in plain(section(benchmark, "config")).items()},
    }
    return ImportedCell(configuration(**_axes(benchmark)), (ImportedRun(figures(**known)),), kept=kept, lacks=LACKS)


def _axes(benchmark: Mapping[str, Any]) -> dict[str, AxisValue]:
    strategy = section(section(benchmark, "config"), "strategy") or section(section(benchmark, "scheduler"), "strategy")
    kind = _ARRIVALS.get(text(strategy, "type_") or "")
    known: dict[str, AxisValue] = {"arrival": kind}
    if kind == "closed":
        known["concurrency"] = 1 if text(strategy, "type_") == "synchronous" else count(strategy, "streams")
    elif kind in ("constant", "poisson"):
        known["rate"] = number(strategy, "rate")
    return known
