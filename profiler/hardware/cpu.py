"""The processor: its name, cores, last-level cache and the instruction sets that llama.cpp's kernels can use."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil

from profiler.hardware import control_group
from profiler.records.fingerprint import Cpu

# Names as Linux writes them into /proc/cpuinfo (x86 "flags", ARM "Features"), of the sets that ggml has kernels for.
_INSTRUCTION_SETS = (
    *("sse4_2", "avx", "avx2", "f16c", "fma", "bmi2", "avx_vnni"),
    *("avx512f", "avx512bw", "avx512vl", "avx512vbmi", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "amx_fp16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)

# What macOS calls the same, where its name in lower case is another.
_MAC_NAMES = {
    "sse4.2": "sse4_2",
    "avx1.0": "avx",
    "advsimd": "asimd",
    "feat_dotprod": "asimddp",
    "feat_fp16": "asimdhp",
    "feat_i8mm": "i8mm",
    "feat_bf16": "bf16",
    "feat_sme": "sme",
}


def read() -> Cpu:
    """The processor of this machine; what the system does not tell is None or empty."""
    cores = (psutil.cpu_count(logical=False), psutil.cpu_count(logical=True))
    match platform.system():
        case "Linux":
            name, cache_bytes, flags = linux_name(Path("/")), linux_last_level_cache_bytes(Path("/")), linux_flags(Path("/"))
        case "Darwin":
            facts = mac_facts(_sysctl())
            name, cache_bytes, flags = mac_name(facts), mac_last_level_cache_bytes(facts), mac_flags(facts)
        case _:
            name, cache_bytes, flags = _windows_name(), None, set()
    return Cpu(
        name=" ".join(name.split()) or platform.machine(),
        physical_cores=cores[0],
        logical_cores=cores[1],
        last_level_cache_bytes=cache_bytes,
        instruction_sets=tuple(flag.upper() for flag in _INSTRUCTION_SETS if flag in flags),
        quota_cores=control_group.quota_cores(),
    )


def default_threads() -> int:
    """Physical cores that this process may keep busy: llama.cpp's own default, within affinity and a control group's quota."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = min(usable, psutil.cpu_count(logical=False) or usable)
    quota = control_group.quota_cores()
    return max(1, cores if quota is None else min(cores, int(quota)))


def linux_name(root: Path) -> str:
    """The model's name from /proc/cpuinfo; where that has none (ARM), the board's name or the core's numbers; else empty."""
    facts = _first_processor(root)
    if "model name" in facts:
        return facts["model name"]
    board = root / "proc/device-tree/model"
    if board.is_file():
        return board.read_text(encoding="utf-8", errors="replace").rstrip("\0")
    if "CPU part" in facts:
        return f"implementer {facts.get('CPU implementer', '?')}, part {facts['CPU part']}"
    return ""


def linux_flags(root: Path) -> set[str]:
    """The instruction-set flags of /proc/cpuinfo."""
    facts = _first_processor(root)
    return set((facts.get("flags") or facts.get("Features") or "").split())


def linux_last_level_cache_bytes(root: Path) -> int | None:
    """Bytes of the outermost cache, all its instances together (an EPYC has one for every few cores); None when untold."""
    sizes: dict[int, dict[str, int]] = {}
    for index in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cache/index[0-9]*"):
        try:
            level = int((index / "level").read_text(encoding="ascii"))
            kilobytes = int((index / "size").read_text(encoding="ascii").strip().removesuffix("K"))
            shared_by = (index / "shared_cpu_list").read_text(encoding="ascii")
        except (OSError, ValueError):
            continue
        sizes.setdefault(level, {})[shared_by] = kilobytes * 1024
    return sum(sizes[max(sizes)].values()) if sizes else None


def mac_facts(text: str) -> dict[str, str]:
    """`sysctl`'s lines "name: value"."""
    return {name: value.strip() for name, separator, value in (line.partition(": ") for line in text.splitlines()) if separator}


def mac_name(facts: dict[str, str]) -> str:
    """Intel's or Apple's name of the processor; else empty."""
    return facts.get("machdep.cpu.brand_string", "")


def mac_last_level_cache_bytes(facts: dict[str, str]) -> int | None:
    """The third-level cache of an Intel Mac, else the performance cores' second-level one: Apple hides the system cache."""
    for name in ("hw.l3cachesize", "hw.perflevel0.l2cachesize", "hw.l2cachesize"):
        if facts.get(name, "0") not in ("", "0"):
            return int(facts[name])
    return None


def mac_flags(facts: dict[str, str]) -> set[str]:
    """The instruction sets that an Intel Mac lists, or that an Apple processor answers with 1, in Linux's words."""
    listed = " ".join(facts.get(f"machdep.cpu.{name}", "") for name in ("features", "leaf7_features")).lower().split()
    answered = [
        name.removeprefix("hw.optional.").removeprefix("arm.").lower()
        for name, value in facts.items()
        if name.startswith("hw.optional.") and value == "1"
    ]
    return {_MAC_NAMES.get(name, name) for name in (*listed, *answered)}


def _first_processor(root: Path) -> dict[str, str]:
    """The fields of the first processor in /proc/cpuinfo; all are taken to be alike."""
    facts: dict[str, str] = {}
    try:
        text = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return facts
    for line in text.partition("\n\n")[0].splitlines():
        name, separator, value = line.partition(":")
        if separator:
            facts[name.strip()] = value.strip()
    return facts


def _sysctl() -> str:
    try:
        return subprocess.run(
            ["/usr/sbin/sysctl", "machdep.cpu", "hw"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _windows_name() -> str:
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0") as key:
            return str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
    return platform.processor()
