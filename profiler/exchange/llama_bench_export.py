"""Export as llama-bench's JSONL, so that its readers can set our speeds beside theirs.

A row is one test of one cell, in the field names and order of the llama-bench that belongs to our llama.cpp, with `samples_ns`
and `samples_ts` behind; what is ours alone stands under the key `inferometer`. null is what we do not know.

What is comparable. llama-bench's pp reads one prompt alone, its tg makes one decode call after another, and neither samples. So
only cells are written whose requests were alone in the engine: a closed loop of one user (or offline or sequential on one slot),
lengths that are exact, nothing from a prefix cache. Of every completed request in a valid run:

    pp  n_prompt = prompt tokens, n_gen = 0, n_depth = depth
        a sample is the sum of `decode_ns` (llama_decode + llama_synchronize) of the steps that read its prompt
    tg  n_prompt = 0, n_gen = output tokens - 1, n_depth = depth + prompt tokens
        a sample is the sum of `decode_ns` of the steps after: the first output token comes with the prompt's last step, so n
        tokens took n - 1 decode calls, and the sequence held the prompt when they began

Field by field: `build_commit` names the llama-cpp-python release, for the commit is not told; `model_type` is our words for it
(architecture, parameters, type); `model_size` is the bytes of its tensors; `n_batch` and `n_ubatch` are what llama.cpp made of
what was asked; `n_threads` is `threads_batch` of a pp and `threads` of a tg, those that its ubatches ran on; `flash_attn` is its
-1 auto, 0 off, 1 on; `load_mode` is "mmap" or "none"; `test_time` is the start of the first run that gave a sample. An importer
needs: model_filename, model_type, model_size, n_prompt, n_gen, n_depth, n_batch, n_ubatch, n_threads, type_k, type_v,
n_gpu_layers, samples_ns.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import profiler
from profiler.errors import UnusableArguments
from profiler.exchange.target import new_file
from profiler.records.run_record import CellRecord, ModelRecord, RunRecord, RunStatus
from profiler.records.specification import ContextSettings, RunSpecification
from profiler.records.timing import STEP_DTYPE, RequestStatus, no_rows
from profiler.session.reader import SessionReader
from profiler.units import count_text

_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}

_REASONS_TOLD = 5


@dataclass(slots=True)
class _Samples:
    """Nanoseconds of each test of a cell."""

    pp_ns: list[int] = field(default_factory=list)
    tg_ns: list[int] = field(default_factory=list)
    run_ids: list[int] = field(default_factory=list)


def export_llama_bench(reader: SessionReader, target: Path, *, force: bool = False) -> list[str]:
    """Write a line for each test to `target`; returns a sentence for each cell that has none.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or no cell compares.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    lines: list[str] = []
    left_out: list[tuple[int, str]] = []
    models = {model.model_id: model for model in reader.models()}
    for cell in reader.cells():
        rows, reason = _rows(reader, cell, models.get(cell.model_id or 0))
        lines += [json.dumps(row) for row in rows]
        if reason:
            left_out.append((cell.cell_id, reason))
    if not lines:
        reasons = "; ".join(f"cell {cell_id}: {reason}" for cell_id, reason in left_out[:_REASONS_TOLD]) or "no cells"
        raise UnusableArguments(
            f"{reader.path} has nothing that llama-bench would measure ({reasons}). "
            "It knows one request at a time, of an exact length and nothing cached: run --concurrency 1, or export csv."
        )
    with new_file(target, force=force) as stream:
        stream.writelines(f"{line}\n" for line in lines)
    return [f"Cell {cell_id} has no row: {reason}." for cell_id, reason in left_out]


def _rows(reader: SessionReader, cell: CellRecord, model: ModelRecord | None) -> tuple[list[dict[str, Any]], str]:
    """The tests of a cell, or why it has none."""
    runs = [run for run in reader.runs(cell.cell_id) if run.status is RunStatus.DONE and run.is_valid]
    if model is None or not runs:
        return [], "it has no valid run"
    specification = runs[0].specification
    if reason := _why_not(specification):
        return [], reason
    samples = _Samples()
    for run in runs:
        before = len(samples.pp_ns)
        _take(
            samples,
            reader.requests(run.run_id),
            np.concatenate(list(reader.row_chunks(run.run_id, "step")) or [no_rows(STEP_DTYPE)]),
        )
        samples.run_ids += [run.run_id] * (len(samples.pp_ns) > before)
    if not samples.pp_ns:
        return [], "no request of it was completed alone"
    return list(_tests(reader, cell, model, runs, samples)), ""


def _why_not(specification: RunSpecification) -> str:
    """Why llama-bench would not measure such a load; empty when it would."""
    load, slots = specification.load, specification.context.slots
    if len(load.classes) > 1:
        return "its load is a mix"
    (only,) = load.classes
    if not (only.prompt_tokens.isdigit() and only.output_tokens.isdigit()):
        return "its lengths vary"
    if only.turns > 1:
        return "its requests are conversations"
    if load.prefix_cache:
        return "it has a prefix cache"
    if not (only.arrival == "closed" and only.users == 1) and slots > 1:
        return "its requests share the engine"
    if slots > 1 and load.depth:
        return "its idle slots hold tokens too"
    return ""


