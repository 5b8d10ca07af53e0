"""llama-bench's rows as cells: JSON, JSON lines, CSV and SQL alike, by field name.

A row is a test of one sequence alone. Rows that differ in nothing but their samples are one cell; each sample is a repetition, a
row without samples is one (its mean; how far its repetitions lay apart stays among the fields that are kept). By our definitions,
of a test that took t seconds:

    pp  prompt_tokens = n_prompt, output_tokens = 0, depth = n_depth: prompt_tok_s = n_prompt / t, prefill_ms = t
    tg  prompt_tokens = 0, output_tokens = n_gen, depth = n_depth: output_tok_s = user_tok_s = n_gen / t, tpot_ms = t / n_gen
    pg  both: prompt_tok_s = n_prompt / t and output_tok_s = n_gen / t; where one phase ended is not told

A tg of n calls makes the tokens 2 … n + 1 of an answer whose first came with its prompt: `exchange.imports.recast` counts so when
it sets a row beside a run.

Of the axes, `threads` and `threads_batch` are n_threads, since llama-bench sets both to it; n_gpu_layers is 0 where llama.cpp had
nothing but the processor, and all layers from 99 on, which is llama-bench's word for them.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from profiler.errors import BadFile
from profiler.exchange.imports.fields import as_number, count, items, number, plain, text, utc, whole, yes
from profiler.exchange.imports.imported import (
    MOST_RUNS,
    ImportedCell,
    ImportedRun,
    ImportedSession,
    configuration,
    figures,
    machine_document,
    one_value,
)
from profiler.plan.cells import ALL_LAYERS
from profiler.records.axis import Configuration
from profiler.records.run_record import Figures, ModelRecord

TOOL = "llama-bench"
LACKS = ("no request times", "no times of tokens", "no steps", "no telemetry")
_NO_SAMPLES = "no single repetitions (their mean is one)"

_ALL_LAYERS_FROM = 99
FLASH_ATTENTION = {"-1": "auto", "auto": "auto", "0": "off", "false": "off", "off": "off", "1": "on", "true": "on", "on": "on"}
_RESULTS = ("test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts", "samples_ns", "samples_ts", "inferometer")
_GUESS = re.compile(r"\(guessed\)\s*")
_TYPE = re.compile(r"\b((?:I?Q\d\w*|T?Q\d_\d|BF16|F16|F32|MXFP4\w*|NVFP4\w*)(?: - (?:Small|Medium|Large)\b)?)", re.IGNORECASE)


def is_llama_bench(row: Mapping[str, Any]) -> bool:
    """Whether an object has a test's fields."""
    return "n_prompt" in row and "n_gen" in row and any(name in row for name in ("samples_ns", "samples_ts", "avg_ns", "avg_ts"))


def import_llama_bench(rows: Sequence[Mapping[str, Any]], name: str) -> ImportedSession:
    """The session of a file's rows.

    Raises:
        BadFile: a row tells no test or no time, or there are too many.
    """
    models: dict[tuple[Any, ...], ModelRecord] = {}
    cells: dict[str, ImportedCell] = {}
    runs = 0
    for place, row in enumerate(rows, 1):
        cell = _cell(row, place, name, models)
        runs += len(cell.runs)
        if runs > MOST_RUNS:
            raise BadFile(f"{name} tells more than {MOST_RUNS} repetitions; split it.")
        key = repr([(field, value) for field, value in sorted(plain(row).items()) if field not in _RESULTS])
        known = cells.get(key)
        cells[key] = (
            cell
            if known is None
            else ImportedCell(
                known.configuration,
                known.runs + cell.runs,
                known.model,
                known.kept,
                tuple(dict.fromkeys(known.lacks + cell.lacks)),
            )
        )
    times = sorted(run.utc for cell in cells.values() for run in cell.runs if run.utc)
    return ImportedSession(
        TOOL, tuple(cells.values()), _machine(rows[0]), tuple(models.values()), utc=times[0] if times else None
    )


def _cell(row: Mapping[str, Any], place: int, name: str, models: dict[tuple[Any, ...], ModelRecord]) -> ImportedCell:
    n_prompt, n_gen = count(row, "n_prompt"), count(row, "n_gen")
    if n_prompt is None or n_gen is None or not n_prompt + n_gen:
        raise BadFile(f"Row {place} of {name} tells neither how many tokens it read nor how many it made; no such test exists.")
    seconds = _seconds(row, n_prompt + n_gen)
    if not seconds or not all(each > 0 for each in seconds):
        raise BadFile(f"Row {place} of {name} tells no time of its test (samples_ns, samples_ts, avg_ns or avg_ts).")
    ours = row.get("inferometer")
    flags = tuple(flag for flag in items(ours, "flags") if isinstance(flag, str)) if isinstance(ours, dict) else ()
    runs = tuple(ImportedRun(_figures(n_prompt, n_gen, each), utc=utc(row, "test_time"), flags=flags) for each in seconds)
    has_samples = bool(items(row, "samples_ns") or items(row, "samples_ts"))
    return ImportedCell(
        _configuration(row, n_prompt, n_gen),
        runs,
        _model(row, models),
        plain(row),
        LACKS if has_samples else (*LACKS, _NO_SAMPLES),
    )


