"""What the roofline card draws and says of a session's cells."""

from collections.abc import Mapping

from profiler.analysis.roofline import Phase, Roofs, Work, place, sentence
from profiler.exchange.findings.marks import PHASE_WORDS, RoofMark, RoofPath
from profiler.exchange.findings.planes import step_axis
from profiler.exchange.findings.roofline_reading import CellWork, RooflineReading
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.spoken import apart
from profiler.plan.cell_words import value_text
from profiler.records.axis import Axis
from profiler.units import significant

NOT_MEASURED = (
    "{} not measured when this session was made: “This machine…” in the Help menu, or “inferometer machine --refresh”, "
    "does it for the next ones."
)


def paths_of(view: SessionView, reading: RooflineReading) -> list[RoofPath]:
    """The cells that have a place, joined along users, rate or slots; those that differ in anything else have their own line."""
    step = step_axis(view)
    others = [axis.name for axis in view.varying if axis != step]
    lines: dict[str, list[CellView]] = {}
    for cell in view.measured:
        found = reading.cells.get(cell.cell_id)
        if found is not None and not found.why_not_drawn:
            lines.setdefault(apart(cell, others), []).append(cell)
    if step is not None:
        for line in lines.values():
            line.sort(key=lambda cell: float(cell.configuration[step.name] or 0))
    return [
        RoofPath(name, tuple(mark for cell in line for mark in _marks(cell, reading.cells[cell.cell_id], step)))
        for name, line in lines.items()
    ]


def told(view: SessionView) -> str:
    """What the axes and the numbers at the dots are, for the card's title line."""
    step = step_axis(view)
    numbers = f" · numbers: {step.label.lower()}{f', {step.unit}' if step.unit else ''}" if step is not None else ""
    return f"● decode · □ prefill · GFLOP/s over FLOPs for a byte{numbers}"


def verdicts(cell: CellView, of: CellWork) -> dict[Phase, str]:
    """A sentence for each phase that the cell had."""
    return {phase: sentence(work, of.roofs, f"at {cell.title}") for phase, work in of.works.items()}


def not_drawn(view: SessionView, cells: Mapping[int, CellWork]) -> str:
    """The measured cells that have no place, and why; empty where there is none."""
    axes = [axis.name for axis in view.varying]
    reasons: dict[str, list[str]] = {}
    for cell in view.measured:
        found = cells.get(cell.cell_id)
        if found is not None and found.why_not_drawn:
            reasons.setdefault(found.why_not_drawn, []).append(apart(cell, axes))
    if len(reasons) == 1 and len(view.measured) == sum(len(names) for names in reasons.values()):
        return f"No cell can be drawn: {next(iter(reasons))}."
    return " ".join(f"Not drawn, since {reason}: {', '.join(names)}." for reason, names in reasons.items())


def not_measured(roofs: Roofs, of: CellWork | None) -> str:
    """Which ceiling is missing and how it is had; empty when none is, or when none can be had for these devices."""
    held = roofs if of is None else of.roofs
    missing = [
        name
        for name, value in (("the memory bandwidth", held.bandwidth_gb_s), ("the compute ceiling", held.compute_gflop_s))
        if value is None
    ]
    if not missing:
        return ""
    words = " and ".join(missing)
    return NOT_MEASURED.format(f"{words[0].upper()}{words[1:]} {'was' if len(missing) == 1 else 'were'}")


def _marks(cell: CellView, of: CellWork, step: Axis | None) -> list[RoofMark]:
    label = "" if step is None else value_text(cell.configuration[step.name])
    return [
        RoofMark(cell.cell_id, phase, work.intensity, work.gflop_s, label, _words(cell, work, of.roofs))
        for phase, work in of.works.items()
        if work.intensity and work.gflop_s
    ]


def _words(cell: CellView, work: Work, roofs: Roofs) -> str:
    found = place(work, roofs)
    rates = [_rate(work.gb_s, "GB/s", found.bandwidth_percent), _rate(work.gflop_s or 0.0, "GFLOP/s", found.compute_percent)]
    intensity = f"{significant(work.intensity or 0.0)} FLOP/byte"
    lines = [f"{cell.title}, {PHASE_WORDS[work.phase]}", " · ".join((*rates, intensity))]
    if found.verdict is not None:
        lines.append(found.verdict.value)
    return "\n".join([*lines, *(f"▲ {flag}" for flag in cell.doubts)])


def _rate(value: float, unit: str, percent: float | None) -> str:
    share = "" if percent is None else f" ({significant(percent, 2)} %)"
    return f"{significant(value)} {unit}{share}"
