"""The machine in the words and bars of its panel. Pure: no widget is touched."""

from datetime import datetime, tzinfo

from app.widgets.bar_rows import Bar
from app.widgets.fact_rows import Fact
from profiler.records.fingerprint import Ceilings, Device, Fingerprint, MemoryModules, PowerSettings, TelemetrySource
from profiler.units import NOT_AVAILABLE, bytes_text, rate_text, significant

_KINDS = {"cpu": "processor", "gpu": "GPU", "igpu": "GPU that shares main memory", "accelerator": "accelerator"}

NOT_MEASURED = "Not measured; “Measure again” does it."

_SOURCES = {
    "nvml": "NVIDIA GPUs (NVML)",
    "amdgpu": "AMD GPUs (amdgpu)",
    "intel gpu": "Intel GPUs (xe, i915)",
    "gpu memory of the engine": "GPU memory of the engine",
    "rapl": "Energy counters (RAPL)",
}


def facts(machine: Fingerprint) -> list[Fact]:
    """Processor, memory, devices, system and engine."""
    cpu = machine.cpu
    cores = [f"{count} {word}" for count, word in ((cpu.physical_cores, "cores"), (cpu.logical_cores, "threads")) if count]
    rows = [
        Fact("Processor", cpu.name),
        Fact("Cores", ", ".join(cores) or NOT_AVAILABLE),
        Fact("Last-level cache", bytes_text(cpu.last_level_cache_bytes), term="A step that reads little more is served from it"),
        Fact("Instructions", ", ".join(cpu.instruction_sets) or NOT_AVAILABLE),
    ]
    if cpu.caches_bytes:
        caches = ", ".join(f"{level} {bytes_text(size)}" for level, size in cpu.caches_bytes.items())
        rows.insert(3, Fact("Caches", caches, term="All instances of a level together"))
    if cpu.quota_cores is not None:
        rows.append(Fact("Processor quota", f"{significant(cpu.quota_cores, 2)} cores", term="A control group's limit"))
    swap = f", swap {bytes_text(machine.swap_total_bytes)}" if machine.swap_total_bytes else ", no swap"
    rows.append(Fact("Memory", f"{bytes_text(machine.memory_total_bytes)}{swap}"))
    rows += _if_told("Memory modules", _modules_words(machine.memory_modules))
    rows += _if_told("Clock", _clock_words(machine.power), "How the system trades speed for power")
    rows += [_device(device) for device in machine.devices]
    return [
        *rows,
        Fact("System", f"{machine.operating_system} · {machine.kernel}"),
        *_if_told("Runs inside", machine.virtualisation or ""),
        Fact("llama.cpp", f"llama-cpp-python {machine.engine.llama_cpp_python}"),
        Fact("Backends", ", ".join(machine.engine.backends) or NOT_AVAILABLE, term="What llama.cpp was built to compute on"),
    ]


def _device(device: Device) -> Fact:
    parts = [device.name, f"{_KINDS.get(device.kind, device.kind)} through {device.backend}"]
    parts += [bytes_text(device.vram_total_bytes)] if device.vram_total_bytes is not None else []
    parts += [f"{word} {version}" for word, version in (("driver", device.driver), ("firmware", device.firmware)) if version]
    parts += ["split (MIG)"] if device.is_split else ["not split (MIG)"] if device.is_split is False else []
    parts += ["shares main memory"] if device.shares_main_memory and device.kind != "igpu" else []
    return Fact("Device", " · ".join(parts))


def _if_told(label: str, words: str, term: str = "") -> list[Fact]:
    """A row, or none where the system does not tell."""
    return [Fact(label, words, term=term)] if words else []


def _modules_words(modules: MemoryModules | None) -> str:
    if modules is None:
        return ""
    parts = [f"{modules.count} × {modules.kind or 'module'}"]
    parts += [f"{modules.speed_mt_s} MT/s"] if modules.speed_mt_s else []
    parts += [f"{modules.channels} channel{'' if modules.channels == 1 else 's'}"] if modules.channels else []
    return " · ".join(parts)


def _clock_words(power: PowerSettings) -> str:
    named = (
        ("governor", power.governor),
        ("driver", power.driver),
        ("energy preference", power.energy_preference),
        ("power plan", power.plan),
    )
    parts = [f"{word} {value}" for word, value in named if value]
    parts += [] if power.may_boost is None else [f"boost {'on' if power.may_boost else 'off'}"]
    return " · ".join(parts)


def bandwidth_bars(ceilings: Ceilings) -> list[Bar]:
    """The read bandwidth by number of threads; empty where it was not measured."""
    by_threads = ceilings.by_threads
    if not by_threads and ceilings.bandwidth_gb_s is not None and ceilings.bandwidth_threads is not None:
        by_threads = {ceilings.bandwidth_threads: ceilings.bandwidth_gb_s}
    return [
        Bar(f"{count} thread{'' if count == 1 else 's'}", gb_s, f"{significant(gb_s)} GB/s")
        for count, gb_s in sorted(by_threads.items())
    ]


def compute_bars(ceilings: Ceilings) -> list[Bar]:
    """The compute ceiling; empty where it was not measured."""
    peak = ceilings.compute_gflop_s
    return [] if peak is None else [Bar("Best prompt", peak, rate_text(peak, "GFLOP/s"))]


def bandwidth_words(ceilings: Ceilings) -> str:
    """The peak, how far its measurements spread, how and when it was measured."""
    if ceilings.bandwidth_gb_s is None:
        return NOT_MEASURED
    threads = f" with {ceilings.bandwidth_threads} threads" if ceilings.bandwidth_threads is not None else ""
    spread = ceilings.bandwidth_spread_percent
    spread_words = "" if spread is None else f", the slowest pass {significant(spread, 2)} % below the best"
    return " ".join(
        filter(None, (f"**{significant(ceilings.bandwidth_gb_s)} GB/s** read{threads}{spread_words}.", ceilings.method))
    )


def compute_words(ceilings: Ceilings) -> str:
    """What the compute ceiling is, or that there is none."""
    if ceilings.compute_gflop_s is None:
        return NOT_MEASURED
    how = "the fastest that llama.cpp's own kernels read a long prompt here, by operations a second"
    return f"**{significant(ceilings.compute_gflop_s)} GFLOP/s**: {how}."


def measured_words(ceilings: Ceilings, zone: tzinfo | None = None) -> str:
    """When the ceilings were measured, for a title line; `zone` is the system's unless told. Empty where that is not known."""
    try:
        when = datetime.fromisoformat(ceilings.measured_utc or "").astimezone(zone)
    except ValueError:
        return ""
    return f"measured {when.day} {when:%b %Y %H:%M}"


def source_name(source: TelemetrySource) -> str:
    """A source of readings, as a line begins."""
    return _SOURCES.get(source.name, source.name[:1].upper() + source.name[1:])
