"""What may have caused the difference between two sides: the likely cause when only one thing differs, else what is in question.

A comparison cannot prove a cause: what a fingerprint does not hold (heat, a cable, other programs) may differ as well. So the
sentence names what differs, and calls it likely only when nothing else that is known does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from profiler.analysis.comparison.matching import FOLLOWERS
from profiler.analysis.comparison.result import ComparedFigure, Comparison, SidesDiffer
from profiler.records.axis import BY_NAME as AXES
from profiler.records.session_figures import ModelIdentity

_PARTS: Mapping[str, tuple[str, ...]] = {
    "Processor": (
        "Physical cores", "Logical cores", "Last-level cache", "Instruction sets", "Memory bandwidth", "Engine's build",
    ),
    "Devices": ("Backends", "Engine's build"),
    "Memory": ("Swap", "Memory bandwidth"),
    "llama-cpp-python": ("Backends", "Engine's build"),
    "Operating system": ("Kernel", "Python"),
}  # fmt: skip
"""Facts that come with another one: where that one differs they are no thing of their own."""

_NO_CAUSE = frozenset({"need.slo", "Free memory"})
"""Limits are held against figures; they change none."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What differs between two sides beside their figures.

    Attributes:
        things: each in a few words ("kernel: 6.1 → 6.8"); parts of one thing are not told apart.
        sentence: what can be said of the cause; empty when no primary figure differs.
    """

    a_name: str
    b_name: str
    things: tuple[str, ...]
    sentence: str

    @property
    def is_likely(self) -> bool:
        """Whether a cause is named: figures differ, and one thing does."""
        return bool(self.sentence) and len(self.things) == 1


def causes(comparison: Comparison) -> tuple[Cause, ...]:
    """Of each pair of sides, in the comparison's order."""
    return tuple(_cause(sides, comparison) for sides in comparison.differences)


def _cause(sides: SidesDiffer, comparison: Comparison) -> Cause:
    figures = [figure for figure in comparison.figures if (figure.a_name, figure.b_name) == (sides.a_name, sides.b_name)]
    things = (*_axes(figures), *_models(figures), *_facts(sides))
    has_shift = any(figure.is_primary and figure.verdict.is_different for figure in figures)
    return Cause(sides.a_name, sides.b_name, things, _sentence(things) if has_shift else "")


def _sentence(things: Sequence[str]) -> str:
    if len(things) == 1:
        return f"The likely cause: {things[0]}. Nothing else that is known differs."
    if things:
        return f"{len(things)} things differ, any of which may be the cause: {'; '.join(things)}."
    return "Nothing that is known of machines and plans differs: look for heat, other programs, or how the machine was placed."


def _axes(figures: Sequence[ComparedFigure]) -> list[str]:
    """Axes that were ignored and on which matched cells differ; those that merely follow another one are left out."""
    pairs: dict[str, dict[str, None]] = {}
    for figure in figures:
        for name, axis in AXES.items():
            a, b = figure.a.configuration.get(name), figure.b.configuration.get(name)
            if a != b and name not in ("model", "quant"):
                pairs.setdefault(name, {})[f"{axis.label.lower()} {_told(a)} → {_told(b)}"] = None
    followers = {follower for name in pairs for follower in FOLLOWERS.get(name, ())}
    return [", ".join(told) for name, told in pairs.items() if name not in followers]


def _models(figures: Sequence[ComparedFigure]) -> list[str]:
    """Cells that were matched although they ran other models."""
    found: dict[str, None] = {}
    for figure in figures:
        a, b = figure.a.model, figure.b.model
        if a is None or b is None or _is_same(a, b):
            continue
        mine, other = f"{a.name} {a.quantization}", f"{b.name} {b.quantization}"
        found[f"model {mine} → {other}" if mine != other else f"the file of {mine} is another one"] = None
    return ["; ".join(found)] if found else []


def _is_same(a: ModelIdentity, b: ModelIdentity) -> bool:
    if a.sha256 and b.sha256:
        return a.sha256 == b.sha256
    return (a.name, a.quantization) == (b.name, b.quantization)


def _facts(sides: SidesDiffer) -> list[str]:
    differing = [fact for fact in (*sides.machine, *sides.plan) if fact.fact not in _NO_CAUSE]
    names = {fact.fact for fact in differing}
    parts = {part for name in names for part in _PARTS.get(name, ())}
    return [f"{_spoken(fact.fact)} {fact.a} → {fact.b}" for fact in differing if fact.fact not in parts]


def _spoken(fact: str) -> str:
    """Its name within a sentence: "kernel", "rate to" for load.rate_to."""
    section, point, field = fact.partition(".")
    if point and section in ("load", "need", "trust"):
        return field.replace("_", " ")
    return fact if fact in ("llama-cpp-python", "Inferometer", "Python") else fact[:1].lower() + fact[1:]


def _told(value: object) -> str:
    return "not set" if value is None else str(value)
