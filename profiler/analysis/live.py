"""The live page's figures: the last minute in time slices and the run so far, kept up to date in bounded memory.

It follows the definitions of the other modules, but over what has arrived instead of a measurement window: its figures are for
watching, and none of them is stored.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.bandwidth import is_pure_decode, kv_bytes, weight_bytes
from profiler.analysis.distribution import percentile
from profiler.analysis.latency import request_latencies_ms
from profiler.analysis.live_figures import LiveFigures, LiveSlices, LiveTiles, Series
from profiler.analysis.live_samples import SampleRing
from profiler.analysis.live_slices import SliceRing
from profiler.analysis.memory import vram_used_bytes
from profiler.records.run_record import StepCosts
from profiler.records.timing import RequestStatus, Samples, reached

SPAN_NS = 60_000_000_000
SLICE_NS = 250_000_000
RECENT_NS = 5_000_000_000
"""What the tiles call "now": long enough to be readable, short enough to follow."""

_SILENCE_NS = 1_000_000_000  # rows arrive 10 times a second; without any for longer, the engine is in a long step or stuck
_MOST_FIRST_TOKENS = 16_384
_MOST_GAPS_A_SLICE = 16_384
_WEIGHTED = {
    "sequence_ns": "sequences",
    "waiting_ns": "waiting",
    "kv_cell_ns": "kv_used_cells",
    "prefill_token_ns": "prefill_tokens",
    "decode_token_ns": "decode_tokens",
    "cached_token_ns": "cached_tokens",
}
"""Sums of a step's columns times the nanoseconds that it takes."""
_SUMS = (
    "tokens",
    "prompt_tokens",
    "gaps",
    "gap_ns",
    "step_ns",
    *_WEIGHTED,
    "decode_ns",
    "decode_weight_bytes",
    "decode_kv_bytes",
)


