"""How a plan's requests will come, drawn and in words, before it runs. Computed on a worker thread: no widget is touched."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.plots.arrivals_plot import NOTHING, ArrivalsDrawing, ArrivalsRow, Floats
from profiler.plan.load_words import ARRIVAL_LABELS, listed
from profiler.plan.plan import Plan
from profiler.plan.recorded_load import recorded_load
from profiler.plan.resolution import request_classes
from profiler.records.axis import Configuration
from profiler.records.specification import OPEN_LOOP, RequestClass
from profiler.scheduling.open_loop import due_times_ns, horizon_s_of, rate_s_at
from profiler.scheduling.trace import Trace

MOST_ROWS = 4
MOST_DUE = 4000
"""Due times that are drawn of one kind; the first ones where there are more."""

EXAMPLE_SEED = 1
_POINTS = 601
_BINS = 60


def draw_ahead(plan: Plan, cells: Sequence[Configuration]) -> tuple[ArrivalsDrawing | None, str]:
    """A drawing of the arrivals, None where no clock makes them; and all of them in words.

    Args:
        plan: the plan.
        cells: its cells, of which there is at least one.
    """
    is_mix = plan.load.classes is not None
    classes = list(request_classes(plan.load, cells[0])) if is_mix else _kinds(plan, cells)
    drawn = [each for each in classes if is_mix or each.arrival in OPEN_LOOP][:MOST_ROWS]
    left_out = sum(is_mix or each.arrival in OPEN_LOOP for each in classes) - len(drawn)
    words = _loops_in_words([each for each in classes if each not in drawn and each.arrival not in OPEN_LOOP])
    examples = [_example(each) for each in drawn]
    ends_s = [_end_s(each, due_s) for each, (due_s, _) in zip(drawn, examples, strict=True)]
    span_s = max([end_s for end_s in ends_s if end_s is not None], default=0.0) or 1.0
    rows = []
    for each, (due_s, problem), end_s in zip(drawn, examples, ends_s, strict=True):
        row, told = _row(each, due_s, span_s if end_s is None else end_s)
        rows.append(row)
        words.append(f"{row.label}: {problem or told}")
    words += [f"{left_out} more are not drawn"] if left_out else []
    sentence = f"{'; '.join(words)}." if words else ""
    has_times = any(len(row.due_s) or len(row.times_s) for row in rows)
    return (ArrivalsDrawing(tuple(rows), span_s, sentence) if has_times else None), sentence


def _kinds(plan: Plan, cells: Sequence[Configuration]) -> list[RequestClass]:
    """What the cells' requests have of different arrivals, in the cells' order."""
    kinds: dict[tuple[object, ...], RequestClass] = {}
    for cell in cells:
        key = tuple(cell[name] for name in ("arrival", "rate", "burstiness", "turns"))
        key += (cell["concurrency"], cell["think_time"]) if cell["arrival"] == "closed" else ()
        if key not in kinds:
            kinds[key] = request_classes(plan.load, cell)[0]
    return list(kinds.values())


def _loops_in_words(classes: Sequence[RequestClass]) -> list[str]:
    """Closed loops that differ in their users only are told together."""
    words = []
    closed = [each for each in classes if each.arrival == "closed"]
    for think_time_s in dict.fromkeys(each.think_time_s for each in closed):
        users = dict.fromkeys(each.users for each in closed if each.think_time_s == think_time_s)
        words.append(_loop_in_words(listed([str(count) for count in users]), list(users) == [1], think_time_s))
    offline = next((each for each in classes if each.arrival == "offline"), None)
    if offline is not None:
        words.append(f"{offline.requests} requests, all there at the start")
    return words


def _loop_in_words(users: str, is_one: bool, think_time_s: float) -> str:
    who = f"{users} user, who asks again" if is_one else f"{users} users, each asks again"
    return f"{who} {think_time_s:g} s after an answer" if think_time_s else f"{who} when answered"


def _trace_of(each: RequestClass) -> Trace | None:
    if each.trace is None:
        return None
    columns = None if each.trace.columns is None else ",".join(each.trace.columns)
    return recorded_load(each.trace.path, columns, each.trace.time_scale, each.trace.rows)[1]


def _example(each: RequestClass) -> tuple[Floats, str]:
    """The first due times in seconds, one more than are drawn; with why there are none."""
    if each.arrival not in OPEN_LOOP:
        return NOTHING, ""
    bounded = replace(each, requests=min(each.requests or MOST_DUE + 1, MOST_DUE + 1))
    if each.requests is None and each.duration_s is None and each.arrival != "trace":
        bounded = replace(bounded, duration_s=horizon_s_of(each))
    try:
        return due_times_ns(bounded, EXAMPLE_SEED, horizon_s_of(each), _trace_of(each)) / 1e9, ""
    except ValueError as error:
        return NOTHING, str(error)


def _end_s(each: RequestClass, due_s: Floats) -> float | None:
    """When the sending ends; None for users in a loop that end when they have asked often enough."""
    if each.arrival == "trace":
        trace = _trace_of(each)
        assert trace is not None
        assert each.trace is not None
        recorded_s = float(trace.times_s[-1]) * each.trace.time_scale + each.start_s
        return min(recorded_s, each.duration_s or recorded_s)
    if each.arrival in OPEN_LOOP and each.requests is not None and len(due_s) == each.requests:
        return float(due_s[-1])
    if each.arrival in OPEN_LOOP and each.duration_s is None and len(due_s):
        return float(due_s[-1])  # only the first of more requests are known
    return each.start_s if each.arrival == "offline" else each.duration_s


def _row(each: RequestClass, due_s: Floats, end_s: float) -> tuple[ArrivalsRow, str]:
    """A row, and what it shows in words."""
    if each.arrival == "closed":
        words = _loop_in_words(str(each.users), each.users == 1, each.think_time_s)
        return ArrivalsRow(each.name, lane_s=(min(each.start_s, end_s), end_s), lane_words=words), words
    if each.arrival == "offline":
        words = f"{each.requests} requests at once"
        return ArrivalsRow(each.name, due_s=np.array([each.start_s])), words
    times_s, rates_s = _rates(each, due_s, end_s)
    return ArrivalsRow(_label(each), times_s, rates_s, due_s[:MOST_DUE]), _told(each, due_s)


def _rates(each: RequestClass, due_s: Floats, end_s: float) -> tuple[Floats, Floats]:
    if end_s <= each.start_s:
        return NOTHING, NOTHING
    if each.arrival == "trace":
        counts, edges = np.histogram(due_s, _BINS, (0.0, float(due_s[-1]) or 1.0) if len(due_s) else (0.0, 1.0))
        rates: Floats = counts / np.diff(edges)
        return np.repeat(edges, 2)[1:-1], np.repeat(rates, 2)
    times_s: Floats = np.linspace(each.start_s, end_s, _POINTS)
    return times_s, rate_s_at(each, times_s, horizon_s_of(each))


def _label(each: RequestClass) -> str:
    """As "Poisson 2/s", "Ramp 2 → 8/s"; of a mix the class's name."""
    if each.name:
        return each.name
    kind = ARRIVAL_LABELS[each.arrival]
    if each.rate_s is None:
        return kind
    if each.arrival == "burst":
        on, off = (each.rate_s, 0.0) if each.rate_to_s is None else (each.rate_to_s, each.rate_s)
        return f"{kind} {on:g} · {off:g}/s"
    if each.arrival == "gamma":
        return f"{kind} {each.rate_s:g}/s · {each.burstiness:g}"
    return f"{kind} {each.rate_s:g}{f' → {each.rate_to_s:g}' if each.arrival in ('spike', 'ramp') else ''}/s"


def _told(each: RequestClass, due_s: Floats) -> str:
    """As "61 requests, up to 6 in one second"."""
    if len(due_s) > MOST_DUE:
        return f"the first {MOST_DUE} requests are drawn"
    noun = "request" if each.turns == 1 else "conversation"
    told = f"{len(due_s)} {noun}{'' if len(due_s) == 1 else 's'}"
    if len(due_s) == 1:
        return f"{told} at {due_s[0]:.3g} s"
    return f"{told}, up to {_most_in_a_second(due_s)} in one second"


def _most_in_a_second(due_s: NDArray[np.float64]) -> int:
    later = np.searchsorted(due_s, due_s + 1.0, side="left")
    return int((later - np.arange(len(due_s))).max(initial=0))
