"""What a token waited for: its gap, the batch it was made in, how long its sequence was, and what delayed it, in a sentence."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.decomposition import StepClock
from profiler.analysis.gpu_readings import is_slowed
from profiler.analysis.timeline import RunTimeline
from profiler.records import gpu_channel
from profiler.records.timing import Samples, reached
from profiler.units import milliseconds_text, significant

Delay = Literal["nothing", "prefill", "full batch", "stall", "throttle", "queue", "long step"]

_UNUSUAL = 1.25
"""A gap so many times as long as usual was delayed by something."""

_SLOW_CLOCK_SHARE = 0.85
_BUSY_CPU_PERCENT = 10.0
_NEAR_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class TokenReading:
    """One token.

    Attributes:
        number: within its request, from 1.
        gap_ns: since the request's token before it, or for the first since it was due.
        sequences: in its step; None without steps, like all that follows.
        depth_tokens: that its sequence held when it was made.
        usual_ns: median length of the steps of as many decodes that read no prompt; None where there was no other.
        delay: what delayed it most.
        sentence: the same for the user.
    """

    request: int
    number: int
    time_ns: int
    gap_ns: int
    sequences: int | None
    depth_tokens: int
    usual_ns: int | None
    delay: Delay
    sentence: str


class TokenReader:
    """Reads the tokens of a run.

    Args:
        timeline: the run.
        slots: sequences that may be decoded together, None where that is not known.
        depth: tokens that each slot holds before its request.
    """

    def __init__(self, timeline: RunTimeline, slots: int | None, depth: int = 0) -> None:
        self._timeline, self._slots, self._depth = timeline, slots, depth
        steps = timeline.data.steps
        self._clock = StepClock(steps) if len(steps) else None
        self._usual_ns = _usual_ns(steps)
        self._slow_below = _slow_clocks(timeline.data.samples)

    def read(self, token: int) -> TokenReading:
        """Read one, by its number in the run's array."""
        data = self._timeline.data
        row = int(np.flatnonzero(data.requests["request"] == data.tokens["request"][token])[0])
        request = data.requests[row]
        own = self._timeline.tokens_of(row)
        place = int(np.flatnonzero(own == token)[0])
        time_ns = int(data.tokens["time_ns"][token])
        since_ns = int(data.tokens["time_ns"][own[place - 1]]) if place else int(request["due_ns"])
        number = int(data.tokens["step"][token])
        step = data.steps[number] if number < len(data.steps) else None
        sequences = None if step is None else int(step["sequences"])
        usual_ns = None if step is None else self._usual_ns.get(int(step["decode_tokens"]))
        if place:
            delay, sentence = self._between(since_ns, time_ns, step, usual_ns)
        else:
            delay, sentence = self._first(row, since_ns, time_ns)
        depth = self._depth + int(request["prompt_tokens"]) + place
        return TokenReading(
            int(request["request"]), place + 1, time_ns, time_ns - since_ns, sequences, depth, usual_ns, delay, sentence
        )

    def _spans(self, since_ns: int, until_ns: int) -> tuple[int, int, int]:
        """Time in steps that read prompts, in steps that only decoded, and in none."""
        if self._clock is None:
            return 0, 0, 0
        ends = np.array([since_ns, until_ns], np.int64)
        reading = int(np.diff(self._clock.reading_ns(ends))[0])
        decoding = int(np.diff(self._clock.decoding_ns(ends))[0])
        return reading, decoding, until_ns - since_ns - reading - decoding

    def _between(self, since_ns: int, until_ns: int, step: Any, usual_ns: int | None) -> tuple[Delay, str]:
        """What came between two tokens of a request."""
        gap_ns = until_ns - since_ns
        if self._clock is None or step is None:
            return "nothing", "The file holds no steps of this run: what delayed it cannot be told."
        reading_ns, decoding_ns, stall_ns = self._spans(since_ns, until_ns)
        usual = usual_ns or 0
        late_ns = max(0, decoding_ns - usual) if usual else 0
        most = max(reading_ns, stall_ns, late_ns)
        if (usual and gap_ns <= _UNUSUAL * usual) or most == 0:
            return self._full_or_nothing(step)
        if most == reading_ns:
            return "prefill", (
                f"Delayed by someone's prefill: steps that read prompts took {milliseconds_text(reading_ns / 1e6)} of the gap"
                f"{self._tokens_read(since_ns, until_ns)}."
            )
        throttle = self._throttle(since_ns, until_ns)
        if throttle:
            return "throttle", throttle
        if most == stall_ns:
            foreign = self._foreign(since_ns, until_ns)
            return "stall", f"Stalled: no step ran for {milliseconds_text(stall_ns / 1e6)} of the gap{foreign}."
        foreign = self._foreign(since_ns, until_ns)
        return "long step", (
            f"Its step took {milliseconds_text(decoding_ns / 1e6)}, where steps of {int(step['decode_tokens'])} usually take "
            f"{milliseconds_text(usual / 1e6)}{foreign}."
        )

    def _full_or_nothing(self, step: Any) -> tuple[Delay, str]:
        sequences, waiting = int(step["sequences"]), int(step["waiting"])
        alone_ns = self._usual_ns.get(1)
        own_ns = int(step["end_ns"] - step["start_ns"])
        if self._slots is not None and sequences >= self._slots > 1:
            told = f" and {waiting} waited" if waiting else ""
            times = f"; alone it would take about {milliseconds_text(alone_ns / 1e6)}" if alone_ns and alone_ns < own_ns else ""
            return "full batch", f"A full batch: all {self._slots} slots were decoded together{told}{times}."
        return "nothing", "Nothing delayed it: as long as steps of this size usually take."

    def _first(self, row: int, due_ns: int, first_ns: int) -> tuple[Delay, str]:
        """What came before a request's first token."""
        request = self._timeline.data.requests[row]
        begun_ns = int(request["prefill_start_ns"])
        parts = self._timeline.parts
        if not reached(np.array([begun_ns]))[0] or parts is None:
            return "nothing", "The file holds no steps of this run: what delayed it cannot be told."
        queue_ns = begun_ns - due_ns
        reading_ns, decoding_ns, stall_ns = self._spans(begun_ns, first_ns)
        place = np.flatnonzero(parts.rows == row)
        own_ns = int(parts.parts_ns[1, place[0]]) if len(place) else reading_ns
        spans: list[tuple[int, Delay, str]] = [
            (queue_ns, "queue", "Waited most in the queue"),
            (own_ns, "nothing", "Its own prompt took most of the time"),
            (reading_ns - own_ns, "prefill", "Delayed most by prompts of others"),
            (stall_ns + decoding_ns, "stall", "Stalled most: no step read a prompt"),
        ]
        longest_ns, delay, words = max(spans, key=lambda each: each[0])
        return delay, f"{words}: {milliseconds_text(longest_ns / 1e6)} of {milliseconds_text((first_ns - due_ns) / 1e6)}."

    def _tokens_read(self, since_ns: int, until_ns: int) -> str:
        steps, clock = self._timeline.data.steps, self._clock
        assert clock is not None
        first, stop = (int(np.searchsorted(clock.end_ns, each, side="right")) for each in (since_ns, until_ns))
        return f", {int(steps['prefill_tokens'][first:stop].sum())} prompt tokens"

    def _throttle(self, since_ns: int, until_ns: int) -> str:
        """A sentence where the samples beside the gap tell of a slowed device."""
        samples = self._timeline.data.samples
        near = _near(samples, since_ns, until_ns)
        if not len(near):
            return ""
        for name, column in samples.channels.items():
            gpu = gpu_channel.split(name)
            readings = column[near][np.isfinite(column[near])]
            if not len(readings):
                continue
            if gpu is not None and any(is_slowed(gpu[1], float(each)) for each in readings):
                return f"Throttled: {gpu[0]} slowed itself down at that time."
            if name == "group_cpu_throttled_ms" and readings[-1] > readings[0]:
                grown = milliseconds_text(float(readings[-1] - readings[0]))
                return f"Throttled: the processor quota stopped threads for {grown} around that time."
            if name in self._slow_below and readings.min() < self._slow_below[name]:
                return (
                    f"Throttled: {name.replace('_', ' ')} fell to {significant(float(readings.min()))}, below "
                    f"{_SLOW_CLOCK_SHARE:.0%} of the run's median."
                )
        return ""

    def _foreign(self, since_ns: int, until_ns: int) -> str:
        samples = self._timeline.data.samples
        column = samples.channels.get("foreign_cpu_percent")
        near = _near(samples, since_ns, until_ns)
        if column is None or not len(near):
            return ""
        readings = column[near][np.isfinite(column[near])]
        if not len(readings) or readings.max() < _BUSY_CPU_PERCENT:
            return ""
        return f"; other programs took {significant(float(readings.max()), 2)} % of the processors around then"


