"""The planes of two figures on which a session's cells can be seen, and what goes where on them."""

from dataclasses import dataclass

from profiler.analysis.figure_name import figure_value
from profiler.analysis.frontier import frontier
from profiler.exchange.findings.marks import FrontierMark, FrontierSeries, Need
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.policy_comparison import reading_class
from profiler.exchange.findings.search_view import Evidence
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.spoken import STEPS, apart
from profiler.plan.cell_words import value_text
from profiler.plan.limits import EACH_TOKEN, FIRST_TOKEN, reading_tok_s
from profiler.records.axis import Axis
from profiler.records.metric import BY_NAME
from profiler.records.run_record import Figures
from profiler.units import milliseconds_text, significant

_MS_PER_S = 1000.0


@dataclass(frozen=True, slots=True)
class Plane:
    """Two figures against each other.

    Attributes:
        label: of its chip; `tip` says more.
        x, y: names of the figures.
        told: what is drawn, for the card's title line.
        x_class, y_class: the class of requests whose figure it is; empty for all together.
    """

    label: str
    tip: str
    x: str
    y: str
    told: str
    x_class: str = ""
    y_class: str = ""

    def figures(self, cell: CellView) -> Figures:
        """The two figures of a cell, as far as they were measured."""
        chosen: Figures = {}
        for name, of_class in ((self.x, self.x_class), (self.y, self.y_class)):
            source = cell.classes.get(of_class, {}) if of_class else cell.figures or {}
            metric = name.partition(".")[0]
            chosen[metric] = source.get(metric)
        return chosen


SPEED = Plane(
    "Each one's speed",
    "What all get together over what each gets: up and to the right is better",
    "user_tok_s",
    "output_tok_s",
    "tok/s in total over tok/s each",
)
FIRST_TOKEN_PLANE = Plane(
    "First token p95",
    "How long 95 % of the requests wait at most for their first token, over the output at which they do: down and to the right "
    "is better. An unstable cell has no such figure",
    "output_tok_s",
    "ttft_ms.p95",
    "first token p95 in ms over tok/s in total",
)


def planes_of(view: SessionView) -> tuple[Plane, ...]:
    """Those that there are; a mix has one of its own: who is reading, and whoever asks meanwhile, against each other."""
    first = view.measured[0] if view.measured else None
    if first is None or len(first.classes) < 2 or any(cell.classes.keys() != first.classes.keys() for cell in view.measured):
        return SPEED, FIRST_TOKEN_PLANE
    reading = reading_class(first)
    asking = max((name for name in first.classes if name != reading), key=lambda name: _first_token_ms(first.classes[name]))
    freeze = Plane(
        f"Freeze of {reading}",
        f"The longest gap between tokens that {reading} sees, over how long {asking} waits for its first token: what one "
        "gains the other pays",
        "ttft_ms.p95",
        "itl_ms.max",
        f"longest freeze of {reading} in ms over first token p95 of {asking} in ms",
        asking,
        reading,
    )
    return freeze, SPEED, FIRST_TOKEN_PLANE


def first_plane(view: SessionView) -> Plane:
    """What tells most at first: of a mix its own; where requests come by a clock, how long they wait."""
    if (first := planes_of(view)[0]) is not SPEED and drawn(view, first):
        return first
    by_clock = view.measured and all(not cell.is_closed and cell.configuration.get("rate") for cell in view.measured)
    return FIRST_TOKEN_PLANE if by_clock and len(drawn(view, FIRST_TOKEN_PLANE)) else SPEED


def step_axis(view: SessionView) -> Axis | None:
    """The axis along which lines go: users, rate or slots, else the only other one with numbers."""
    step = next((axis for name in STEPS for axis in view.varying if axis.name == name), None)
    if step is not None:
        return step
    numbers = [axis for axis in view.varying if axis.kind in ("integer", "real")]
    return numbers[0] if len(numbers) == 1 else None


def drawn(view: SessionView, plane: Plane) -> list[CellView]:
    """The cells that have both figures."""
    return [cell for cell in view.measured if None not in _values(cell, plane)]


def not_drawn(view: SessionView, plane: Plane) -> str:
    """The measured cells without one of the figures, and why; empty where there is none."""
    left_out = [cell for cell in view.measured if None in _values(cell, plane)]
    axes = [axis.name for axis in view.varying]
    unstable = [apart(cell, axes) for cell in left_out if cell.is_unstable]
    others = [apart(cell, axes) for cell in left_out if not cell.is_unstable]
    told = [f"Unstable, not drawn: {', '.join(unstable)}"] if unstable else []
    return "; ".join([*told, *([f"{'not' if told else 'Not'} measured: {', '.join(others)}"] if others else [])])


