import sys
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.records.timing import RequestStatus
from profiler.scheduling.admission import Continuous
from profiler.scheduling.arrivals import OpenLoop
from profiler.scheduling.batcher import Batcher
from profiler.scheduling.prefix_cache import Copy, Drop, PrefixCache
from tests.helpers.virtual_engine import VirtualEngine


def tokens(*values):
    return np.array(values, np.int32)


def numbered(length, start=0):
    return np.arange(start, start + length, dtype=np.int32)


def serve(cache, slot, prompt, output=()):
    """A request from its admission to its end; returns how much of it was cached."""
    cached = cache.admit(slot, prompt, len(prompt) + len(output))
    cache.evaluated(slot, len(prompt))
    cache.retire(slot, np.concatenate((prompt, tokens(*output))))
    return cached


def test_an_ended_request_leaves_its_tokens_to_the_next():
    cache = PrefixCache(1, 2, 100)
    assert serve(cache, 0, numbered(20), (7, 8)) == 0
    assert cache.take_operations() == [Copy(0, 1, 22), Drop(0)]
    assert (cache.entries, cache.extra_cells) == (1, 22)
    assert cache.admit(0, np.concatenate((numbered(20), tokens(7, 8, 1, 2))), 30) == 22, "its answer is part of it"
    assert cache.take_operations() == [Copy(1, 0, 22)]
    assert cache.extra_cells == 0, "the slot's length counts the shared cells"
    assert (cache.lookups, cache.hits, cache.cached_tokens, cache.evictions) == (2, 1, 22, 0)


def test_the_last_token_of_a_prompt_is_always_evaluated():
    cache = PrefixCache(1, 2, 100)
    serve(cache, 0, numbered(20), (7, 8))
    assert cache.admit(0, numbered(20), 21) == 19


def test_a_beginning_below_the_least_is_not_shared():
    cache = PrefixCache(2, 2, 200, least_tokens=16)
    serve(cache, 0, numbered(30))
    assert cache.admit(0, np.concatenate((numbered(15), numbered(20, 90))), 40) == 0
    assert cache.admit(1, np.concatenate((numbered(16), numbered(20, 90))), 40) == 16


@pytest.mark.parametrize("length", [1, 15])
def test_short_prompts_neither_find_nor_leave_anything(length):
    cache = PrefixCache(1, 2, 100)
    assert serve(cache, 0, numbered(length)) == serve(cache, 0, numbered(length)) == 0
    assert (cache.entries, cache.extra_cells) == (0, 0)
    assert cache.take_operations() == [Drop(0), Drop(0)]


def test_a_live_slot_shares_what_it_has_evaluated_and_no_more():
    cache = PrefixCache(3, 0, 300)
    assert cache.admit(0, numbered(60), 70) == 0
    assert cache.admit(1, numbered(60), 70) == 0, "nothing is evaluated yet"
    cache.evaluated(0, 40)
    assert cache.admit(2, numbered(60), 70) == 40
    assert cache.take_operations() == [Copy(0, 2, 40)]
    assert cache.extra_cells == -40, "both lengths count the shared cells"
    cache.drop(0)
    assert cache.extra_cells == 0
    assert cache.take_operations() == [Drop(0)]


def test_of_beginnings_as_long_an_entrys_is_taken_and_else_the_lowest_slots():
    cache = PrefixCache(4, 1, 400)
    serve(cache, 3, numbered(20))
    for slot in (0, 1):
        cache.admit(slot, numbered(40), 50)
    for slot in (0, 1):
        cache.evaluated(slot, 40)
    cache.take_operations()
    cache.admit(2, np.concatenate((numbered(20), tokens(7))), 30)
    cache.admit(3, numbered(40), 50)
    assert cache.take_operations() == [Copy(4, 2, 20), Copy(0, 3, 39)]


