"""The command `machine`."""

from typing import Annotated

import typer

from profiler.child.engine_child import EngineChild
from profiler.cli.output import Json, print_json, printable, standard_error, standard_output
from profiler.records.fingerprint import Fingerprint, MemoryModules, PowerSettings
from profiler.sweep.preparation import describe_machine
from profiler.units import NOT_AVAILABLE, bytes_text, significant


def command(
    refresh: Annotated[bool, typer.Option("--refresh", help="Measure the ceilings again.")] = False, json: Json = False
) -> None:
    """Tell what this machine is: processor, memory, devices, measured ceilings, llama.cpp, and which telemetry there is."""
    with EngineChild() as child:
        machine = describe_machine(child, lambda sentence, _share: standard_error().print(sentence), refresh=refresh)
    if json:
        print_json(machine.to_json())
        return
    console = standard_output()
    for line in _lines(machine):
        console.print(printable(line))


def _lines(machine: Fingerprint) -> list[str]:
    cpu, ceiling = machine.cpu, machine.ceilings
    cache = bytes_text(cpu.last_level_cache_bytes)
    lines = [
        f"Processor   {cpu.name} · {cpu.physical_cores} cores, {cpu.logical_cores} threads · last-level cache {cache}",
        *_named("Caches", ", ".join(f"{name} {bytes_text(size)}" for name, size in cpu.caches_bytes.items())),
        *_named("Microcode", cpu.microcode),
        *_named("Clock", _clock_text(machine.power)),
        f"Memory      {bytes_text(machine.memory_total_bytes)}, swap {bytes_text(machine.swap_total_bytes)}",
        *_named("Modules", _modules_text(machine.memory_modules)),
        f"System      {machine.operating_system} · {machine.kernel}",
        *_named("Inside", machine.virtualisation),
        f"llama.cpp   llama-cpp-python {machine.engine.llama_cpp_python} · {', '.join(machine.engine.backends)}",
        *_named("Built for", _build_text(machine.engine.system_info)),
    ]
    for device in machine.devices:
        memory = f" · {bytes_text(device.vram_total_bytes)}" if device.vram_total_bytes is not None else ""
        versions = [f"driver {device.driver}"] if device.driver else []
        versions += [f"firmware {device.firmware}"] if device.firmware else []
        versions += ["split (MIG)"] if device.is_split else ["not split (MIG)"] if device.is_split is False else []
        versions += ["shares main memory"] if device.shares_main_memory else []
        told = "".join(f" · {version}" for version in versions)
        lines.append(f"Device      {device.name} · {device.kind} through {device.backend}{memory}{told}")
    if ceiling.bandwidth_gb_s is None:
        lines.append(f"Bandwidth   {NOT_AVAILABLE}")
    else:
        by_threads = ", ".join(f"{count}: {significant(value)}" for count, value in sorted(ceiling.by_threads.items()))
        lines.append(
            f"Bandwidth   {significant(ceiling.bandwidth_gb_s)} GB/s read with {ceiling.bandwidth_threads} threads "
            f"(GB/s by threads: {by_threads})"
        )
    compute = NOT_AVAILABLE if ceiling.compute_gflop_s is None else f"{significant(ceiling.compute_gflop_s)} GFLOP/s"
    lines.append(f"Compute     {compute}")
    for source in machine.telemetry:
        lines.append(f"Telemetry   ✓ {source.name}" if source.is_available else f"Telemetry   ✕ {source.name}: {source.reason}")
    return lines


def _named(name: str, told: str | None) -> list[str]:
    """A line, or none when there is nothing to tell."""
    return [f"{name:<12}{told}"] if told else []


def _build_text(system_info: str) -> str:
    """llama.cpp's "CPU : AVX2 = 1 | REPACK = 1 | " without what says nothing."""
    parts = [part.strip().removesuffix(" = 1") for part in system_info.split("|")]
    return ", ".join(part for part in parts if part)


def _clock_text(power: PowerSettings) -> str:
    boost = "" if power.may_boost is None else "boost on" if power.may_boost else "boost off"
    told = [
        f"governor {power.governor}" if power.governor else "",
        f"driver {power.driver}" if power.driver else "",
        f"energy preference {power.energy_preference}" if power.energy_preference else "",
        boost,
        f"power plan {power.plan}" if power.plan else "",
    ]
    return " · ".join(part for part in told if part)


def _modules_text(modules: MemoryModules | None) -> str:
    if modules is None:
        return ""
    told = [
        f"{modules.count} × {modules.kind or 'module'}",
        f"{modules.speed_mt_s} MT/s" if modules.speed_mt_s else "",
        f"{modules.channels} channels" if modules.channels else "",
    ]
    return " · ".join(part for part in told if part)
