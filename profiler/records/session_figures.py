"""A finished session as comparisons see it: figures of each valid repetition, and what it was measured with and on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from profiler.records.axis import Configuration


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which file a cell ran.

    Attributes:
        sha256: empty when it is not known.
    """

    name: str
    quantization: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """One valid repetition that ended undisturbed.

    Attributes:
        block: its block in the interleaved order.
        figures: by flat name ("output_tok_s", "ttft_ms.p95"); what was not measured, or is withheld, is not in it.
    """

    block: int
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """One configuration with its repetitions.

    Attributes:
        model: None when its model was never made or read.
        left_out: runs that do not count: not valid, not ended, or disturbed.
        disturbed: those of them that were measured twice and disturbed twice, so that the session keeps them as valid.
        flags: doubts about the runs that count and the disturbed ones, each told once.
        cell_id: its number in its session; None where it is of no file.
    """

    configuration: Configuration
    model: ModelIdentity | None
    runs: tuple[MeasuredRun, ...]
    left_out: int = 0
    disturbed: int = 0
    flags: tuple[str, ...] = ()
    cell_id: int | None = None


@dataclass(frozen=True, slots=True)
class MeasuredSession:
    """One session.

    Attributes:
        name: of its file, for people.
        machine: the fingerprint's document.
        plan: the plan's document.
        imported_from: the tool whose results these are; empty for a sweep of ours.
    """

    name: str
    created_utc: str
    cells: tuple[MeasuredCell, ...]
    machine: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    imported_from: str = ""


@dataclass(frozen=True, slots=True)
class SessionSpread:
    """How much a figure's session means differ on one machine although nothing was changed; variances of natural logarithms.

    Attributes:
        means_variance: between the means of sessions; holds the session's own variance and what repetitions leave in a mean.
        repetitions_part: that second part, as far as it was in `means_variance`.
        degrees: of freedom of `means_variance`.
        repetitions_degrees: of freedom of `repetitions_part`.
        is_assumed: True when nothing was learned and this is a prior.
    """

    means_variance: float
    repetitions_part: float
    degrees: float
    repetitions_degrees: float = math.inf
    is_assumed: bool = False

    @property
    def variance(self) -> float:
        """σ_s²: between sessions, without the part of the repetitions; a negative estimate is 0."""
        return max(0.0, self.means_variance - self.repetitions_part)

    @property
    def log_std(self) -> float:
        """σ_s, about the share by which sessions differ: 0.01 is 1 %."""
        return math.sqrt(self.variance)
