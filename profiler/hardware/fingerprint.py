"""Takes the machine's fingerprint. Tells no host or user name, no serial number, and nothing that changes between two calls
but the free memory of its devices. It never asks llama.cpp: what the engine child said is passed in.
"""

import dataclasses
import platform
from collections.abc import Sequence

import profiler
from profiler.hardware import (
    cpu,
    graphics_cards,
    main_memory,
    memory_modules,
    power_settings,
    processor_details,
    virtualisation,
)
from profiler.hardware.sources import nvml
from profiler.records.fingerprint import Ceilings, Device, EngineIdentity, Fingerprint, TelemetrySource


def take(
    engine: EngineIdentity, devices: tuple[Device, ...], ceilings: Ceilings, telemetry: tuple[TelemetrySource, ...]
) -> Fingerprint:
    """The fingerprint of this machine.

    Args:
        engine: which llama.cpp the engine child loaded.
        devices: what ggml lists there; GPUs that only their driver knows are added.
        ceilings: what was measured at best.
        telemetry: what can be read while something runs (`telemetry.sources_available`).
    """
    return Fingerprint(
        cpu=dataclasses.replace(
            cpu.read(), caches_bytes=processor_details.caches_bytes(), microcode=processor_details.microcode()
        ),
        memory_total_bytes=main_memory.total_bytes(),
        swap_total_bytes=main_memory.swap_total_bytes(),
        devices=graphics_cards.with_cards(joined_devices(devices, nvml.devices()), graphics_cards.devices()),
        ceilings=ceilings,
        engine=engine,
        operating_system=_operating_system(),
        kernel=platform.release(),
        python=platform.python_version(),
        app_version=profiler.__version__,
        telemetry=telemetry,
        power=power_settings.read(),
        virtualisation=virtualisation.read(),
        memory_modules=memory_modules.read(),
    )


def joined_devices(listed: Sequence[Device], driver_listed: Sequence[Device]) -> tuple[Device, ...]:
    """What ggml lists, then the driver's GPUs that llama.cpp was not built for.

    A driver's GPU counts as listed when a device bears its name, or when the CUDA backend is there, which lists every NVIDIA GPU;
    such devices take over the driver's version, and what else it tells alike of all GPUs of that name.
    """
    joined = []
    has_cuda = any(device.backend == "CUDA" for device in listed)
    for device in listed:
        twin = next((other for other in driver_listed if device.backend == "CUDA" or other.name in device.name), None)
        told = dataclasses.replace(device, driver=device.driver or twin.driver) if twin else device
        joined.append(_with_details(told, [other for other in driver_listed if other.name in device.name]))
    joined += [other for other in driver_listed if not has_cuda and not any(other.name in device.name for device in listed)]
    return tuple(joined)


def _with_details(device: Device, twins: Sequence[Device]) -> Device:
    """The device with what the driver tells of the GPUs of its name, as far as they do not differ and it is not known yet."""
    details = {
        name: values.pop()
        for name in ("firmware", "is_split", "shares_main_memory")
        if getattr(device, name) is None and len(values := {getattr(twin, name) for twin in twins}) == 1
    }
    if device.kind == "igpu" and device.shares_main_memory is None:
        details["shares_main_memory"] = True
    return dataclasses.replace(device, **details)


def _operating_system() -> str:
    match platform.system():
        case "Linux":
            try:
                return platform.freedesktop_os_release()["PRETTY_NAME"]
            except (OSError, KeyError):
                return "Linux"
        case "Darwin":
            return f"macOS {platform.mac_ver()[0]}"
        case system:
            return f"{system} {platform.release()} ({platform.version()})"
