"""The command `machine`."""

from typing import Annotated

import typer

from profiler.child.engine_child import EngineChild
from profiler.cli.output import Json, print_json, printable, standard_error, standard_output
from profiler.records.fingerprint import Fingerprint
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
        f"Memory      {bytes_text(machine.memory_total_bytes)}, swap {bytes_text(machine.swap_total_bytes)}",
        f"System      {machine.operating_system} · {machine.kernel}",
        f"llama.cpp   llama-cpp-python {machine.engine.llama_cpp_python} · {', '.join(machine.engine.backends)}",
    ]
    for device in machine.devices:
        memory = f" · {bytes_text(device.vram_total_bytes)}" if device.vram_total_bytes is not None else ""
        lines.append(f"Device      {device.name} · {device.kind} through {device.backend}{memory}")
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
