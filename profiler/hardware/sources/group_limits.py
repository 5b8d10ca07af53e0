"""Reads how near this process's control group is to its limits: in a container they are the machine."""

from pathlib import Path

from profiler.hardware import control_group
from profiler.hardware.sources.gauge_source import GaugeSource
from profiler.hardware.sources.gauges import Gauge, Gauges, gauge, text

_NAME = "control group"


class GroupLimitsSource(GaugeSource):
    """`group_memory_used_bytes` where memory is limited, `group_cpu_throttled_ms` (a counter) where processor time is.

    The kernel counts what it keeps of files, mapped model files included, as used: much of it goes back under pressure.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        wanted: list[Gauge] = []
        memory, cpu = control_group.memory_limited_folder(root), control_group.quota_folder(root)
        if memory is not None:
            names = ("memory.current", "memory.usage_in_bytes")
            wanted += [gauge("group_memory_used_bytes", memory / name) for name in names if (memory / name).is_file()][:1]
        if cpu is not None:
            wanted.append(Gauge("group_cpu_throttled_ms", lambda: throttled_ms(text(cpu / "cpu.stat")), lambda: None))
        gauges = Gauges(wanted)
        super().__init__(
            _NAME, gauges, "" if gauges.channels else "No control group limits this process's memory or processor time."
        )


def throttled_ms(stat: str) -> float:
    """Time for which the quota stopped the group, from its cpu.stat: µs in version 2, ns in version 1; ValueError without."""
    values = dict(line.split() for line in stat.splitlines() if len(line.split()) == 2)
    for key, per_ms in (("throttled_usec", 1e3), ("throttled_time", 1e6)):
        if key in values:
            return int(values[key]) / per_ms
    raise ValueError("the group does not count throttled time")
