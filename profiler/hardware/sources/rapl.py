"""Reads the processor's own energy counters from Linux's powercap (Intel's RAPL, which AMD's processors offer as well).

A package is a processor with all its cores and the graphics inside it; DRAM is counted apart where it is; psys is all that hangs
on the mainboard's supply, packages included. Since 2020 the kernel lets root only read them.
"""

import platform
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from profiler.hardware.sources.gauge_source import GaugeSource
from profiler.hardware.sources.gauges import Gauge, Gauges, text
from profiler.hardware.sources.kernel_number import KernelNumber

_NAME = "rapl"
_ZONE = re.compile(r"intel-rapl:\d+(:\d+)?")  # intel-rapl-mmio is a second way to the same counters
_PACKAGE = re.compile(r"package-(\d+)(?:-die-(\d+))?")


class RaplSource(GaugeSource):
    """`rapl0_package_energy_joules`, `rapl0_dram_energy_joules` and, of psys, `rapl_machine_energy_joules`.

    Only differences mean something: joules since this source was made, wrapped counters carried on. The counters of cores and
    graphics are parts of the package's and left out.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        gauges = Gauges(_gauges(root / "sys/class/powercap"))
        refusals = gauges.refusals
        if platform.system() != "Linux":
            reason = "The processor's energy counters are read on Linux only."
        elif not gauges.channels and not refusals:
            reason = "The kernel offers no energy counters of the processor, as is usual in a virtual machine."
        elif any("let us" in why for why in refusals.values()):
            reason = (
                "The kernel lets root only read the processor's energy counters. Whoever administers this machine can allow it"
                " with a rule for udev that makes /sys/class/powercap/intel-rapl:*/energy_uj readable."
            )
        else:
            reason = " ".join(f"{channel} cannot be read: {why}." for channel, why in refusals.items())
        super().__init__(_NAME, gauges, reason)


def _gauges(powercap: Path) -> Iterator[Gauge]:
    zones = sorted(path for path in powercap.glob("intel-rapl:*") if _ZONE.fullmatch(path.name))
    names = {path.name: text(path / "name") for path in zones}
    for path in zones:
        channel = _channel(names[path.name], names.get(path.name.rpartition(":")[0], ""))
        if channel:
            counter = KernelNumber(path / "energy_uj")
            yield Gauge(channel, _carried_on(counter, text(path / "max_energy_range_uj")), counter.close)


def _channel(name: str, parent: str) -> str:
    """Of a zone and the zone around it; empty for the parts of a package."""
    if name == "psys":
        return "rapl_machine_energy_joules"
    package = _PACKAGE.fullmatch(name if name != "dram" else parent)
    if package is None:
        return ""
    number = package[1] if package[2] is None else f"{package[1]}_die{package[2]}"
    return f"rapl{number}_{'dram' if name == 'dram' else 'package'}_energy_joules"


def _carried_on(counter: KernelNumber, range_uj: str) -> Callable[[], float]:
    """The counter's joules from its first reading on; when it falls it has wrapped at its range.

    At 200 W a range of 262 kJ lasts 20 minutes, so that no reading misses a wrap.
    """
    last: list[int] = []
    sum_uj = 0

    def read() -> float:
        nonlocal sum_uj
        if not range_uj.isdigit():
            raise ValueError("the counter does not tell its range")
        now = counter.read()
        step = now - last[0] if last else 0
        sum_uj += step if step >= 0 else step + int(range_uj)
        last[:] = [now]
        return sum_uj / 1e6

    return read