def series_of(view: SessionView, plane: Plane = SPEED) -> list[FrontierSeries]:
    """The measured cells, joined along users, rate or slots; cells that differ in anything else are on lines of their own."""
    cells = drawn(view, plane)
    on_frontier = {
        point.cell_id: point.is_on_frontier
        for point in frontier({cell.cell_id: plane.figures(cell) for cell in cells}, plane.x, plane.y)
    }
    step = step_axis(view)
    others = [axis.name for axis in view.varying if axis != step]
    lines: dict[str, list[CellView]] = {}
    for cell in cells:
        lines.setdefault(apart(cell, others), []).append(cell)
    if step is not None:
        for line in lines.values():
            line.sort(key=lambda cell: float(cell.configuration[step.name] or 0))
    return [
        FrontierSeries(name, tuple(_mark(cell, plane, step, is_on_frontier=on_frontier[cell.cell_id]) for cell in line))
        for name, line in lines.items()
    ]


def need_on(view: SessionView, plane: Plane) -> Need | None:
    """The limit that the plane can show."""
    if plane == FIRST_TOKEN_PLANE:
        waiting = next((limit for limit in view.slo if limit.metric == FIRST_TOKEN and limit.statistic == "p95"), None)
        if waiting is None:
            return None
        words = f"{milliseconds_text(waiting.threshold)} or less ↓"
        return Need(waiting.threshold, words, is_x=False, is_met_above=False)
    if plane != SPEED:
        return None
    reading = next((limit for limit in view.slo if limit.metric == EACH_TOKEN and limit.threshold > 0), None)
    if reading is None:
        return None
    speed = reading_tok_s(reading) or _MS_PER_S / reading.threshold
    return Need(speed, f"{speed:.3g} tok/s or more for each →")


def told(view: SessionView, plane: Plane) -> str:
    """What the axes, the numbers at the dots and their marks are."""
    step = step_axis(view)
    words = [plane.told]
    if step is not None:
        words.append(f"numbers: {step.label.lower()}{f', {step.unit}' if step.unit else ''}")
    if any(cell.verdict is Verdict.BROKEN for cell in view.cells):
        words.append("✕ breaks the need")
    shown = drawn(view, plane)
    if any(cell.is_unstable for cell in shown):
        words.append("▲ unstable")
    if any(cell.doubts and not cell.is_unstable for cell in shown):
        words.append("▲ flagged")
    if any(cell.evidence is Evidence.CONFIRMED for cell in shown):
        words.append("★ confirmed")
    return " · ".join(words)


def _values(cell: CellView, plane: Plane) -> tuple[float | None, float | None]:
    figures = plane.figures(cell)
    return figure_value(figures, plane.x), figure_value(figures, plane.y)


def _first_token_ms(figures: Figures) -> float:
    return figure_value(figures, "ttft_ms.p95") or 0.0


def _mark(cell: CellView, plane: Plane, step: Axis | None, *, is_on_frontier: bool) -> FrontierMark:
    x, y = _values(cell, plane)
    assert x is not None
    assert y is not None
    words = [cell.title, f"{_reading(cell, plane.x, x, plane.x_class)}, {_reading(cell, plane.y, y, plane.y_class)}"]
    words += [check.sentence for check in cell.checks]
    words += [cell.evidence.value] if cell.evidence is not Evidence.MEASURED else []
    words += [f"▲ {flag}" for flag in cell.doubts]
    label = "" if step is None else value_text(cell.configuration[step.name])
    unstable = "▲" if label else "▲ unstable"  # alone it would look like a point
    mark = unstable if cell.is_unstable else "✕" if cell.verdict is Verdict.BROKEN else ""
    mark += " ▲" if cell.doubts and not cell.is_unstable else ""
    mark += " ★" if cell.evidence is Evidence.CONFIRMED else ""
    return FrontierMark(
        cell.cell_id,
        x,
        y,
        "\n".join(words),
        is_on_frontier,
        None if plane.x_class else cell.intervals.get(plane.x),
        None if plane.y_class else cell.intervals.get(plane.y),
        label=" ".join(f"{label} {mark}".split()),
    )


def _reading(cell: CellView, name: str, value: float, of_class: str) -> str:
    match name:
        case "user_tok_s":
            return f"{significant(value)} tok/s for each {'user' if cell.is_closed else 'answer'}"
        case "output_tok_s":
            return f"{significant(value)} tok/s in total"
        case _:
            metric, _, statistic = name.partition(".")
            of = f" of {of_class}" if of_class else ""
            return f"{BY_NAME[metric].label.lower()} {statistic}{of} {milliseconds_text(value)}"
