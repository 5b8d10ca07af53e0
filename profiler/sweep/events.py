"""What a running sweep tells its subscribers (the window's bridge, the command line's progress). Frozen values, sent from the
sweep's own thread; a subscriber must return at once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from profiler.records.fingerprint import Fingerprint
from profiler.records.run_record import CellRecord, Figures, ModelRecord, RunRecord, SessionEvent
from profiler.records.timing import Samples


@dataclass(frozen=True, slots=True)
class Preparing:
    """Before the first run: something long is under way ("hashing", "making Q8_0"); `share` is None when unknown."""

    sentence: str
    share: float | None


@dataclass(frozen=True, slots=True)
class SweepStarted:
    """The session file exists and the cells are known."""

    session: Path
    machine: Fingerprint
    models: tuple[ModelRecord, ...]
    cells: tuple[CellRecord, ...]
    runs_planned: int


@dataclass(frozen=True, slots=True)
class CellAdded:
    """A search has come to a cell that the sweep did not begin with."""

    cell: CellRecord


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A repetition begins: the child loads, warms up, then measures."""

    run: RunRecord
    cell: CellRecord


@dataclass(frozen=True, slots=True)
class RunMeasuring:
    """The run's clock has started; `run` now has its anchor and the engine's facts."""

    run: RunRecord


@dataclass(frozen=True, slots=True)
class RowsArrived:
    """Raw rows of the running repetition, about 10 times a second; each a structured array of `records.timing`, perhaps empty."""

    run_id: int
    requests: NDArray[Any]
    tokens: NDArray[Any]
    steps: NDArray[Any]


@dataclass(frozen=True, slots=True)
class SamplesArrived:
    """New telemetry of the running repetition; times are since the run's origin."""

    run_id: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A repetition ended; `figures` are None unless it is done."""

    run: RunRecord
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class CellChanged:
    """A cell's status or its figures over all valid runs changed.

    Attributes:
        intervals: 95 % intervals by figure ("output_tok_s", "ttft_ms.p95"), empty until two runs are there.
        runs_done: valid runs behind the figures.
    """

    cell: CellRecord
    figures: Figures | None
    intervals: dict[str, tuple[float, float]]
    runs_done: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the sweep is; `remaining_s` is None until a first run has ended."""

    runs_done: int
    runs_planned: int
    elapsed_s: float
    remaining_s: float | None
    state: str  # "running", "paused", "stopping"


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry of the session's event log was written."""

    event: SessionEvent


@dataclass(frozen=True, slots=True)
class SweepEnded:
    """The file is closed. `stopped` tells whether the user ended it early; `fault` is a sentence when it could not go on."""

    session: Path
    stopped: bool
    fault: str


SweepEvent = (
    Preparing
    | SweepStarted
    | CellAdded
    | RunStarted
    | RunMeasuring
    | RowsArrived
    | SamplesArrived
    | RunEnded
    | CellChanged
    | Progress
    | Happened
    | SweepEnded
)
