"""The newest telemetry samples by channel, in memory that is allocated once for each channel."""

import numpy as np
from numpy.typing import NDArray

from profiler.records.timing import Samples

_CAPACITY = 1024


class SampleRing:
    """Keeps the newest 1024 samples: at four a second, four minutes."""

    def __init__(self) -> None:
        self._times_ns = np.zeros(_CAPACITY, np.int64)
        self._channels: dict[str, NDArray[np.float64]] = {}
        self._count = 0

    def feed(self, samples: Samples) -> None:
        """Take newer samples; a channel that they lack has no reading at their times."""
        times_ns = samples.times_ns[-_CAPACITY:]
        places = (self._count + np.arange(len(times_ns))) % _CAPACITY
        self._times_ns[places] = times_ns
        for name in samples.channels.keys() - self._channels.keys():
            self._channels[name] = np.full(_CAPACITY, np.nan)
        for name, ring in self._channels.items():
            column = samples.channels.get(name)
            ring[places] = np.nan if column is None else column[-_CAPACITY:]
        self._count += len(times_ns)

    def since(self, begin_ns: int) -> Samples:
        """Copies of the samples taken at or after that instant, oldest first."""
        kept = np.arange(max(0, self._count - _CAPACITY), self._count) % _CAPACITY
        kept = kept[self._times_ns[kept] >= begin_ns]
        return Samples(self._times_ns[kept], {name: ring[kept] for name, ring in self._channels.items()})

    def newest(self) -> Samples:
        """The newest sample alone; none before the first."""
        place = np.arange(max(0, self._count - 1), self._count) % _CAPACITY
        return Samples(self._times_ns[place], {name: ring[place] for name, ring in self._channels.items()})