def _near(samples: Samples, since_ns: int, until_ns: int) -> NDArray[np.int64]:
    """Places of the samples around a stretch: those in it and the one at each side, if taken within a second."""
    first = max(0, int(np.searchsorted(samples.times_ns, since_ns, side="right")) - 1)
    stop = int(np.searchsorted(samples.times_ns, until_ns, side="left")) + 1
    places = np.arange(first, min(stop, len(samples.times_ns)))
    times_ns = samples.times_ns[places]
    return places[(times_ns >= since_ns - _NEAR_NS) & (times_ns <= until_ns + _NEAR_NS)]


def _usual_ns(steps: NDArray[Any]) -> dict[int, int]:
    """Median length of the steps that only decode, by how many decodes they hold; of those with at least three."""
    only = steps[(steps["prefill_tokens"] == 0) & (steps["decode_tokens"] > 0)] if len(steps) else steps
    if not len(only):
        return {}
    order = np.argsort(only["decode_tokens"], kind="stable")
    counts, starts = np.unique(only["decode_tokens"][order], return_index=True)
    lasted = (only["end_ns"] - only["start_ns"])[order]
    parts = np.split(lasted, starts[1:])
    return {int(count): int(np.median(part)) for count, part in zip(counts, parts, strict=True) if len(part) >= 3}


def _slow_clocks(samples: Samples) -> dict[str, float]:
    """Of each channel of a clock, the reading below which it counts as slowed."""
    slow = {}
    for name, column in samples.channels.items():
        readings = column[np.isfinite(column)]
        if ("_frequency_mhz" in name or name.endswith("_clock_mhz")) and len(readings):
            slow[name] = _SLOW_CLOCK_SHARE * float(np.median(readings))
    return slow
