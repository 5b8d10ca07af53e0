"""Export as results of vLLM's `bench serve --save-detailed`: a run a line, as its `--append-result` writes them.

A session of one run gives one JSON document. vLLM's own keys come first, in its units (seconds, but for the figures in ms); what
is ours alone stands under the key `inferometer`. null is what was not reached: vLLM writes 0 there.

Per request, in the order of being due (an importer reads these; every number of seconds is whole nanoseconds / 1e9, so that
rounding each one to nanoseconds gives back our instants exactly):

    start_times     sent_ns, since the run's origin
    queue_times     sent_ns - due_ns: its client-side queue
    ttfts           first_token_ns - sent_ns
    itls            gaps between the request's tokens: token i + 1 comes at start + ttft + the first i gaps
    latencies       end_ns - sent_ns
    input_lens, output_lens     prompt and output tokens; generated_texts is empty throughout
    errors          empty for a completed request, else its status in our words

    inferometer.requests        columns of what vLLM has no place for: request, class, user, turn, due_ns, prefill_start_ns,
                                end_ns, cached_tokens, status

So `start_times`, `ttfts` and `itls` with `inferometer.requests` give every instant of a request and a token; vocabulary ids,
steps and telemetry are not in it.

The figures (`mean_ttft_ms`, `request_throughput` …) are by vLLM's definitions, which are not ours: over all requests of the run
without a window, latencies from being sent, percentiles interpolated; `duration` is from the first sending to the last end.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

import profiler
from profiler.errors import UnusableArguments
from profiler.exchange.target import new_file
from profiler.records.run_record import CellRecord, ModelRecord, RunRecord
from profiler.records.specification import OPEN_LOOP
from profiler.records.timing import TOKEN_DTYPE, RequestStatus, no_rows, reached
from profiler.session.reader import SessionReader
from profiler.session.rows import class_names, plain_columns

_OURS = ("request", "class", "user", "turn", "due_ns", "prefill_start_ns", "end_ns", "cached_tokens", "status")
_PERCENTILES = (50, 90, 95, 99)
_NS_PER_S = 1e9


def export_vllm(reader: SessionReader, target: Path, *, force: bool = False) -> list[str]:
    """Write a line for each run that has requests to `target`; returns a sentence for each that has none.

    Memory holds a run's requests and tokens.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or no run has requests.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    cells = {cell.cell_id: cell for cell in reader.cells()}
    models = {model.model_id: model for model in reader.models()}
    left_out, written = [], 0
    with new_file(target, force=force) as stream:
        for run in reader.runs():
            requests = reader.requests(run.run_id)
            if not len(requests):
                left_out.append(f"Run {run.run_id} has no line: it has no requests.")
                continue
            cell = cells[run.cell_id]
            _write(stream, reader, run, cell, models.get(cell.model_id or 0), requests)
            written += 1
        if not written:
            raise UnusableArguments(f"{reader.path} has no run with requests; nothing was written.")
    return left_out


def _write(
    stream: TextIO, reader: SessionReader, run: RunRecord, cell: CellRecord, model: ModelRecord | None, requests: NDArray[Any]
) -> None:
    """A run's line; the gaps, which are most of it, request by request."""
    tokens = np.concatenate([no_rows(TOKEN_DTYPE), *reader.row_chunks(run.run_id, "token")])
    tokens = tokens[np.lexsort((tokens["time_ns"], tokens["request"]))]
    head = {
        **_about(reader, run, cell, model, requests),
        **_totals(requests),
        **_latencies(requests, tokens),
        **_per_request(requests),
        "generated_texts": [""] * len(requests),
        "inferometer": _ours(run, cell, model, requests),
    }
    stream.write(json.dumps(head, allow_nan=False).removesuffix("}") + ', "itls": [')
    for place, gaps in enumerate(_gaps_s(requests, tokens)):
        stream.write((", " if place else "") + json.dumps(gaps))
    stream.write("]}\n")


def _about(
    reader: SessionReader, run: RunRecord, cell: CellRecord, model: ModelRecord | None, requests: NDArray[Any]
) -> dict[str, Any]:
    load = run.specification.load
    only = load.classes[0] if len(load.classes) == 1 else None
    rate = only.rate_s if only is not None and only.arrival in OPEN_LOOP else None
    return {
        "date": run.anchor.utc if run.anchor else None,
        "backend": "inferometer",
        "endpoint_type": "inferometer",
        "label": reader.title(),
        "model_id": model.name if model else cell.configuration.get("model"),
        "tokenizer_id": model.name if model else None,
        "num_prompts": len(requests),
        "request_rate": "inf" if rate is None else rate,
        "burstiness": 1.0 if only is None else only.burstiness,
        "max_concurrency": load.users or None,
    }