def test_without_entries_nothing_outlives_its_request():
    cache = PrefixCache(1, 0, 100)
    assert serve(cache, 0, numbered(30)) == serve(cache, 0, numbered(30)) == 0
    assert (cache.entries, cache.evictions, cache.extra_cells) == (0, 0, 0)


def test_a_dropped_request_leaves_nothing():
    cache = PrefixCache(1, 2, 100)
    cache.admit(0, numbered(30), 40)
    cache.evaluated(0, 30)
    cache.drop(0)
    assert (cache.entries, cache.extra_cells) == (0, 0)
    assert cache.admit(0, numbered(30), 40) == 0


def test_an_entry_that_is_a_beginning_of_a_new_one_is_replaced_by_it():
    cache = PrefixCache(1, 3, 200)
    serve(cache, 0, numbered(30))
    serve(cache, 0, numbered(50))
    assert (cache.entries, cache.extra_cells, cache.evictions) == (1, 50, 0)


def test_what_an_entry_holds_already_only_renews_it():
    cache = PrefixCache(1, 2, 200)
    serve(cache, 0, numbered(40))
    serve(cache, 0, numbered(40, 1_000))
    serve(cache, 0, numbered(30))  # says nothing new, and makes the first one the last to go
    assert (cache.entries, cache.extra_cells) == (2, 80)
    serve(cache, 0, numbered(40, 2_000))
    assert cache.evictions == 1
    assert cache.admit(0, numbered(40), 41) == 39
    cache.drop(0)
    assert cache.admit(0, numbered(40, 1_000), 41) == 0


def test_entries_give_way_to_what_a_request_may_come_to_hold():
    cache = PrefixCache(1, 4, 100)
    for start in (0, 1_000, 2_000):
        serve(cache, 0, numbered(30, start))
    assert cache.admit(0, numbered(30, 1_000), 40) == 29  # 90 + 40 - 29 = 101: the oldest has to go
    assert (cache.entries, cache.evictions) == (2, 1)
    cache.drop(0)
    assert cache.admit(0, numbered(30), 35) == 0


def test_cells_that_a_request_shares_survive_their_entrys_eviction():
    cache = PrefixCache(1, 1, 50)
    serve(cache, 0, numbered(40))
    cache.take_operations()
    assert cache.admit(0, np.concatenate((numbered(20), numbered(5, 500))), 45) == 20  # 40 + 25 > 50, 20 + 25 is not
    assert cache.take_operations() == [Copy(1, 0, 20), Drop(1)]
    assert (cache.entries, cache.extra_cells) == (0, 0)


def test_requests_that_may_outgrow_the_cells_are_an_error():
    cache = PrefixCache(2, 1, 50)
    cache.admit(0, numbered(20), 30)
    with pytest.raises(ValueError, match="outgrow the 50 cells"):
        cache.admit(1, numbered(20, 100), 21)
    assert cache.admit(1, numbered(15, 100), 20) == 0, "the refused one left no trace"
    assert cache.lookups == 2


def test_misuse_is_an_error():
    cache = PrefixCache(2, 1, 100)
    cache.admit(0, numbered(20), 30)
    for misuse, reason in (
        (lambda: cache.admit(0, numbered(20), 30), "slot 0 holds a request"),
        (lambda: cache.admit(1, numbered(20), 19), "does not fit"),
        (lambda: cache.evaluated(0, 21), "not 21"),
        (lambda: cache.evaluated(1, 0), "slot 1 holds no request"),
        (lambda: cache.retire(0, numbered(31)), "31 tokens"),
        (lambda: cache.drop(1), "slot 1 holds no request"),
    ):
        with pytest.raises(ValueError, match=reason):
            misuse()


