"""What a comparison is asked, and what it finds: values without behaviour, for the command line and the window alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from profiler.analysis.comparison.machine import Difference
from profiler.analysis.comparison.matching import Unmatched
from profiler.analysis.comparison.shift import Interval, Shift, percent
from profiler.analysis.comparison.verdict import Finding, Verdict
from profiler.records.session_figures import MeasuredCell, MeasuredSession, SessionSpread


@dataclass(frozen=True, slots=True)
class Options:
    """How to compare.

    Attributes:
        ignored: axes on which matched cells may differ.
        figures: compared beside the primary one; None for `EXPLORED`, without those that neither side has.
        same_within_percent: x of "same within ±x %".
    """

    ignored: tuple[str, ...] = ()
    figures: tuple[str, ...] | None = None
    same_within_percent: float = 5.0


@dataclass(frozen=True, slots=True)
class Side:
    """One or more sessions of one kind.

    Attributes:
        name: of the file or folder.
        sessions: at least one; cells are those of the first.
        spreads: what was learned of their machine, by figure, from other sessions than those compared.
    """

    name: str
    sessions: tuple[MeasuredSession, ...]
    spreads: Mapping[str, SessionSpread] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of two matched cells.

    Attributes:
        a, b: the cells' configurations and sides by name; `a_value` and `b_value` are medians of the repetitions.
        figure: flat name.
        is_primary: in the corrected family; others are exploratory, each judged as if it were the only one.
        shift: of b against a; None when it cannot be told, and `reason` says why.
        interval: 95 %, of the logarithm; `finding.corrected` is the one that Holm's correction asks for.
        n_a, n_b: repetitions; sessions_a, sessions_b: sessions.
        verdict, text: the verdict, and in words.
        reason: why there is not enough data, in a sentence.
        repetitions_needed, sessions_needed: of each side, to find a shift of 5 % with 95 % power at the level of this
            comparison; None when there is enough, or when no number of them would.
        flags: doubts about the runs, as "side: flag".
        spread_a, spread_b: σ_s that was used, None within a session or where none was needed.
    """

    a: MeasuredCell
    b: MeasuredCell
    a_name: str
    b_name: str
    figure: str
    is_primary: bool
    a_value: float | None
    b_value: float | None
    n_a: int
    n_b: int
    sessions_a: int
    sessions_b: int
    shift: Shift | None = None
    interval: Interval | None = None
    finding: Finding | None = None
    verdict: Verdict = Verdict.NOT_ENOUGH_DATA
    text: str = str(Verdict.NOT_ENOUGH_DATA)
    reason: str = ""
    repetitions_needed: int | None = None
    sessions_needed: int | None = None
    model_note: str = ""
    flags: tuple[str, ...] = ()
    spread_a: SessionSpread | None = None
    spread_b: SessionSpread | None = None

    @property
    def shift_percent(self) -> float | None:
        """Of b against a."""
        return None if self.shift is None else percent(self.shift.log_shift)

    @property
    def is_regression(self) -> bool:
        """Whether the primary figure is worse, by more than what counts as the same."""
        return self.is_primary and self.verdict.is_loss and not (self.finding is not None and self.finding.is_same)


@dataclass(frozen=True, slots=True)
class SidesDiffer:
    """What else differs between two sides."""

    a_name: str
    b_name: str
    machine: tuple[Difference, ...]
    plan: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Alone:
    """A cell without a partner."""

    name: str
    unmatched: Unmatched


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result.

    Attributes:
        figures: by pair of sides, cell and figure, the primary first.
        family_size: comparisons that Holm's correction was made for.
    """

    figures: tuple[ComparedFigure, ...]
    alone: tuple[Alone, ...]
    differences: tuple[SidesDiffer, ...]
    family_size: int
    same_within_percent: float

    @property
    def has_regression(self) -> bool:
        """Whether any primary figure is worse."""
        return any(each.is_regression for each in self.figures)
