"""What a machine is, as far as it changes figures: stable between runs, without serial numbers, user or host names."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Device:
    """A device that llama.cpp or a driver lists (a GPU, or the CPU).

    Attributes:
        kind: "cpu", "gpu", "igpu" or "accelerator" (ggml's device types).
        backend: ggml's registry name ("CPU", "CUDA", "Vulkan" …) or the driver that told it.
        driver: its version.
        firmware: the version of a card's own, where the system tells it.
        is_split: a GPU that can be split (MIG) is; the devices are then its parts. None for one that cannot, or is not asked.
        shares_main_memory: it has no memory of its own; None where nobody tells.
    """

    name: str
    kind: str
    backend: str
    vram_total_bytes: int | None
    vram_free_bytes: int | None
    driver: str | None
    firmware: str | None = None
    is_split: bool | None = None
    shares_main_memory: bool | None = None


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor.

    Attributes:
        last_level_cache_bytes: of the outermost cache, all its instances together.
        quota_cores: cores' worth of time that a control group grants (2.5: two and a half), None without a quota.
        caches_bytes: by level ("L1d", "L1i", "L2", "L3"), all instances together; empty where the system does not tell.
        microcode: its revision.
    """

    name: str
    physical_cores: int | None
    logical_cores: int | None
    last_level_cache_bytes: int | None
    instruction_sets: tuple[str, ...] = ()
    quota_cores: float | None = None
    caches_bytes: dict[str, int] = field(default_factory=dict)
    microcode: str | None = None


@dataclass(frozen=True, slots=True)
class PowerSettings:
    """How the system trades speed for power; None where it does not tell.

    Attributes:
        governor, driver: Linux's frequency governor ("performance", "powersave" …) and its driver.
        energy_preference: what the governor tells the processor ("balance_performance").
        may_boost: clocks above the nominal one are allowed.
        plan: the profile chosen by the user: the firmware's on Linux, the power scheme on Windows, the power mode on macOS.
    """

    governor: str | None = None
    driver: str | None = None
    energy_preference: str | None = None
    may_boost: bool | None = None
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class MemoryModules:
    """The memory modules that are plugged in; None where the board does not tell.

    Attributes:
        kind: "DDR5" …
        speed_mt_s: the speed they run at, in 10^6 transfers a second.
        channels: those with a module.
    """

    count: int
    kind: str | None = None
    speed_mt_s: int | None = None
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What was measured of this machine at best; None where it was not measured.

    Attributes:
        bandwidth_gb_s: peak read bandwidth of main memory with `bandwidth_threads` threads, in 10^9 bytes a second.
        bandwidth_spread_percent: (best - worst) / best over the repetitions, at that thread count.
        by_threads: best GB/s for each thread count that was tried.
        compute_gflop_s: peak of a large matmul.
        compute_threads: threads of the processor that computed it; None on a GPU, and in files older than this field.
        method: how, in a sentence.
    """

    bandwidth_gb_s: float | None = None
    bandwidth_threads: int | None = None
    bandwidth_spread_percent: float | None = None
    by_threads: dict[int, float] = field(default_factory=dict)
    compute_gflop_s: float | None = None
    compute_threads: int | None = None
    method: str | None = None
    measured_utc: str | None = None


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """Which llama.cpp answers."""

    llama_cpp_python: str
    backends: tuple[str, ...] = ()
    system_info: str = ""


@dataclass(frozen=True, slots=True)
class TelemetrySource:
    """A source of readings and, when it is absent, the reason in a sentence."""

    name: str
    is_available: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The machine, its ceilings and its engine.

    Attributes:
        virtualisation: in words, "virtual machine (QEMU)"; None when nothing was noticed.
        memory_modules: None where they are not told.
    """

    cpu: Cpu
    memory_total_bytes: int
    swap_total_bytes: int
    devices: tuple[Device, ...]
    ceilings: Ceilings
    engine: EngineIdentity
    operating_system: str
    kernel: str
    python: str
    app_version: str
    telemetry: tuple[TelemetrySource, ...] = ()
    power: PowerSettings = field(default_factory=PowerSettings)
    virtualisation: str | None = None
    memory_modules: MemoryModules | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of `inferometer machine --json` and of the session's meta table (design.md, "The command line")."""
        document = dataclasses.asdict(self)
        memory_total = document.pop("memory_total_bytes")
        swap_total = document.pop("swap_total_bytes")
        modules = document.pop("memory_modules")
        return {
            "cpu": document.pop("cpu"),
            "memory": {"total_bytes": memory_total, "swap_total_bytes": swap_total, "modules": modules},
            "devices": document.pop("devices"),
            "ceilings": document.pop("ceilings"),
            "engine": document.pop("engine"),
            **document,
        }