class NaiveStore:
    """llama.cpp's unified cache as the operations see it: each sequence a list of (cell, token)."""

    def __init__(self):
        self.sequences = {}
        self._new_cell = count()

    def apply(self, operations):
        for operation in operations:
            if isinstance(operation, Copy):
                assert not self.sequences.get(operation.target), "a sequence is empty before it is copied into"
                source = self.sequences[operation.source]
                assert len(source) >= operation.tokens > 0
                self.sequences[operation.target] = source[: operation.tokens]
            else:
                self.sequences.pop(operation.sequence, None)

    def append(self, sequence, values):
        self.sequences.setdefault(sequence, []).extend((next(self._new_cell), value) for value in values)

    def tokens_of(self, sequence):
        return tuple(value for _, value in self.sequences.get(sequence, []))

    @property
    def used(self):
        return len({cell for held in self.sequences.values() for cell, _ in held})


class NaiveCache:
    """The rules by brute force: every token has its cell, entries are a list from the least to the most recently used."""

    def __init__(self, entries, cells, least_tokens):
        self.most_entries, self.cells, self.least_tokens = entries, cells, least_tokens
        self.entries = []  # each a list of (cell, token)
        self.live = {}  # slot: [cells so far, prompt's length, total tokens]
        self.evictions = 0
        self._new_cell = count()

    @property
    def used(self):
        held = self.entries + [cells for cells, _, _ in self.live.values()]
        return len({cell for cells in held for cell, _ in cells})

    def _worst(self):
        return self.used + sum(total - len(cells) for cells, _, total in self.live.values())

    def admit(self, slot, prompt, total_tokens):
        prompt = tuple(prompt.tolist())
        best, longest, entry_used = [], 0, None
        for entry in reversed(self.entries):
            if (common := _common(entry, prompt[:-1])) > longest:
                best, longest, entry_used = entry, common, entry
        for other in sorted(self.live):
            cells, prompt_tokens, _ = self.live[other]
            if (common := _common(cells[:prompt_tokens], prompt[:-1])) > longest:
                best, longest, entry_used = cells, common, None
        if longest < self.least_tokens:
            best, longest, entry_used = [], 0, None
        if entry_used is not None:
            self._renew(entry_used)
        self.live[slot] = [best[:longest], len(prompt), total_tokens]
        while self._worst() > self.cells:
            self.entries.pop(0)
            self.evictions += 1
        return longest

    def append(self, slot, values):
        self.live[slot][0].extend((next(self._new_cell), value) for value in values)

    def retire(self, slot):
        cells = self.live.pop(slot)[0]
        ended = tuple(token for _, token in cells)
        if len(ended) < self.least_tokens or not self.most_entries:
            return
        for entry in reversed(self.entries):
            if _common(entry, ended) == len(ended):
                self._renew(entry)
                return
        self.entries = [entry for entry in self.entries if _common(entry, ended) < len(entry)]
        if len(self.entries) == self.most_entries:
            self.entries.pop(0)
            self.evictions += 1
        self.entries.append(cells)

    def drop(self, slot):
        del self.live[slot]

    def _renew(self, entry):
        self.entries = [other for other in self.entries if other is not entry] + [entry]


def _common(cells, values):
    common = 0
    while common < min(len(cells), len(values)) and cells[common][1] == values[common]:
        common += 1
    return common


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["request", "request", "request", "admit", "evaluate", "decode", "end", "give up"]),
        st.integers(0, 2),  # slot
        st.lists(st.integers(0, 1), min_size=1, max_size=6),  # what a prompt says new, or an answer
        st.integers(0, 5),  # how many of something, or which
    ),
    min_size=25,
    max_size=70,
)