def _seconds(row: Mapping[str, Any], tokens: int) -> list[float]:
    """How long each repetition took; the mean where that is all that is told."""
    times = [as_number(value) or 0.0 for value in items(row, "samples_ns")]
    if times:
        return [ns / 1e9 for ns in times]
    rates = [as_number(value) or 0.0 for value in items(row, "samples_ts")]
    if rates:
        return [tokens / rate if rate > 0 else 0.0 for rate in rates]
    # The mean of the rates is what llama-bench prints; that of the times would give another speed.
    rate, ns = number(row, "avg_ts"), number(row, "avg_ns")
    if rate is not None and rate > 0:
        return [tokens / rate]
    return [ns / 1e9] if ns is not None else []


def _figures(n_prompt: int, n_gen: int, seconds: float) -> Figures:
    known: dict[str, Any] = {}
    if n_prompt:
        known["prompt_tok_s"] = n_prompt / seconds
    if n_gen:
        known["output_tok_s"] = n_gen / seconds
    if not n_gen:
        known["prefill_ms"] = one_value(seconds * 1e3)
    if not n_prompt:
        known["user_tok_s"] = n_gen / seconds
        known["tpot_ms"] = one_value(seconds * 1e3 / n_gen)
    return figures(**known)


def _configuration(row: Mapping[str, Any], n_prompt: int, n_gen: int) -> Configuration:
    has_gpu = _backends(row) != ("CPU",)
    layers = whole(row, "n_gpu_layers")
    if not has_gpu:
        layers = 0
    elif layers is not None and (layers >= _ALL_LAYERS_FROM or layers < 0):
        layers = ALL_LAYERS
    path, threads = text(row, "model_filename"), count(row, "n_threads")
    split = text(row, "tensor_split")
    return configuration(
        model=_stem(path) if path else text(row, "model_type"),
        quant=quantization(text(row, "model_type") or ""),
        arrival="closed",
        concurrency=1,
        slots=1,
        prompt_tokens=n_prompt,
        output_tokens=n_gen,
        prefix_cache="off",
        depth=count(row, "n_depth"),
        sampling="none",
        threads=threads,
        threads_batch=threads,
        batch_size=count(row, "n_batch"),
        ubatch_size=count(row, "n_ubatch"),
        n_gpu_layers=layers,
        flash_attn=FLASH_ATTENTION.get(str(row.get("flash_attn")).lower()),
        cache_type_k=text(row, "type_k"),
        cache_type_v=text(row, "type_v"),
        mmap=_mmap(row),
        op_offload=_on(yes(row, "no_op_offload"), is_negated=True),
        kv_offload=_on(yes(row, "no_kv_offload"), is_negated=True),
        repack=_on(yes(row, "repack")),
        no_host=_on(yes(row, "no_host")),
        split_mode=text(row, "split_mode") if has_gpu else None,
        main_gpu=count(row, "main_gpu") if has_gpu else None,
        tensor_split=split if has_gpu and split and split.strip("0./") else None,
    )


def _on(is_on: bool | None, *, is_negated: bool = False) -> str | None:
    return None if is_on is None else "on" if is_on != is_negated else "off"


def _mmap(row: Mapping[str, Any]) -> str | None:
    mode = text(row, "load_mode")
    if mode is not None:
        return "on" if mode == "mmap" else "off"
    return _on(yes(row, "use_mmap"))


def quantization(model_type: str) -> str | None:
    """llama.cpp's name of a file's type from llama-bench's words ("llama 1B Q4_K - Medium": "Q4_K_M"), None without one."""
    found = _TYPE.findall(_GUESS.sub("", model_type))
    if not found:
        return None
    name, _, size = str(found[-1]).partition(" - ")
    return name.upper() + (f"_{size[0].upper()}" if size else "")


def _model(row: Mapping[str, Any], models: dict[tuple[Any, ...], ModelRecord]) -> int | None:
    """The place of a row's model in `models`, where it is added; None where its size is not told."""
    path, words = text(row, "model_filename"), text(row, "model_type") or ""
    size, parameters, name = count(row, "model_size"), count(row, "model_n_params"), quantization(words)
    if not path or not size or not parameters or name is None:
        return None
    ours = row.get("inferometer")
    sha256 = (text(ours, "sha256") or "") if isinstance(ours, dict) else ""
    key = (path, words, size, parameters, sha256)
    if key not in models:
        models[key] = ModelRecord(
            len(models) + 1, _stem(path), path, sha256, words.split(" ")[0], parameters, name, size, 8 * size / parameters, None
        )
    return list(models).index(key)


def _stem(path: str) -> str:
    pure = PureWindowsPath(path) if "\\" in path else PurePosixPath(path)
    return pure.stem or path


def _backends(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    told = text(row, "backends")
    return None if told is None else tuple(name.strip() for name in told.split(",") if name.strip())


def _machine(row: Mapping[str, Any]) -> dict[str, Any]:
    backends, commit, build = _backends(row), text(row, "build_commit"), count(row, "build_number")
    gpus = [name.strip() for name in (text(row, "gpu_info") or "").split(",") if name.strip()]
    package = "llama-cpp-python "
    told = [f"llama.cpp {commit}"] if commit and not commit.startswith(package) else []
    told += [f"build {build}"] if build else []
    return machine_document(
        processor=text(row, "cpu_info"),
        devices=tuple((name, (backends or ("",))[0]) for name in gpus),
        backends=backends,
        build=", ".join(told) or None,
        llama_cpp_python=commit.removeprefix(package) if commit and commit.startswith(package) else None,
    )
