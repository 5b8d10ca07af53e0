"""What the timeline's card says. Pure: no widget is touched."""

from app.pages.results.timeline_reading import LoadedRun, RangeFigures, RequestSplit
from app.tables.column import Column, Raw
from app.widgets.fact_rows import Fact
from profiler.analysis.decomposition import PART_NAMES, PART_TERMS
from profiler.analysis.figure_name import figure_value
from profiler.analysis.token_delay import TokenReading
from profiler.records.metric import BY_NAME
from profiler.records.run_record import Figures, RunRecord
from profiler.units import milliseconds_text, significant

HINT = "Point at a token to read what it waited for; Shift and drag chooses a range."
NOTHING = "No run of this cell has ended yet, so there is no timeline to show. It appears when one has."
READING = "Reading the run…"
LEGEND = (
    "Thin line: queued · full block: its prompt is read · hatched: its prompt waits · pale band: decoding · strokes: tokens, "
    "as high as they are many on a pixel"
)

_TOLD = (
    "ttft_ms.p50", "ttft_ms.p95", "itl_ms.p50", "itl_ms.p95", "tpot_ms.p95", "e2e_ms.p95",
    "output_tok_s", "prompt_tok_s", "requests_s", "batch_occupancy", "kv_occupancy", "bandwidth_gb_s",
)  # fmt: skip


def run_words(run: RunRecord) -> str:
    """A run as the choice names it."""
    doubt = "" if run.is_valid and str(run.status) == "done" else " ▲"
    return f"run {run.repetition}{doubt}"


def instant_words(time_ns: int) -> str:
    """An instant of a run, to the microsecond."""
    return f"{time_ns / 1e9:.6f} s"


def request_words(loaded: LoadedRun, row: int) -> str:
    """A request, where nobody points at a token of it."""
    request, parts = loaded.timeline.data.requests[row], loaded.timeline.parts
    told = f"request {request['request']}: {request['prompt_tokens']} prompt, {request['output_tokens']} output tokens"
    place = [] if parts is None else (parts.rows == row).nonzero()[0].tolist()
    if parts is None or not place:
        return told
    split = zip(PART_NAMES, parts.parts_ns[:, place[0]].tolist(), strict=True)
    return f"{told} · " + ", ".join(f"{name} {milliseconds_text(part / 1e6)}" for name, part in split if part)


def token_words(reading: TokenReading) -> str:
    """A token: its gap, its batch, its depth, and what delayed it."""
    since = "since the one before" if reading.number > 1 else "since due"
    batch = "" if reading.sequences is None else f", batch {reading.sequences}"
    return (
        f"request {reading.request}, token {reading.number}: {milliseconds_text(reading.gap_ns / 1e6)} {since}{batch}, "
        f"KV depth {reading.depth_tokens} tokens. **{reading.sentence}**"
    )


def range_words(found: RangeFigures) -> str:
    """The head of a range's figures."""
    length = milliseconds_text((found.end_ns - found.start_ns) / 1e6)
    ends = f"{instant_words(found.start_ns)} to {instant_words(found.end_ns)} ({length})"
    if not found.requests:
        return f"{ends}: no request was due in it, so it has rates and no latencies."
    due = "1 request" if found.requests == 1 else f"{found.requests} requests"
    return f"{ends}: {due} due in it; the latencies are theirs, the rates the range's."


def range_facts(found: RangeFigures, whole: Figures | None) -> list[Fact]:
    """Figures of the range beside those of the run's measured window; what neither has is left out."""
    facts = []
    for name in _TOLD:
        metric, _, statistic = name.partition(".")
        here, there = figure_value(found.figures, name), figure_value(whole or {}, name)
        if here is None and there is None:
            continue
        unit, label = BY_NAME[metric].unit, f"{BY_NAME[metric].label} {statistic}".strip()
        facts.append(Fact(label, _figure(here, unit), _figure(there, unit), term=BY_NAME[metric].term))
    return facts


def _figure(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{significant(value)} {unit}".strip()


def request_columns() -> tuple[Column[RequestSplit], ...]:
    """The columns of the table twin."""

    def part(number: int) -> Column[RequestSplit]:
        return Column(
            PART_NAMES[number].capitalize(),
            f"ms: {PART_TERMS[number]}",
            lambda each: each.parts_ms[number],
            _number,
            is_figure=True,
        )

    return (
        Column("Request", "its number within the run", lambda each: each.number, is_figure=True),
        Column("End", "how it ended", lambda each: each.status),
        Column("Due ms", "since the run's origin", lambda each: each.due_ms, _number, is_figure=True, can_fold=True),
        Column(
            "Latency ms",
            "from due to its end; the columns behind it, in ms too, are what it is made of",
            lambda each: each.e2e_ms,
            _number,
            is_figure=True,
        ),
        *(part(number) for number in range(len(PART_NAMES))),
        Column("Tokens", "output tokens", lambda each: each.output_tokens, str, is_figure=True, can_fold=True),
    )


def _number(raw: Raw) -> str:
    assert isinstance(raw, int | float)
    return significant(raw)
