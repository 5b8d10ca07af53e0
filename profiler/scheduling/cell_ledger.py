"""How many sequences share each cell of a unified KV cache, over abstract cell ids."""

import numpy as np
from numpy.typing import NDArray

CellIds = NDArray[np.int32]


def no_cells() -> CellIds:
    """No cells at all."""
    return np.empty(0, np.int32)


class CellLedger:
    """Reference counts of cells: one is in use while a sequence holds it."""

    def __init__(self, cells: int) -> None:
        self._holders = np.zeros(cells, np.int32)
        self._free = np.arange(cells, dtype=np.int32)  # the first `_free_count` are free, the rest is stale
        self._free_count = cells

    @property
    def used(self) -> int:
        """Cells in use."""
        return len(self._free) - self._free_count

    def take(self, count: int) -> CellIds:
        """So many free cells, each with one holder from now on. Raises ValueError when there are fewer."""
        if count > self._free_count:
            raise ValueError(f"{count} cells asked for, {self._free_count} are free")
        self._free_count -= count
        ids = self._free[self._free_count : self._free_count + count].copy()
        self._holders[ids] = 1
        return ids

    def share(self, ids: CellIds) -> None:
        """Each of these cells, all different and in use, has one holder more."""
        self._holders[ids] += 1

    def drop(self, ids: CellIds) -> None:
        """Each of these cells, all different, has one holder less; those without any are free."""
        self._holders[ids] -= 1
        freed = ids[self._holders[ids] == 0]
        self._free[self._free_count : self._free_count + len(freed)] = freed
        self._free_count += len(freed)
