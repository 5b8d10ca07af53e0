"""A whole load, as its specification says it: when its requests come, and how long each of them is."""

from collections.abc import Mapping
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from profiler.records.specification import LoadSettings, RequestClass
from profiler.scheduling.arrivals import (
    Arrival,
    ArrivalSource,
    ClosedLoop,
    Mix,
    Offline,
    OpenLoop,
    StopRule,
    ns_of,
    staggered_starts_ns,
)
from profiler.scheduling.lengths import parse_length
from profiler.scheduling.open_loop import due_times_ns, horizon_s_of
from profiler.scheduling.trace import Trace

DRAWN_AHEAD = 65_536
"""Lengths of a class that are drawn before the run; after so many requests they come again in the same order."""


class _Purpose(IntEnum):
    """What a random stream is for; each has one of its own, so that changing one thing leaves the others as they were."""

    ARRIVALS = 0
    PROMPT_TOKENS = 1
    OUTPUT_TOKENS = 2
    PREFIXES = 3


def source_of(load: LoadSettings, request_time_ns: int, traces: Mapping[int, Trace]) -> ArrivalSource:
    """The arrivals of all classes of a load, numbered over all of them.

    Users are numbered through over the closed classes, in order. `start_s` shifts everything of a class but its `duration_s`,
    which counts from the run's origin.

    Args:
        load: what is asked for.
        request_time_ns: a request's likely time, over which each closed loop's users start.
        traces: what is replayed, by class number.

    Raises:
        ValueError: an open loop that makes no sense (see `due_times_ns`), or an offline class without a number of requests.
    """
    sources: list[ArrivalSource] = []
    first_user = 0
    for number, each in enumerate(load.classes):
        sources.append(_source_of_class(load, number, request_time_ns, traces.get(number), first_user))
        if each.arrival == "closed":
            first_user += each.users
    return Mix(sources)


def _source_of_class(
    load: LoadSettings, number: int, request_time_ns: int, trace: Trace | None, first_user: int
) -> ArrivalSource:
    each = load.classes[number]
    seed = _seed(load, number, _Purpose.ARRIVALS)
    start_ns, think_time_ns = ns_of(each.start_s), ns_of(each.think_time_s)
    duration_ns = None if each.duration_s is None else ns_of(each.duration_s)
    stop = StopRule(each.requests, each.requests_per_user, duration_ns)
    if each.arrival == "closed":
        starts_ns = [start_ns + start for start in staggered_starts_ns(each.users, request_time_ns, seed)]
        return ClosedLoop(starts_ns, think_time_ns, stop, turns=each.turns, class_number=number, first_user=first_user)
    if each.arrival == "offline":
        if each.requests is None:
            raise ValueError("an offline load needs a number of requests")
        return Offline(each.requests, turns=each.turns, think_time_ns=think_time_ns, class_number=number, start_ns=start_ns)
    due_ns = due_times_ns(each, seed, horizon_s_of(each), trace)
    return OpenLoop(due_ns, turns=each.turns, think_time_ns=think_time_ns, class_number=number, stop=stop)


class LengthsOf:
    """How long each request of a load is, and which shared beginning its prompt has.

    All is drawn when this is made, DRAWN_AHEAD values a class and kind, so that asking costs nothing while a run is measured. A
    request's place in them is conversation × turns + turn: its lengths do not depend on when it came. The lengths of a trace are
    those of the row whose number is the conversation's; both begin again when they are used up.

    Raises:
        ValueError: a length that cannot be read, or lengths from a trace where none is given or a conversation has several turns.
    """

    def __init__(self, load: LoadSettings, traces: Mapping[int, Trace]) -> None:
        self._turns = [each.turns for each in load.classes]
        self._prompt_tokens: list[NDArray[np.int32]] = []
        self._output_tokens: list[NDArray[np.int32]] = []
        self._prefixes: list[NDArray[np.int64]] = []
        for number, each in enumerate(load.classes):
            trace = traces.get(number)
            prompt_row, output_row = (None, None) if trace is None else (trace.prompt_tokens, trace.output_tokens)
            prompt_seed, output_seed = (_seed(load, number, kind) for kind in (_Purpose.PROMPT_TOKENS, _Purpose.OUTPUT_TOKENS))
            self._prompt_tokens.append(_drawn(each.prompt_tokens, prompt_seed, prompt_row, each))
            self._output_tokens.append(_drawn(each.output_tokens, output_seed, output_row, each))
            generator = np.random.default_rng(_seed(load, number, _Purpose.PREFIXES))
            self._prefixes.append(generator.integers(0, each.prefixes, DRAWN_AHEAD))

    def prompt_tokens(self, arrival: Arrival) -> int:
        """Tokens of the request's prompt; in a conversation, those that this turn adds."""
        return self._of(self._prompt_tokens, arrival)

    def output_tokens(self, arrival: Arrival) -> int:
        """Tokens of the request's answer."""
        return self._of(self._output_tokens, arrival)

    def shared_prefix_of(self, arrival: Arrival) -> int:
        """Which of its class's `prefixes` the request's conversation begins with, from 0; each is as likely as the others."""
        prefixes = self._prefixes[arrival.class_number]
        return int(prefixes[arrival.conversation % len(prefixes)])

    def _of(self, tokens_by_class: list[NDArray[np.int32]], arrival: Arrival) -> int:
        tokens = tokens_by_class[arrival.class_number]
        place = arrival.conversation * self._turns[arrival.class_number] + arrival.turn
        return int(tokens[place % len(tokens)])


def _drawn(text: str, seed: int, recorded: NDArray[np.int32] | None, request_class: RequestClass) -> NDArray[np.int32]:
    """A class's lengths in the order of their places."""
    length = parse_length(text)
    if length.kind != "trace":
        return length.draw(np.random.default_rng(seed), DRAWN_AHEAD)
    if recorded is None:
        raise ValueError("lengths from a trace need a trace")
    if request_class.turns != 1:
        raise ValueError("lengths from a trace are those of single requests; leave turns at 1")
    return recorded


def _seed(load: LoadSettings, class_number: int, purpose: _Purpose) -> int:
    """A seed of its own for each class and purpose, from the load's."""
    sequence = np.random.SeedSequence(load.seed, spawn_key=(class_number, purpose))
    return int(sequence.generate_state(1, np.uint64)[0])
