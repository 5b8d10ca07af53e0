"""A ring of equal time slices that adds up what happened in each, in memory that is allocated once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class SliceRing:
    """The newest `count` slices of `slice_ns` each. A slice holds the instants after its start and up to its end.

    Attributes:
        head: number of the newest slice, counted from the origin; -1 before anything happened.
    """

    def __init__(self, slice_ns: int, count: int, names: Sequence[str]) -> None:
        self.slice_ns = slice_ns
        self.count = count
        self.head = -1
        self._sums = {name: np.zeros(count) for name in names}

    def slice_of(self, instants_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """The slices that instants lie in; those at or before the origin lie in the first."""
        return np.asarray(np.maximum((instants_ns - 1) // self.slice_ns, 0))

    def advance(self, number: int) -> NDArray[np.int64]:
        """Make `number` the newest slice, dropping those that leave the ring; returns the places in the ring of the new ones."""
        fresh = np.arange(max(self.head + 1, number + 1 - self.count), number + 1) % self.count
        for sums in self._sums.values():
            sums[fresh] = 0
        self.head = max(self.head, number)
        return fresh

    def add(self, name: str, numbers: NDArray[np.int64], amounts: NDArray[np.float64] | float) -> None:
        """Add amounts to slices up to the head; those that have left the ring are passed over."""
        is_kept = numbers > self.head - self.count
        kept = amounts[is_kept] if isinstance(amounts, np.ndarray) else amounts
        np.add.at(self._sums[name], numbers[is_kept] % self.count, kept)

    def spread(
        self, starts_ns: NDArray[np.int64], ends_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Cut intervals at the slices' edges: for each piece the interval's index, the slice and the nanoseconds in it."""
        last = self.slice_of(ends_ns)
        first = np.clip(starts_ns // self.slice_ns, last - self.count + 1, last)
        pieces = last - first + 1
        index = np.repeat(np.arange(len(starts_ns)), pieces)
        number = first[index] + np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        inside_ns = np.minimum(ends_ns[index], (number + 1) * self.slice_ns) - np.maximum(
            starts_ns[index], number * self.slice_ns
        )
        return index, number, np.maximum(inside_ns, 0).astype(np.float64)

    def numbers(self) -> NDArray[np.int64]:
        """The complete slices that are kept, oldest first: all but the newest."""
        return np.arange(max(0, self.head + 1 - self.count), max(0, self.head))

    def read(self, name: str, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """What was added up in each of these slices (a copy)."""
        return self._sums[name][numbers % self.count]
