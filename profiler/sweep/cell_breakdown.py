"""Looking inside the steps of a session's cell: its model and settings, at the concurrencies of the cells beside it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from profiler.analysis.step_breakdown import StepBreakdown, event_of, is_beside
from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.hardware import cpu
from profiler.modelfile.description import describe
from profiler.records.run_record import CellRecord, RunRecord, RunStatus
from profiler.records.timing import RequestStatus
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from profiler.sweep.step_look import DECODE_TOKENS, Look, padded, take_apart

MOST_SEQUENCES = 6
"""More concurrencies of a session than that are thinned out, its least and its most kept."""


def look_at_cell(reader: SessionReader, cell_id: int) -> Look:
    """What to look into for a cell: its last run's model and settings, and the slots of all cells beside it.

    Each sequence holds as many tokens as a request of the cell does halfway through its answer. With less than two numbers of
    slots among the cells, a single sequence is looked into as well.

    Raises:
        UnusableArguments: no run of the cell came to its end; EnvironmentFault, BadFile: as of the reader.
    """
    cells = {cell.cell_id: cell for cell in reader.cells()}
    if cell_id not in cells:
        raise UnusableArguments(f"{reader.path} has no cell {cell_id}.")
    cell = cells[cell_id]
    ended = [run for run in reader.runs() if run.status is RunStatus.DONE]
    own = [run for run in ended if run.cell_id == cell_id]
    if not own:
        raise UnusableArguments("No run of this cell came to its end, so there is nothing to look into; choose another cell.")
    run = own[-1]
    beside = [each for each in ended if is_beside(cells[each.cell_id].configuration, cell.configuration)]
    counts = {each.specification.context.slots for each in beside}
    sequences = thinned(sorted(counts | {1} if len(counts) < 2 else counts))
    settings = run.specification.context
    prompt, held = _tokens(reader, run, cell)
    prompt_tokens = min(prompt, settings.batch_size)
    needed = padded(held + max(prompt_tokens, DECODE_TOKENS))
    context = replace(settings, slots=sequences[-1], ctx_size=max(settings.ctx_size, needed), cached_sequences=0)
    return Look(run.specification.model, context, sequences, prompt_tokens, held)


def thinned(counts: Sequence[int], most: int = MOST_SEQUENCES) -> tuple[int, ...]:
    """At most so many of these rising numbers, evenly spread over their places, the first and the last among them."""
    places = (
        {round(number * (len(counts) - 1) / (most - 1)) for number in range(most)} if len(counts) > most else range(len(counts))
    )
    return tuple(counts[place] for place in sorted(places))


def break_down_cell(
    path: Path,
    cell_id: int,
    *,
    on_progress: Callable[[str, float | None], None] | None = None,
    cancel: threading.Event | None = None,
) -> StepBreakdown:
    """Look inside the steps of a session's cell and keep what is found in the session's file.

    Raises:
        EnvironmentFault: the session was measured on another machine, its model is not there any more, the engine cannot, or the
            file cannot be written (a sweep may be writing it).
        UnusableArguments: the cell has no run to look into.
        Interrupted: `cancel` was set; nothing was kept.
    """
    with SessionReader.open(path) as reader:
        _check_machine(reader.machine())
        look = look_at_cell(reader, cell_id)
        _check_model(reader, cell_id, look)
    with SessionWriter.open(path) as writer:  # before the look: who cannot keep it need not take it
        found = take_apart(look, on_progress=on_progress, cancel=cancel)
        writer.add_event(event_of(found, cell_id))
    return replace(found, cell_id=cell_id)


def _tokens(reader: SessionReader, run: RunRecord, cell: CellRecord) -> tuple[int, int]:
    """Of a request of this run: its mean prompt, and what its sequence holds halfway through the answer."""
    requests = reader.requests(run.run_id)
    completed = requests[requests["status"] == RequestStatus.COMPLETED]
    if not len(completed):
        return DECODE_TOKENS, run.specification.load.depth
    prompt, output = float(np.mean(completed["prompt_tokens"])), float(np.mean(completed["output_tokens"]))
    # A recurrent model's memory cannot be cut back to a depth, and its steps take the same time at any.
    has_state = cell.costs is not None and cell.costs.state_bytes_per_sequence > 0
    return max(1, round(prompt)), 0 if has_state else run.specification.load.depth + round(prompt + output / 2)


def _check_machine(machine: Mapping[str, Any]) -> None:
    """What is looked into here must be what was measured there."""
    processor = machine.get("cpu")
    named = processor.get("name") if isinstance(processor, dict) else None
    here = cpu.read().name
    if isinstance(named, str) and named and named != here:
        raise EnvironmentFault(
            f"This session was measured on another machine ({named}); looking inside here would tell of this one ({here}). "
            "Open it there, or measure the model here."
        )


def _check_model(reader: SessionReader, cell_id: int, look: Look) -> None:
    path = Path(look.model.path)
    if not path.is_file():
        raise EnvironmentFault(
            f"The model file {path} is not there any more; put it back, or measure the model anew and look inside that session."
        )
    model_id = next(cell.model_id for cell in reader.cells() if cell.cell_id == cell_id)
    record = next((model for model in reader.models() if model.model_id == model_id), None)
    if record is not None and describe(path).file_bytes != record.file_bytes:
        raise EnvironmentFault(f"The model file {path} is not the one that was measured: its size differs. Measure it anew.")
