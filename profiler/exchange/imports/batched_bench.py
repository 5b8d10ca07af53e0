"""llama-batched-bench's JSON lines as cells: B sequences read their prompts together, then decode in step (measurement.md §1).

Everything is there at the start and ends together, which is our offline load. By our definitions, of a row that took t_pp seconds
for its prompts and t_tg for its decodes:

    output_tok_s    B × tg / (t_pp + t_tg)
    prompt_tok_s    B × pp / (t_pp + t_tg); a shared prompt was read once: pp / (t_pp + t_tg)
    user_tok_s      tg / t_tg, the speed at which each of the B answers grows
    requests_s      B / (t_pp + t_tg)

Its own speed_pp and speed_tg are of one phase each, and stay among the fields that are kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from profiler.errors import BadFile
from profiler.exchange.imports.fields import count, number, plain, whole, yes
from profiler.exchange.imports.imported import (
    MOST_RUNS,
    ImportedCell,
    ImportedRun,
    ImportedSession,
    configuration,
    figures,
    machine_document,
)
from profiler.exchange.imports.llama_bench import FLASH_ATTENTION

TOOL = "llama-batched-bench"
LACKS = ("no model", "no machine", "no request times", "no times of tokens", "no repetitions", "no telemetry")


def is_batched_bench(row: Mapping[str, Any]) -> bool:
    """Whether an object has a row's fields."""
    return {"pp", "tg", "pl", "t_pp", "t_tg"} <= row.keys()


def import_batched_bench(rows: Sequence[Mapping[str, Any]], name: str) -> ImportedSession:
    """The session of a file's rows, each a cell with one run.

    Raises:
        BadFile: a row tells no test or no time, or there are too many.
    """
    if len(rows) > MOST_RUNS:
        raise BadFile(f"{name} has more than {MOST_RUNS} rows; split it.")
    return ImportedSession(TOOL, tuple(_cell(row, place, name) for place, row in enumerate(rows, 1)), machine_document())


def _cell(row: Mapping[str, Any], place: int, name: str) -> ImportedCell:
    pp, tg, batch = count(row, "pp"), count(row, "tg"), count(row, "pl")
    t_pp, t_tg = number(row, "t_pp"), number(row, "t_tg")
    if pp is None or tg is None or not batch or t_pp is None or t_tg is None or min(t_pp, t_tg) < 0 or t_pp + t_tg <= 0:
        raise BadFile(f"Row {place} of {name} lacks its sizes (pp, tg, pl) or its times (t_pp, t_tg).")
    is_shared, seconds = yes(row, "is_pp_shared"), t_pp + t_tg
    told = figures(
        output_tok_s=batch * tg / seconds if tg else None,
        prompt_tok_s=None if is_shared is None or not pp else (pp if is_shared else batch * pp) / seconds,
        user_tok_s=tg / t_tg if tg and t_tg > 0 else None,
        requests_s=batch / seconds,
    )
    known = configuration(
        arrival="offline",
        concurrency=batch,
        slots=batch,
        prompt_tokens=pp,
        output_tokens=tg,
        shared_prefix=None if is_shared is None else 1.0 if is_shared else 0.0,
        prefixes=1 if is_shared else None,
        threads=count(row, "n_threads"),
        threads_batch=count(row, "n_threads_batch"),
        batch_size=count(row, "n_batch"),
        ubatch_size=count(row, "n_ubatch"),
        n_gpu_layers=whole(row, "n_gpu_layers"),
        flash_attn=FLASH_ATTENTION.get(str(row.get("flash_attn")).lower()),
    )
    return ImportedCell(known, (ImportedRun(told),), None, plain(row), LACKS)
