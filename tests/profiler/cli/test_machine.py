"""The lines of `inferometer machine`."""

from profiler.cli.machine import _lines
from profiler.records.fingerprint import (
    Ceilings,
    Cpu,
    Device,
    EngineIdentity,
    Fingerprint,
    MemoryModules,
    PowerSettings,
)

GIB = 2**30


def machine(cpu, **facts):
    engine = EngineIdentity("0.3.36", ("CPU",), facts.pop("system_info", ""))
    devices = facts.pop("devices", ())
    return Fingerprint(cpu, 16 * GIB, 0, devices, Ceilings(), engine, "Linux", "6.8", "3.11", "0.1", **facts)


def test_all_that_a_machine_can_tell():
    lines = _lines(
        machine(
            Cpu("Some CPU", 4, 8, 8_000_000, caches_bytes={"L1d": 128_000, "L3": 8_000_000}, microcode="0xf4"),
            system_info="CPU : AVX2 = 1 | SVE_CNT = 16 | REPACK = 1 | ",
            devices=(Device("A GPU", "gpu", "Vulkan", 24_000_000_000, None, "amdgpu 6.7", "113-1"),),
            power=PowerSettings("powersave", "intel_pstate", "power", False, "balanced"),
            virtualisation="container (Docker)",
            memory_modules=MemoryModules(2, "DDR5", 4800, 2),
        )
    )
    for line in (
        "Caches      L1d 128 kB, L3 8.00 MB",
        "Microcode   0xf4",
        "Clock       governor powersave · driver intel_pstate · energy preference power · boost off · power plan balanced",
        "Modules     2 × DDR5 · 4800 MT/s · 2 channels",
        "Inside      container (Docker)",
        "Built for   CPU : AVX2, SVE_CNT = 16, REPACK",
        "Device      A GPU · gpu through Vulkan · 24.0 GB · driver amdgpu 6.7 · firmware 113-1",
    ):
        assert line in lines


def test_what_is_not_told_has_no_line():
    lines = _lines(machine(Cpu("Some CPU", 4, 8, None)))
    assert not [line for line in lines if line.startswith(("Caches", "Microcode", "Clock", "Modules", "Inside", "Built"))]