class LiveWindow:
    """Takes the rows of one repetition as they arrive, in the order of their times, and answers `snapshot` at any moment.

    Not locked: feed and look from one thread.
    """

    def __init__(self, costs: StepCosts | None, kv_cells: int | None, peak_bandwidth_gb_s: float | None) -> None:
        """Each argument may be None; what needs it is None or NaN then.

        Args:
            costs: bytes of the model's steps.
            kv_cells: KV cells allocated over all sequences (`EngineFacts.kv_cells`).
            peak_bandwidth_gb_s: measured peak, in 10^9 bytes a second.
        """
        self._costs = costs
        self._kv_cells = kv_cells
        self._peak_bandwidth_gb_s = peak_bandwidth_gb_s
        count = SPAN_NS // SLICE_NS + 1  # the newest slice is still filling
        self._slices = SliceRing(SLICE_NS, count, _SUMS)
        self._itl_ms = np.full((2, count), np.nan)  # p50 and p95 of each slice, by its place in the ring
        self._gaps_ms = np.empty(_MOST_GAPS_A_SLICE)
        self._gap_count = 0
        self._gap_slice = -1
        self._last_token_ns: dict[int, int] = {}  # of each request under way
        self._first_times_s = np.empty(_MOST_FIRST_TOKENS)
        self._first_ms = np.empty(_MOST_FIRST_TOKENS)
        self._first_count = 0
        self._samples = SampleRing()
        self._latest_ns = 0
        self._latest_step: np.void | None = None
        self._output_tokens = self._prompt_tokens = self._cached_tokens = self._evictions = 0
        self._ended = np.zeros(len(RequestStatus), np.int64)  # by status

    def feed(self, requests: NDArray[Any], tokens: NDArray[Any], steps: NDArray[Any]) -> None:
        """Take rows that arrived together; each array may be empty."""
        for instants_ns in (tokens["time_ns"], steps["end_ns"]):
            if len(instants_ns):
                self._latest_ns = max(self._latest_ns, int(instants_ns.max()))
        if len(tokens) or len(steps):
            head = int(self._slices.slice_of(np.array([self._latest_ns]))[0])
            self._itl_ms[:, self._slices.advance(head)] = np.nan
        if len(steps):
            self._feed_steps(steps)
        if len(tokens):
            self._feed_tokens(tokens)
        if len(requests):
            self._feed_requests(requests)

    def feed_samples(self, samples: Samples) -> None:
        """Take the telemetry read since the last call."""
        self._samples.feed(samples)

    def snapshot(self, now_ns: int) -> LiveFigures:
        """The figures as they stand at `now_ns` since the run's origin."""
        first_s = self._first_times_s[: self._first_count]
        order = np.argsort(first_s, kind="stable")
        order = order[(first_s[order] > (now_ns - SPAN_NS) / 1e9) & np.isfinite(self._first_ms[order])]
        return LiveFigures(
            now_s=now_ns / 1e9,
            tiles=self._tiles(now_ns),
            slices=self._series(),
            ttft_times_s=first_s[order],
            ttft_ms=self._first_ms[order],
            samples=self._samples.since(now_ns - SPAN_NS),
        )

    def _feed_steps(self, steps: NDArray[Any]) -> None:
        self._latest_step = steps[-1]
        self._prompt_tokens += int(steps["prefill_tokens"].sum(dtype=np.int64))
        self._cached_tokens += int(steps["cached_tokens"].sum(dtype=np.int64))
        self._evictions += int(steps["evictions"].sum(dtype=np.int64))
        slices = self._slices
        index, number, inside_ns = slices.spread(steps["start_ns"], steps["end_ns"])
        rows = steps[index]
        share = inside_ns / np.maximum(rows["end_ns"] - rows["start_ns"], 1)
        slices.add("prompt_tokens", number, rows["prefill_tokens"] * share)
        slices.add("step_ns", number, inside_ns)
        for name, column in _WEIGHTED.items():
            slices.add(name, number, rows[column] * inside_ns)
        if self._costs is not None:
            is_decode = is_pure_decode(rows)
            slices.add("decode_ns", number, inside_ns * is_decode)
            slices.add("decode_weight_bytes", number, weight_bytes(rows, self._costs) * share * is_decode)
            slices.add("decode_kv_bytes", number, kv_bytes(rows, self._costs) * share * is_decode)

    def _feed_tokens(self, tokens: NDArray[Any]) -> None:
        self._output_tokens += len(tokens)
        self._slices.add("tokens", self._slices.slice_of(tokens["time_ns"]), 1.0)
        times_ns, gaps_ns = self._gaps(tokens)
        number = self._slices.slice_of(times_ns)
        self._slices.add("gaps", number, 1.0)
        self._slices.add("gap_ns", number, gaps_ns.astype(np.float64))
        for slice_number in np.unique(number).tolist():
            self._keep_gaps(slice_number, gaps_ns[number == slice_number] / 1e6)

    def _gaps(self, tokens: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The gaps that these tokens end, also those that began in rows fed before: when each ended, and its length."""
        rows = tokens[np.lexsort((tokens["time_ns"], tokens["request"]))]
        request, time_ns = rows["request"], rows["time_ns"]
        begins = np.flatnonzero(np.diff(request, prepend=request[0]) != 0)
        begins = np.concatenate(([0], begins))
        previous_ns = np.concatenate(([0], time_ns[:-1]))
        has_previous = np.ones(len(rows), np.bool_)
        for place, number in zip(begins.tolist(), request[begins].tolist(), strict=True):
            known_ns = self._last_token_ns.get(number)
            has_previous[place] = known_ns is not None
            previous_ns[place] = known_ns or 0
        ends = np.append(begins[1:], len(rows)) - 1
        self._last_token_ns.update(zip(request[ends].tolist(), time_ns[ends].tolist(), strict=True))
        return time_ns[has_previous], (time_ns - previous_ns)[has_previous]

    def _keep_gaps(self, slice_number: int, gaps_ms: Series) -> None:
        """Gather a slice's gaps; its percentiles are taken once the next slice begins, or when somebody looks."""
        if slice_number > self._gap_slice:
            self._note_gap_percentiles()
            self._gap_slice = slice_number
            self._gap_count = 0
        kept = gaps_ms[: _MOST_GAPS_A_SLICE - self._gap_count]
        self._gaps_ms[self._gap_count : self._gap_count + len(kept)] = kept
        self._gap_count += len(kept)

    def _note_gap_percentiles(self) -> None:
        if self._gap_slice <= self._slices.head - self._slices.count or not self._gap_count:
            return
        ordered = np.sort(self._gaps_ms[: self._gap_count])
        self._itl_ms[:, self._gap_slice % self._slices.count] = percentile(ordered, 0.50), percentile(ordered, 0.95)

    def _feed_requests(self, requests: NDArray[Any]) -> None:
        for number in requests["request"].tolist():
            self._last_token_ns.pop(number, None)
        self._ended += np.bincount(requests["status"], minlength=len(RequestStatus))
        has_first = reached(requests["first_token_ns"])
        # A request that never got there is longer than all: a percentile without it would tell of the lucky ones only.
        ttft_ms = np.where(has_first, request_latencies_ms(requests)["ttft_ms"], np.inf)
        times_ns = np.where(has_first, requests["first_token_ns"], 0)
        for time_ns, value_ms in zip(times_ns.tolist(), ttft_ms.tolist(), strict=True):
            place = self._first_count % _MOST_FIRST_TOKENS
            self._first_times_s[place] = time_ns / 1e9
            self._first_ms[place] = value_ms
            self._first_count += 1

    def _series(self) -> LiveSlices:
        self._note_gap_percentiles()
        numbers = self._slices.numbers()
        places = numbers % self._slices.count
        slice_s = SLICE_NS / 1e9
        read = {name: self._slices.read(name, numbers) for name in _SUMS}
        weights_gb_s = _ratios(read["decode_weight_bytes"], read["decode_ns"])
        kv_gb_s = _ratios(read["decode_kv_bytes"], read["decode_ns"])
        return LiveSlices(
            times_s=np.asarray((numbers + 1) * slice_s, np.float64),
            output_tok_s=read["tokens"] / slice_s,
            prompt_tok_s=read["prompt_tokens"] / slice_s,
            itl_p50_ms=self._itl_ms[0, places],
            itl_p95_ms=self._itl_ms[1, places],
            sequences=_ratios(read["sequence_ns"], read["step_ns"]),
            waiting=_ratios(read["waiting_ns"], read["step_ns"]),
            kv_occupancy=_ratios(100 * read["kv_cell_ns"], read["step_ns"] * (self._kv_cells or 0)),
            prefill_tokens_step=_ratios(read["prefill_token_ns"], read["step_ns"]),
            decode_tokens_step=_ratios(read["decode_token_ns"], read["step_ns"]),
            cached_tokens_step=_ratios(read["cached_token_ns"], read["step_ns"]),
            bandwidth_gb_s=weights_gb_s + kv_gb_s,
            weights_gb_s=weights_gb_s,
            kv_gb_s=kv_gb_s,
        )

    def _tiles(self, now_ns: int) -> LiveTiles:
        slices = self._slices
        # What has not arrived yet is not missing; what should have arrived long ago is.
        until_ns = max(self._latest_ns, now_ns - _SILENCE_NS)
        first = max(0, -(-(until_ns - RECENT_NS) // SLICE_NS))
        numbers = np.arange(max(first, slices.head + 1 - slices.count), slices.head + 1)
        recent = {name: float(slices.read(name, numbers).sum()) for name in _SUMS}
        recent_s = (until_ns - first * SLICE_NS) / 1e9 if slices.head >= 0 else 0.0
        bandwidth_gb_s = _ratio(recent["decode_weight_bytes"] + recent["decode_kv_bytes"], recent["decode_ns"])
        step, sample = self._latest_step, self._samples.newest()
        ended_ms = self._first_ms[: self._first_count]
        reached_ms = np.sort(ended_ms[np.isfinite(ended_ms)])
        missing = len(ended_ms) - len(reached_ms)
        return LiveTiles(
            output_tokens=self._output_tokens,
            prompt_tokens=self._prompt_tokens,
            cached_tokens=self._cached_tokens,
            completed=int(self._ended[RequestStatus.COMPLETED]),
            failed=int(self._ended[RequestStatus.FAILED] + self._ended[RequestStatus.UNFINISHED]),
            refused=int(self._ended[RequestStatus.REFUSED]),
            timed_out=int(self._ended[RequestStatus.TIMED_OUT]),
            ttft_p50_ms=percentile(reached_ms, 0.50, missing),
            ttft_p95_ms=percentile(reached_ms, 0.95, missing),
            output_tok_s=_ratio(recent["tokens"], recent_s),
            prompt_tok_s=_ratio(recent["prompt_tokens"], recent_s),
            user_tok_s=_ratio(recent["gaps"], recent["gap_ns"] / 1e9),
            bandwidth_gb_s=bandwidth_gb_s,
            bandwidth_share=_percent(bandwidth_gb_s, self._peak_bandwidth_gb_s),
            sequences=None if step is None else int(step["sequences"]),
            waiting=None if step is None else int(step["waiting"]),
            kv_occupancy=None if step is None else _percent(float(step["kv_used_cells"]), self._kv_cells),
            cached_share=_percent(self._cached_tokens, self._cached_tokens + self._prompt_tokens),
            evictions=self._evictions,
            rss_bytes=_reading(sample.channels.get("process_rss_bytes")),
            vram_bytes=_reading(vram_used_bytes(sample)),
        )


def _ratios(amounts: Series, weights: Series) -> Series:
    """Amounts over weights, NaN where there is no weight."""
    ratios = np.full(len(amounts), np.nan)
    np.divide(amounts, weights, out=ratios, where=weights > 0)
    return ratios


def _ratio(amount: float, weight: float) -> float | None:
    return amount / weight if weight > 0 else None


def _percent(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100 * part / whole


def _reading(column: Series | None) -> float | None:
    return None if column is None or not len(column) or not np.isfinite(column[0]) else float(column[0])