class Twins:
    """The prefix cache, its brute-force model and llama.cpp's cells, taken through the same requests."""

    def __init__(self, entries, cells, least_tokens):
        self.cells = cells
        self.cache = PrefixCache(3, entries, cells, least_tokens=least_tokens)
        self.naive, self.store = NaiveCache(entries, cells, least_tokens), NaiveStore()
        self.live = {}  # slot: [tokens in its cells, prompt, total tokens]
        self.said = [()]  # conversations to go on with
        self.lookups = self.hits = self.cached_tokens = 0

    def do(self, kind, slot, values, number):
        held, prompt, total = self.live.get(slot, ((), (), 0))
        is_live, is_read = slot in self.live, len(held) >= len(prompt)
        if kind in ("admit", "request") and not is_live:
            before = self.said[-1 - number % len(self.said)] if number % 2 else ()
            self.admit(slot, (*before, *values)[:14], number)
            if kind == "request" and slot in self.live:
                self.evaluate(slot, 14)
                self.end(slot)
        elif kind == "evaluate" and is_live and not is_read:
            self.evaluate(slot, 1 + number)
        elif kind == "decode" and is_live and is_read:
            self.add(slot, values[: total - len(held)])
        elif kind == "end" and is_live and is_read:
            self.end(slot)
        elif kind == "give up" and is_live:
            self.cache.drop(slot)
            self.naive.drop(slot)
            del self.live[slot]

    def admit(self, slot, prompt, output_tokens):
        total = len(prompt) + output_tokens
        if sum(each[2] for each in self.live.values()) + total > self.cells:
            return
        cached = self.cache.admit(slot, tokens(*prompt), total)
        assert cached == self.naive.admit(slot, tokens(*prompt), total)
        self.store.apply(self.cache.take_operations())
        self.live[slot] = [prompt[:cached], prompt, total]
        self.lookups, self.hits, self.cached_tokens = self.lookups + 1, self.hits + (cached > 0), self.cached_tokens + cached

    def evaluate(self, slot, count):
        held, prompt, _ = self.live[slot]
        self.add(slot, prompt[len(held) : len(held) + count])
        self.cache.evaluated(slot, len(self.live[slot][0]))

    def add(self, slot, values):
        self.live[slot][0] += tuple(values)
        self.store.append(slot, values)
        self.naive.append(slot, values)

    def end(self, slot):
        held = self.live.pop(slot)[0]
        self.cache.retire(slot, tokens(*held))
        self.naive.retire(slot)
        self.said = [*self.said[-7:], held]

    def check(self):
        self.store.apply(self.cache.take_operations())
        for slot in range(3):
            assert self.store.tokens_of(slot) == (self.live[slot][0] if slot in self.live else ())
        kept = sorted(self.store.tokens_of(sequence) for sequence in self.store.sequences if sequence >= 3)
        assert kept == sorted(tuple(token for _, token in entry) for entry in self.naive.entries)
        used = sum(len(held) for held, _, _ in self.live.values()) + self.cache.extra_cells
        assert used == self.naive.used == self.store.used <= self.cells
        assert (self.cache.entries, self.cache.evictions) == (len(self.naive.entries), self.naive.evictions)
        counted = self.cache.lookups, self.cache.hits, self.cache.cached_tokens
        assert counted == (self.lookups, self.hits, self.cached_tokens)


@settings(max_examples=150, deadline=None)
@given(actions=ACTIONS, entries=st.integers(0, 4), cells=st.integers(15, 40), least_tokens=st.integers(1, 3))
def test_the_books_agree_with_a_brute_force_model(actions, entries, cells, least_tokens):
    twins = Twins(entries, cells, least_tokens)
    for action in actions:
        twins.do(*action)
        twins.check()


def test_the_books_agree_with_a_brute_force_model_over_a_long_run():
    generator = np.random.default_rng(4)
    kinds = ["request"] * 6 + ["admit", "evaluate", "evaluate", "decode", "end", "end", "give up"]
    for entries, cells, least_tokens in [(3, 40, 1), (4, 30, 2), (8, 200, 2), (1, 20, 3), (0, 45, 1)]:
        twins = Twins(entries, cells, least_tokens)
        for _ in range(400):
            values = generator.integers(0, 2, generator.integers(1, 7)).tolist()
            twins.do(kinds[generator.integers(len(kinds))], int(generator.integers(3)), values, int(generator.integers(6)))
            twins.check()
        assert twins.hits > 10
        assert twins.cache.evictions > 20 or not entries