def _take(samples: _Samples, requests: NDArray[Any], steps: NDArray[Any]) -> None:
    """Add the tests of a run: of each completed request that was alone in all of its steps."""
    for request in requests[requests["status"] == RequestStatus.COMPLETED]:
        first_ns, end_ns = int(request["first_token_ns"]), int(request["end_ns"])
        of_request = steps[(steps["start_ns"] >= request["prefill_start_ns"]) & (steps["end_ns"] <= end_ns)]
        reads = of_request["end_ns"] <= first_ns
        prefill, decode = of_request[reads], of_request[~reads]
        is_alone = bool((of_request["sequences"] == 1).all())
        is_whole = int(prefill["prefill_tokens"].sum()) == int(request["prompt_tokens"]) and not prefill["decode_tokens"].any()
        if is_alone and is_whole and int(decode["decode_tokens"].sum()) == len(decode) == int(request["output_tokens"]) - 1:
            samples.pp_ns.append(int(prefill["decode_ns"].sum()))
            if len(decode):
                samples.tg_ns.append(int(decode["decode_ns"].sum()))


def _tests(
    reader: SessionReader, cell: CellRecord, model: ModelRecord, runs: Sequence[RunRecord], samples: _Samples
) -> Iterator[dict[str, Any]]:
    load = runs[0].specification.load
    prompt, output = int(load.classes[0].prompt_tokens), int(load.classes[0].output_tokens)
    taken = [run for run in runs if run.run_id in samples.run_ids]
    settings = _settings(reader, model, taken[0])
    for n_prompt, n_gen, n_depth, samples_ns in (
        (prompt, 0, load.depth, samples.pp_ns),
        (0, output - 1, load.depth + prompt, samples.tg_ns),
    ):
        if not samples_ns:
            continue
        samples_ts = [1e9 * (n_prompt + n_gen) / max(ns, 1) for ns in samples_ns]
        context = taken[0].specification.context
        yield {
            **settings,
            "n_threads": _threads(context, is_prompt=n_prompt > 0),
            "n_prompt": n_prompt,
            "n_gen": n_gen,
            "n_depth": n_depth,
            "test_time": taken[0].anchor.utc if taken[0].anchor else None,
            "avg_ns": round(_mean(samples_ns)),
            "stddev_ns": round(_deviation(samples_ns)),
            "avg_ts": _mean(samples_ts),
            "stddev_ts": _deviation(samples_ts),
            "samples_ns": samples_ns,
            "samples_ts": samples_ts,
            "inferometer": {
                "version": profiler.__version__,
                "session": reader.title(),
                "cell_id": cell.cell_id,
                "run_ids": samples.run_ids,
                "config": cell.configuration,
                "sha256": model.sha256,
                "flags": list(dict.fromkeys(flag for run in taken for flag in run.flags)),
            },
        }


def _settings(reader: SessionReader, model: ModelRecord, run: RunRecord) -> dict[str, Any]:
    """The fields that both tests of a cell share, in llama-bench's order."""
    machine = reader.machine()
    engine = machine.get("engine") or {}
    backends = engine.get("backends") or []
    context, settings = run.specification.context, run.specification.model
    devices = [each for each in machine.get("devices") or [] if each.get("kind") in ("gpu", "igpu")]
    return {
        "build_commit": f"llama-cpp-python {engine['llama_cpp_python']}" if engine.get("llama_cpp_python") else None,
        "build_number": None,
        "cpu_info": (machine.get("cpu") or {}).get("name"),
        "gpu_info": ", ".join(str(each.get("name")) for each in devices),
        "backends": ",".join(name for name in backends if name != "CPU") or "CPU",
        "model_filename": model.path,
        "model_type": f"{model.architecture} {count_text(model.parameters).replace(' ', '')} {model.quantization}",
        "model_size": round(model.bits_per_weight * model.parameters / 8),
        "model_n_params": model.parameters,
        "n_batch": run.facts.n_batch if run.facts else context.batch_size,
        "n_ubatch": run.facts.n_ubatch if run.facts else context.ubatch_size,
        "n_threads": None,
        "cpu_mask": None,
        "cpu_strict": None,
        "poll": None,
        "type_k": context.cache_type_k,
        "type_v": context.cache_type_v,
        "n_gpu_layers": settings.n_gpu_layers,
        "n_cpu_moe": 0,
        "split_mode": settings.split_mode,
        "main_gpu": settings.main_gpu,
        "no_kv_offload": not context.kv_offload,
        "flash_attn": _FLASH_ATTENTION[context.flash_attn],
        "devices": "auto",
        "tensor_split": "/".join(f"{share:.2f}" for share in settings.tensor_split or (0.0,)),
        "tensor_buft_overrides": "none",
        "load_mode": "mmap" if settings.mmap else "none",
        "lazy_mode": None,
        "embeddings": False,
        "no_op_offload": int(not context.op_offload),
        "no_host": settings.no_host,
        "repack": settings.repack,
        "fit_target": None,
        "fit_min_ctx": None,
    }


def _threads(context: ContextSettings, *, is_prompt: bool) -> int:
    """The threads that the test's ubatches ran on (measurement.md §3: those of several tokens take threads_batch)."""
    return context.threads_batch if is_prompt else context.threads


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    """The sample's standard deviation; 0 for one value, as llama-bench has it."""
    if len(values) < 2:
        return 0.0
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
