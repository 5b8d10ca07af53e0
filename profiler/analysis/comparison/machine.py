"""Which facts of two machines, engines and plans differ, in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from profiler.records.axis import BY_NAME
from profiler.records.session_figures import MeasuredSession
from profiler.units import bytes_text, significant

NOT_KNOWN = "not known"

_BANDWIDTH_ALIKE = 0.05  # peaks measured on two days on one machine differ by as much
_LISTS = {"Instruction sets": ",", "Backends": ",", "Engine's build": "|"}
_MEMORY_ALIKE = 0.01  # a kernel keeps a little more or less for itself


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that differs.

    Attributes:
        fact: what it is, for people ("Processor").
        a, b: how it is on each side, in words.
    """

    fact: str
    a: str
    b: str


def machine_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Facts that differ between two fingerprints' documents; the free memory of the moment is none."""
    of_a, of_b = dict(_facts(a)), dict(_facts(b))
    found = []
    for fact in of_a | of_b:
        mine, other = of_a.get(fact), of_b.get(fact)
        if not _alike(fact, mine, other):
            found.append(Difference(fact, *_texts(fact, mine, other)))
    return tuple(found)


def plan_differences(a: MeasuredSession, b: MeasuredSession) -> tuple[Difference, ...]:
    """What differs in how long and by which requests two sessions were measured; axes are the cells' matter."""
    of_a, of_b = _plan_facts(a.plan), _plan_facts(b.plan)
    differing = [name for name in of_a | of_b if of_a.get(name) != of_b.get(name)]
    return tuple(Difference(name, _plan_text(of_a.get(name)), _plan_text(of_b.get(name))) for name in sorted(differing))


def _facts(machine: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    processor, memory, engine = (_section(machine, name) for name in ("cpu", "memory", "engine"))
    yield "Processor", processor.get("name")
    yield "Physical cores", processor.get("physical_cores")
    yield "Logical cores", processor.get("logical_cores")
    yield "Cores granted", processor.get("quota_cores")
    yield "Last-level cache", processor.get("last_level_cache_bytes")
    yield "Instruction sets", _listed(processor.get("instruction_sets"))
    yield "Memory", memory.get("total_bytes")
    yield "Swap", memory.get("swap_total_bytes")
    yield "Devices", _devices(machine.get("devices"))
    yield "Memory bandwidth", _section(machine, "ceilings").get("bandwidth_gb_s")
    yield "llama-cpp-python", engine.get("llama_cpp_python")
    yield "Backends", _listed(engine.get("backends"))
    yield "Engine's build", engine.get("system_info") or None
    yield "Operating system", machine.get("operating_system")
    yield "Kernel", machine.get("kernel")
    yield "Python", machine.get("python")
    yield "Inferometer", machine.get("app_version")


def _devices(listed: Any) -> str | None:
    if not isinstance(listed, list | tuple):
        return None
    texts = []
    for device in listed:
        if isinstance(device, Mapping) and device.get("kind") != "cpu":
            memory = device.get("vram_total_bytes")
            details = [bytes_text(memory)] if isinstance(memory, int | float) else []
            details += [f"{word} {device[word]}" for word in ("driver", "firmware") if device.get(word)]
            details += ["split"] if device.get("is_split") else []
            texts.append(f"{device.get('name')} on {device.get('backend')}" + (f" ({', '.join(details)})" if details else ""))
    return "; ".join(sorted(texts)) or "none"


def _plan_facts(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What is no axis of the load, and the seed."""
    facts = {f"load.{name}": value for name, value in _section(plan, "load").items() if name not in BY_NAME}
    facts["need.slo"] = _section(plan, "need").get("slo") or None
    facts["trust.seed"] = _section(plan, "trust").get("seed")
    return {name: value for name, value in facts.items() if value is not None}


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = document.get(name)
    return section if isinstance(section, Mapping) else {}


def _listed(value: Any) -> str | None:
    return ", ".join(sorted(map(str, value))) if isinstance(value, list | tuple) else None


def _alike(fact: str, a: Any, b: Any) -> bool:
    tolerance = {"Memory bandwidth": _BANDWIDTH_ALIKE, "Memory": _MEMORY_ALIKE, "Swap": _MEMORY_ALIKE}.get(fact, 0)
    if tolerance and isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= tolerance * max(abs(a), abs(b))
    return bool(a == b)


def _texts(fact: str, a: Any, b: Any) -> tuple[str, str]:
    """Both in words; of long lists only what the other has not."""
    if fact in _LISTS and a is not None and b is not None:
        mine, other = ([part.strip() for part in text.split(_LISTS[fact]) if part.strip()] for text in (a, b))
        more = [part for part in mine if part not in other], [part for part in other if part not in mine]
        return ", ".join(more[0]) or "without these", ", ".join(more[1]) or "without these"
    return _text(fact, a), _text(fact, b)


def _text(fact: str, value: Any) -> str:
    if value is None:
        return "all" if fact == "Cores granted" else NOT_KNOWN
    if isinstance(value, int | float):
        if fact == "Memory bandwidth":
            return f"{significant(value)} GB/s"
        return bytes_text(value) if fact in ("Memory", "Swap", "Last-level cache") else f"{value:g}"
    return str(value)


def _plan_text(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