@settings(max_examples=60, deadline=None)
@given(
    gaps_ns=st.lists(st.sampled_from([0, 5, 40, 200]), min_size=1, max_size=8),
    turns=st.integers(1, 4),
    slots=st.integers(1, 3),
    entries=st.integers(0, 3),
    chunk=st.integers(1, 20),
    timeout_ns=st.one_of(st.none(), st.integers(20, 400)),
    spare_cells=st.sampled_from([0, 20, 500]),
)
def test_conversations_served_by_the_batcher_keep_the_books(gaps_ns, turns, slots, entries, chunk, timeout_ns, spare_cells):
    """Each turn repeats all that was said; a quarter of the conversations begin alike."""
    asked, answered = 9, 4

    def said(arrival):
        """All tokens of a conversation up to this turn's answer."""
        begins_alike = numbered(6)
        own = numbered(turns * (asked + answered), 1_000 * (arrival.conversation % 4 + 1))
        return np.concatenate((begins_alike, own))[: (arrival.turn + 1) * (asked + answered)]

    def lengths(arrival):
        return len(said(arrival)) - answered, answered

    cells = slots * turns * (asked + answered) + spare_cells
    cache, store = PrefixCache(slots, entries, cells, least_tokens=4), NaiveStore()

    def step_ns(plan):
        slot_tokens = [(slot, 1) for slot in plan.decode.tolist()] + [(part.slot, part.count) for part in plan.prefill]
        for part in plan.prefill:
            assert len(store.tokens_of(part.slot)) == part.start, "the slot holds just what need not be evaluated"
        for slot, number in slot_tokens:
            row = engine.requests[int(engine.batcher.request[slot])]
            held = len(store.tokens_of(slot))
            store.append(slot, said(row.arrival)[held : held + number].tolist())
            assert store.tokens_of(slot) == tuple(said(row.arrival)[: held + number].tolist())
        return 5 + plan.prefill_tokens

    engine = VirtualEngine(
        lambda on_admit: Batcher(slots, 64, chunk, admission=Continuous(), timeout_ns=timeout_ns, on_admit=on_admit),
        OpenLoop(np.cumsum(gaps_ns, dtype=np.int64), turns=turns, think_time_ns=3),
        lengths,
        step_ns,
        cache=cache,
        prompt_of=lambda arrival: said(arrival)[:-answered],
        output_of=lambda arrival: said(arrival)[-answered:],
        on_operations=store.apply,
    )
    engine.run()
    rows = engine.requests.values()
    assert all(0 < each.used_cells <= cells for each in engine.steps)
    assert store.used == cache.extra_cells <= cells
    assert not any(store.tokens_of(slot) for slot in range(slots))
    assert cache.cached_tokens == sum(row.cached_tokens for row in rows)
    if timeout_ns is None:
        assert all(row.status is RequestStatus.COMPLETED for row in rows)
        assert sum(each.plan.cached_tokens for each in engine.steps) == cache.cached_tokens
        if entries >= len(gaps_ns) and spare_cells == 500:
            for row in rows:
                if row.arrival.turn:
                    assert row.cached_tokens >= len(said(row.arrival)) - answered - asked - 1, "all that was said before"


def test_a_search_does_not_grow_with_entries_that_begin_otherwise():
    def lines_run(entries):
        cache = PrefixCache(1, entries, 100_000)
        for number in range(entries):
            serve(cache, 0, numbered(30, 100 * (number + 1)))
        lines = 0

        def count_lines(frame, event, argument):
            nonlocal lines
            lines += event == "line" and frame.f_globals["__name__"].startswith("profiler.")  # not the garbage collector's
            return count_lines

        before = sys.gettrace()
        sys.settrace(count_lines)
        try:
            assert cache.admit(0, np.concatenate((numbered(30, 100), tokens(1, 2))), 40) == 30
        finally:
            sys.settrace(before)
        return lines

    assert lines_run(1_000) == lines_run(2) > 10
