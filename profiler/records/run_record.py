"""What the session file and the subscribers of a running sweep say of models, cells and runs."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from profiler.clock import WallClockAnchor
from profiler.records.axis import Configuration
from profiler.records.quality import QualityRecord
from profiler.records.specification import EngineFacts, RunSpecification


class CellStatus(StrEnum):
    """How far a cell is."""

    PENDING = "pending"
    PARTIAL = "partial"
    DONE = "done"
    FAILED = "failed"


class RunStatus(StrEnum):
    """How a repetition ended."""

    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"  # stopped or interrupted: raw data kept, figures left out
    FAILED = "failed"


class RunPurpose(StrEnum):
    """What a repetition is for. Only a search has others than the first."""

    MEASURE = "measure"
    SHORT_LOOK = "short look"  # a part of the load, to drop settings that are far behind: never counts
    LOOK = "look"  # counts until the cell is confirmed, since it took part in the choice
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class StepCosts:
    """What a step of a model must read and compute (measurement.md §2; `profiler.modelfile.costs` derives it).

    Attributes:
        weight_bytes_per_ubatch: every matrix but the output's and the routed experts', read once for each ubatch.
        output_bytes_per_ubatch: the output matrix, read once for each ubatch with a flagged row.
        embedding_bytes_per_token: rows of the look-up tables.
        kv_bytes_per_token: KV of one token over all layers, for the run's cache types.
        expert_bytes: the routed experts of all layers; a ubatch reads those that its tokens are sent to.
        expert_count, experts_used: experts of a layer, and how many of them one token is sent to; 0 when there are none.
        state_bytes_per_sequence: what recurrent layers keep of a sequence, however long it is.
        matmul_flops_per_token: 2 × the elements of the matrices that a token meets, without the output matrix.
        output_flops_per_row: 2 × the elements of the output matrix.
        attention_flops_per_pair: over all layers, of one token looking at one token of its sequence. FLOPs are None in
            sessions that were written before they were known.
    """

    weight_bytes_per_ubatch: int
    output_bytes_per_ubatch: int
    embedding_bytes_per_token: int
    kv_bytes_per_token: int
    expert_bytes: int = 0
    expert_count: int = 0
    experts_used: int = 0
    state_bytes_per_sequence: int = 0
    matmul_flops_per_token: int | None = None
    output_flops_per_row: int | None = None
    attention_flops_per_pair: int | None = None


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """One GGUF file of a session.

    Attributes:
        model_id: number within the session, from 1.
        name: the model's own name (general.name) or the file's stem.
        quantization: llama.cpp's name of the file's type ("Q4_1").
        source_name: name of the file that it was made from, None when it is the user's own.
        fallback_tensors: tensors that quantizing left in another type than asked, None when unknown.
        imatrix_name: name of the importance matrix that it was made with, None without one.
        type_mix: weights by class of tensors ("attention", "feed-forward" …) and type: what the file really holds.
        quality: None where it was not measured.
    """

    model_id: int
    name: str
    path: str
    sha256: str
    architecture: str
    parameters: int
    quantization: str
    file_bytes: int
    bits_per_weight: float
    context_train: int | None
    source_name: str | None = None
    fallback_tensors: int | None = None
    imatrix_name: str | None = None
    type_mix: dict[str, dict[str, int]] = field(default_factory=dict)
    quality: QualityRecord | None = None


@dataclass(frozen=True, slots=True)
class CellRecord:
    """One configuration of the sweep.

    Attributes:
        cell_id: number within the session, from 1.
        model_id: None when its model could not be made or read.
        configuration: its value on every axis.
        costs: what a step reads, None when the model is not one whose steps are understood.
    """

    cell_id: int
    model_id: int | None
    configuration: Configuration
    status: CellStatus = CellStatus.PENDING
    reason: str = ""
    costs: StepCosts | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One repetition of a cell.

    Attributes:
        run_id: number within the session, from 1.
        repetition: from 1 within the cell.
        block: position in the interleaved order's blocks, from 1.
        anchor: the run's origin on the monotonic clock and on the wall clock; None until it started.
        flags: what casts doubt on it, each "name: sentence".
        is_valid: False when its figures and counts stay out of the cell's: a flag of `analysis.validity` invalidates it, or what
            it was for keeps it out (`RunPurpose`).
    """

    run_id: int
    cell_id: int
    repetition: int
    block: int
    specification: RunSpecification
    status: RunStatus = RunStatus.RUNNING
    reason: str = ""
    anchor: WallClockAnchor | None = None
    facts: EngineFacts | None = None
    flags: tuple[str, ...] = ()
    log_tail: tuple[str, ...] = ()
    is_valid: bool = True
    purpose: RunPurpose = RunPurpose.MEASURE


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something that happened, told once.

    Attributes:
        utc: wall clock, ISO 8601.
        kind: "start", "model made", "warm-up", "flag", "cell done", "cell failed", "pause", "stop", "source absent" …
        sentence: for the user.
        run_id, cell_id: what it is about, if about one.
    """

    utc: str
    kind: str
    sentence: str
    cell_id: int | None = None
    run_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


Distribution = dict[str, float | int | None]
"""`metric.STATISTICS` → value; None where it was not measured, `n` always a count."""

Figures = dict[str, Distribution | float | int | None]
"""Metric name → distribution or single figure; None where it was not measured."""

ClassFigures = dict[str, Figures]
"""Name of a class of requests → what can be told of it alone; empty for a load of one class."""
