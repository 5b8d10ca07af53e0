"""How often the window may draw while a run is measured, from what drawing really costs here (measurement.md §4).

The cost is the main thread's processor time as a share of one core: with the engine on every core, all of them are held up by
about that at llama.cpp's barriers, up to twice that. Pure but for the clocks, which can be replaced.
"""

import os
import time
from collections import deque
from collections.abc import Callable

LEAST_PER_S = 2.0
MOST_PER_S = 4.0
MOST_PER_S_WITH_SPARE_CORES = 20.0
_SHARE = 0.01
_SHARE_WITH_SPARE_CORES = 0.05
_REMEMBERED_S = 10.0


def usable_cores() -> int:
    """Logical processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RedrawBudget:
    """Counts what updates cost and says how long to wait until the next. For the main thread alone.

    Args:
        cores: logical processors there are.
        wall_s, cpu_s: clocks: monotonic time, and processor time of the calling thread.
    """

    def __init__(
        self,
        cores: int | None = None,
        *,
        wall_s: Callable[[], float] = time.perf_counter,
        cpu_s: Callable[[], float] = time.thread_time,
    ) -> None:
        self._cores = usable_cores() if cores is None else cores
        self._wall_s, self._cpu_s = wall_s, cpu_s
        self._updates: deque[tuple[float, float]] = deque()
        self._has_spare_cores = True

    def begin(self, engine_threads: int) -> None:
        """A measured run begins, with so many threads of the engine at work; earlier costs are forgotten."""
        self._has_spare_cores = engine_threads < self._cores
        self._updates.clear()
        self.note_update()

    def note_update(self) -> None:
        """An update begins now; its cost is known when the next one begins, so that painting is in it."""
        now = (self._wall_s(), self._cpu_s())
        self._updates.append(now)
        while now[0] - self._updates[0][0] > _REMEMBERED_S:
            self._updates.popleft()

    @property
    def cost_share(self) -> float | None:
        """Main thread's processor time over the last seconds, as a share of one core; None until two updates are there."""
        if len(self._updates) < 2:
            return None
        (first_wall_s, first_cpu_s), (last_wall_s, last_cpu_s) = self._updates[0], self._updates[-1]
        return (last_cpu_s - first_cpu_s) / max(1e-9, last_wall_s - first_wall_s)

    @property
    def updates_per_s(self) -> float:
        """What the budget allows: as many as cost one percent of a core, or five with cores to spare, within readable bounds."""
        most = MOST_PER_S_WITH_SPARE_CORES if self._has_spare_cores else MOST_PER_S
        if len(self._updates) < 2:
            return LEAST_PER_S
        cost_s = (self._updates[-1][1] - self._updates[0][1]) / (len(self._updates) - 1)
        allowed = (_SHARE_WITH_SPARE_CORES if self._has_spare_cores else _SHARE) / max(1e-9, cost_s)
        return min(most, max(LEAST_PER_S, allowed))
