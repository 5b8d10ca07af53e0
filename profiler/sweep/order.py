"""In which order repetitions run: blocks that hold every cell once, each shuffled, so that drift hits all cells alike."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.records.run_record import RunPurpose


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One repetition to come.

    Attributes:
        block: from 1; the blocks follow each other.
        repetition: from 1 within the cell.
        is_repeat: it stands in for a run that a flag made invalid.
        purpose: what it is for.
        load_share: so much of the cell's load is run, 1 for all of it.
    """

    cell_id: int
    repetition: int
    block: int
    is_repeat: bool = False
    purpose: RunPurpose = RunPurpose.MEASURE
    load_share: float = 1.0


def interleaved(cell_ids: Sequence[int], repetitions: int, seed: int) -> list[PlannedRun]:
    """Every cell `repetitions` times: A B C, B C A …, never A A A B B B (measurement.md §4)."""
    generator = random.Random(seed)
    runs = []
    for block in range(1, repetitions + 1):
        order = list(cell_ids)
        generator.shuffle(order)
        runs += [PlannedRun(cell_id, block, block) for cell_id in order]
    return runs