def _totals(requests: NDArray[Any]) -> dict[str, Any]:
    completed = requests[requests["status"] == RequestStatus.COMPLETED]
    sent, ended = requests[reached(requests["sent_ns"])], requests[reached(requests["end_ns"])]
    duration_s = None
    if len(sent) and len(ended):
        duration_s = int(ended["end_ns"].max() - sent["sent_ns"].min()) / _NS_PER_S
    prompt, output = int(completed["prompt_tokens"].sum()), int(completed["output_tokens"].sum())

    def per_second(count: int) -> float | None:
        return count / duration_s if duration_s else None

    return {
        "duration": duration_s,
        "completed": len(completed),
        "failed": len(requests) - len(completed),
        "total_input_tokens": prompt,
        "total_output_tokens": output,
        "request_throughput": per_second(len(completed)),
        "request_goodput": None,
        "output_throughput": per_second(output),
        "total_token_throughput": per_second(prompt + output),
    }


def _latencies(requests: NDArray[Any], tokens: NDArray[Any]) -> dict[str, float | None]:
    """Means, medians, deviations and percentiles over completed requests, by vLLM's definitions."""
    completed = requests[requests["status"] == RequestStatus.COMPLETED]
    ttft_ms = (completed["first_token_ns"] - completed["sent_ns"]) / 1e6
    e2el_ms = (completed["end_ns"] - completed["sent_ns"]) / 1e6
    steps = completed["output_tokens"].astype(np.int64) - 1
    tpot_ms = (e2el_ms - ttft_ms)[steps > 0] / steps[steps > 0]
    of_completed = tokens[np.isin(tokens["request"], completed["request"])]
    follows = of_completed["request"][1:] == of_completed["request"][:-1]
    itl_ms = np.diff(of_completed["time_ns"])[follows] / 1e6
    figures: dict[str, float | None] = {}
    for name, values in (("ttft", ttft_ms), ("tpot", tpot_ms), ("itl", itl_ms), ("e2el", e2el_ms)):
        figures[f"mean_{name}_ms"] = float(values.mean()) if len(values) else None
        figures[f"median_{name}_ms"] = float(np.median(values)) if len(values) else None
        figures[f"std_{name}_ms"] = float(values.std()) if len(values) else None
        for q in _PERCENTILES:
            figures[f"p{q}_{name}_ms"] = float(np.percentile(values, q)) if len(values) else None
    return figures


def _per_request(requests: NDArray[Any]) -> dict[str, list[Any]]:
    statuses = plain_columns(requests[["status"]])["status"]
    return {
        "input_lens": requests["prompt_tokens"].tolist(),
        "output_lens": requests["output_tokens"].tolist(),
        "start_times": _between_s(requests, None, "sent_ns"),
        "queue_times": _between_s(requests, "due_ns", "sent_ns"),
        "ttfts": _between_s(requests, "sent_ns", "first_token_ns"),
        "latencies": _between_s(requests, "sent_ns", "end_ns"),
        "errors": ["" if status == "completed" else status for status in statuses],
    }


def _between_s(requests: NDArray[Any], earlier: str | None, later: str) -> list[float | None]:
    """Seconds from one instant of each request to another, or from the origin; None where one was not reached."""
    columns = plain_columns(requests[[*([earlier] if earlier else []), later]])
    starts = columns[earlier] if earlier else [0] * len(requests)
    return [None if a is None or b is None else (b - a) / _NS_PER_S for a, b in zip(starts, columns[later], strict=True)]


def _gaps_s(requests: NDArray[Any], tokens: NDArray[Any]) -> Iterator[list[float]]:
    """The gaps of each request's tokens, which are sorted by request and time."""
    starts = np.searchsorted(tokens["request"], requests["request"], side="left")
    ends = np.searchsorted(tokens["request"], requests["request"], side="right")
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield (np.diff(tokens["time_ns"][start:end]) / _NS_PER_S).tolist()


def _ours(run: RunRecord, cell: CellRecord, model: ModelRecord | None, requests: NDArray[Any]) -> dict[str, Any]:
    columns = plain_columns(requests[list(_OURS)], class_names(run.specification))
    return {
        "version": profiler.__version__,
        "cell_id": cell.cell_id,
        "run_id": run.run_id,
        "repetition": run.repetition,
        "status": str(run.status),
        "is_valid": run.is_valid,
        "flags": list(run.flags),
        "config": cell.configuration,
        "quantization": model.quantization if model else None,
        "sha256": model.sha256 if model else None,
        "requests": columns,
    }
