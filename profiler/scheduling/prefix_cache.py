"""Which sequence holds which tokens of one unified KV cache, and which beginnings of prompts need no evaluation.

Bookkeeping only: what must be done to llama.cpp's cache is recorded as operations, for the decode loop to carry out. Sequences
0 … slots - 1 are the slots; the ones behind them hold what was kept of ended requests.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.scheduling.cell_ledger import CellIds, CellLedger, no_cells

Tokens = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Copy:
    """Sequence `target`, empty so far, takes the first `tokens` cells of `source` as its own (llama_memory_seq_cp)."""

    source: int
    target: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Drop:
    """`sequence` gives up all its cells (llama_memory_seq_rm)."""

    sequence: int


Operation = Copy | Drop


@dataclass(slots=True)
class _Live:
    """A request in its slot: `tokens` is its prompt, `evaluated` of them are in the cache, `ids` are of its first cells."""

    tokens: Tokens
    evaluated: int
    total_tokens: int
    ids: CellIds


@dataclass(slots=True)
class _Entry:
    tokens: Tokens
    ids: CellIds


class PrefixCache:
    """The prompts' beginnings that live and ended requests leave to others, within a fixed number of KV cells.

    Requests with a common beginning share its cells; a cell is free when its last sequence has dropped it. What the live
    requests may come to hold at their ends is set aside when they are admitted, so that the cells never run out; entries give way
    to it, the least recently used one first. An entry is used when a prompt takes its beginning from it, or when a request ends
    with tokens that it holds already.

    Positions count from the prompt's first token: slots have no depth here.

    Attributes:
        lookups, hits: requests admitted, and those among them that found a beginning.
        cached_tokens: prompt tokens that they need not evaluate.
        evictions: entries given up for lack of cells or sequences.
    """

    def __init__(self, slots: int, entries: int, cells: int, *, least_tokens: int = 16) -> None:
        """An empty cache.

        Args:
            slots: sequences that requests run in.
            entries: further sequences, for what is kept; with 0 only live requests share.
            cells: KV cells of all sequences together.
            least_tokens: shorter common beginnings are not worth a copy, at least 1.
        """
        self.lookups = self.hits = self.cached_tokens = self.evictions = 0
        self._cells = cells
        self._least_tokens = least_tokens
        self._ledger = CellLedger(cells)
        self._live: list[_Live | None] = [None] * slots
        self._live_ids = 0  # over the live slots: cells whose ids are known, the shared ones counted for each
        self._reserved = 0  # over the live slots: cells that they may still come to hold beyond those
        self._entries: dict[int, _Entry] = {}  # by sequence, least recently used first
        self._free_sequences = list(range(slots + entries - 1, slots - 1, -1))
        self._holders: dict[bytes, dict[int, None]] = {}  # sequences by the first least_tokens tokens; entries as in _entries
        self._operations: list[Operation] = []

    @property
    def entries(self) -> int:
        """Ended requests whose tokens are kept."""
        return len(self._entries)

    @property
    def extra_cells(self) -> int:
        """What is to be added to the sum of the live slots' lengths to get the cells in use.

        Cells of entries count once, cells that several slots share are taken off; so it may be negative.
        """
        return self._ledger.used - self._live_ids

    def take_operations(self) -> list[Operation]:
        """What must be done to llama.cpp's cache since last asked, in this order, before the next step."""
        operations, self._operations = self._operations, []
        return operations

    def admit(self, slot: int, prompt: Tokens, total_tokens: int) -> int:
        """A request begins in a free slot: how many of its prompt's first tokens it shares with another sequence.

        That is the longest beginning in common with an entry or with what a live slot has evaluated of its prompt; never the
        whole prompt, whose last token yields the first output, and 0 when it is below `least_tokens`. Of several as long, the
        most recently used entry is taken, then the lowest slot. Raises ValueError when the live requests alone may outgrow the
        cells.

        Args:
            slot: where the request begins.
            prompt: its tokens, not to be changed afterwards.
            total_tokens: the most that it may hold at its end, prompt and output.
        """
        if self._live[slot] is not None:
            raise ValueError(f"slot {slot} holds a request")
        if total_tokens < len(prompt):
            raise ValueError(f"a prompt of {len(prompt)} tokens does not fit a request of {total_tokens}")
        source, cached = self._longest_beginning(prompt, len(prompt) - 1)
        ids = no_cells()
        if source is not None:
            ids = self._ids_of_first(source, cached)
            self._ledger.share(ids)
            self._operations.append(Copy(source, slot, cached))
            if source in self._entries:
                self._renew(source)
        self._live[slot] = _Live(prompt, cached, total_tokens, ids)
        self._hold(slot, prompt)
        self._live_ids += cached
        self._reserved += total_tokens - cached
        while self._ledger.used + self._reserved > self._cells and self._entries:
            self._evict()
        if self._ledger.used + self._reserved > self._cells:
            self.drop(slot)
            raise ValueError(f"the live requests may outgrow the {self._cells} cells")
        self.lookups += 1
        self.hits += source is not None
        self.cached_tokens += cached
        return cached

    def evaluated(self, slot: int, tokens: int) -> None:
        """The slot's first `tokens` prompt tokens are now in the cache, cached ones included; others may share them."""
        live = self._live_in(slot)
        if not live.evaluated <= tokens <= len(live.tokens):
            raise ValueError(f"slot {slot} has {live.evaluated} of {len(live.tokens)} prompt tokens, not {tokens}")
        live.evaluated = tokens

    def retire(self, slot: int, tokens: Tokens) -> None:
        """A request ended with these tokens in its slot's cells (not to be changed afterwards): they are kept as an entry.

        Entries that are a beginning of them are dropped; when they are a beginning of an entry, that entry counts as used
        instead. Raises ValueError when they are more than the request was admitted for, or fewer than it shares.
        """
        live = self._live_in(slot)
        if not len(live.ids) <= len(tokens) <= live.total_tokens:
            raise ValueError(f"{len(tokens)} tokens cannot be what slot {slot} holds")
        if len(tokens) >= self._least_tokens:
            self._keep(slot, live, tokens)
        self.drop(slot)

    def drop(self, slot: int) -> None:
        """A request was given up: nothing of it is kept, but cells that others share stay theirs."""
        live = self._live_in(slot)
        self._live[slot] = None
        self._let_go(slot, live.tokens)
        self._live_ids -= len(live.ids)
        self._reserved -= live.total_tokens - len(live.ids)
        self._ledger.drop(live.ids)
        self._operations.append(Drop(slot))

    def _keep(self, slot: int, live: _Live, tokens: Tokens) -> None:
        # The slot's own prompt is as long a match as an entry may be: entries come first.
        holder, common = self._longest_beginning(tokens, len(tokens))
        if holder in self._entries and common == len(tokens):
            self._renew(holder)
            return
        for sequence in list(self._holders_of(tokens)):
            entry = self._entries.get(sequence)
            if entry is not None and _common_tokens(entry.tokens, tokens) == len(entry.tokens):
                self._drop_entry(sequence)
        if not self._free_sequences and self._entries:
            self._evict()
        if not self._free_sequences:
            return
        ids = self._ids_of_first(slot, len(tokens))
        self._ledger.share(ids)
        sequence = self._free_sequences.pop()
        self._entries[sequence] = _Entry(tokens, ids)
        self._hold(sequence, tokens)
        self._operations.append(Copy(slot, sequence, len(tokens)))

    def _longest_beginning(self, tokens: Tokens, most_tokens: int) -> tuple[int | None, int]:
        """The sequence with the longest beginning of `tokens`, up to `most_tokens`, and its length; (None, 0) below the least."""
        best, longest = None, self._least_tokens - 1
        slots = []
        for sequence in reversed(self._holders_of(tokens)):
            entry = self._entries.get(sequence)
            if entry is None:
                slots.append(sequence)
                continue
            common = _common_tokens(entry.tokens, tokens[:most_tokens])
            if common > longest:
                best, longest = sequence, common
        for slot in sorted(slots):
            live = self._live_in(slot)
            common = _common_tokens(live.tokens[: live.evaluated], tokens[:most_tokens])
            if common > longest:
                best, longest = slot, common
        return best, 0 if best is None else longest

    def _ids_of_first(self, sequence: int, tokens: int) -> CellIds:
        """Ids of a sequence's first cells; a live slot's own cells get theirs only now, so that decoding costs nothing here."""
        if sequence in self._entries:
            return self._entries[sequence].ids[:tokens]
        live = self._live_in(sequence)
        unknown = tokens - len(live.ids)
        if unknown > 0:
            live.ids = np.concatenate((live.ids, self._ledger.take(unknown)))
            self._live_ids += unknown
            self._reserved -= unknown
        return live.ids[:tokens]

    def _evict(self) -> None:
        self._drop_entry(next(iter(self._entries)))
        self.evictions += 1

    def _drop_entry(self, sequence: int) -> None:
        entry = self._entries.pop(sequence)
        self._let_go(sequence, entry.tokens)
        self._ledger.drop(entry.ids)
        self._free_sequences.append(sequence)
        self._operations.append(Drop(sequence))

    def _renew(self, sequence: int) -> None:
        entry = self._entries[sequence] = self._entries.pop(sequence)
        self._let_go(sequence, entry.tokens)
        self._hold(sequence, entry.tokens)

    def _live_in(self, slot: int) -> _Live:
        live = self._live[slot]
        if live is None:
            raise ValueError(f"slot {slot} holds no request")
        return live

    def _key(self, tokens: Tokens) -> bytes | None:
        """Where to look for tokens with the same beginning; None when they are too short to share any."""
        least = self._least_tokens
        return tokens[:least].tobytes() if len(tokens) >= least else None

    def _holders_of(self, tokens: Tokens) -> dict[int, None]:
        key = self._key(tokens)
        return self._holders.get(key, {}) if key is not None else {}

    def _hold(self, sequence: int, tokens: Tokens) -> None:
        key = self._key(tokens)
        if key is not None:
            self._holders.setdefault(key, {})[sequence] = None

    def _let_go(self, sequence: int, tokens: Tokens) -> None:
        key = self._key(tokens)
        if key is not None:
            holders = self._holders[key]
            del holders[sequence]
            if not holders:
                del self._holders[key]


def _common_tokens(left: Tokens, right: Tokens) -> int:
    """Length of the longest common beginning."""
    length = min(len(left), len(right))
    differs = left[:length] != right[:length]
    first = int(differs.argmax()) if length else 0
    return first if length and differs[first] else length
