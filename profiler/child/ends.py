"""Why a process ended, as a sentence with a remedy."""

import signal
from dataclasses import dataclass

from profiler.units import bytes_text

_NEEDS_LESS = "try a smaller model or quantization, a shorter context or fewer slots, or close other programs"

_SIGNALS = {
    "SIGSEGV": "crashed with a memory error inside llama.cpp (SIGSEGV); other settings or another llama.cpp version may help",
    "SIGBUS": "could not read its model any more (SIGBUS): the file was truncated, replaced or its disk went away; "
    "copy the file anew and compare its size with where it came from",
    "SIGILL": "uses instructions that this processor does not have (SIGILL); llama-cpp-python must be built on this machine",
    "SIGABRT": "was ended by llama.cpp itself (abort); other settings or another llama.cpp version may help",
    "SIGFPE": "crashed with an arithmetic error inside llama.cpp (SIGFPE); other settings or another llama.cpp version may help",
    "SIGTERM": "was ended by another program (SIGTERM); start the run again when that is done",
}

_WINDOWS_SIGNALS = {0xC0000005: "SIGSEGV", 0xC0000006: "SIGBUS", 0xC000001D: "SIGILL", 0xC0000094: "SIGFPE"}
"""Windows tells the same by a status: access violation, page that cannot be read, illegal instruction, division by zero."""

_SAYS_NOTHING = ("<no Python frame>", "Extension modules:", "Current thread", "Thread 0x")
"""Beginnings of lines that Python adds to a fatal error of its own."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What else is known of an end.

    Attributes:
        oom_kills: processes that the kernel has killed for want of memory since the job began; None where it does not count.
        peak_bytes: the most memory that the process held; None when not known.
    """

    oom_kills: int | None = None
    peak_bytes: int | None = None


def was_killed_for_memory(status: int | None, evidence: Evidence) -> bool:
    """Whether the kernel's OOM killer did it: it counts its kills, and this process was killed meanwhile."""
    return status == -9 and bool(evidence.oom_kills)


def crash_sentence(status: int | None, log_tail: tuple[str, ...], evidence: Evidence = Evidence()) -> str:
    """What the exit status means; the last line of the log is added where it tells the cause."""
    if status is None:
        return "The engine closed its output without ending, and was killed; start the run again."
    if status in _WINDOWS_SIGNALS:
        return f"The engine {_SIGNALS[_WINDOWS_SIGNALS[status]]}.{_last_words(log_tail)}"
    if status >= 0:
        return (
            f"The engine ended in the middle of its work with status {status}: llama.cpp, a driver or another program ended it; "
            f"other settings or another llama.cpp version may help.{_last_words(log_tail)}"
        )
    if status == -9:
        return _killed(evidence)
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    story = _SIGNALS.get(name, f"was ended by {name}")
    words = _last_words(log_tail) if name == "SIGABRT" else ""
    return f"The engine {story}.{words}"


def start_crash_sentence(status: int | None) -> str:
    """What it means that a process crashed before it could say anything; empty where it did not crash."""
    if status in _WINDOWS_SIGNALS:
        name = _WINDOWS_SIGNALS[status]
    elif status in (-getattr(signal, each, 0) for each in _SIGNALS if each != "SIGTERM"):
        name = signal.Signals(-(status or 0)).name
    else:
        return ""
    return (
        f"It crashed while llama.cpp's library was brought in ({name}): the library is damaged, or made for another processor; "
        "install llama-cpp-python again, built on this machine."
    )


def _killed(evidence: Evidence) -> str:
    held = "" if evidence.peak_bytes is None else f"; it held {bytes_text(evidence.peak_bytes)} at the most"
    if evidence.oom_kills:
        return f"The engine was killed by the system because memory ran out (OOM killer){held}; {_NEEDS_LESS}."
    if evidence.oom_kills is None:
        return f"The engine was killed from outside, most likely because memory ran out{held}; {_NEEDS_LESS}."
    return (
        f"The engine was killed from outside (SIGKILL){held}. The kernel did not do it for want of memory: a person or a program "
        "did, perhaps one that guards memory (earlyoom, systemd-oomd); look into its log."
    )


def _last_words(log_tail: tuple[str, ...]) -> str:
    telling = [line for line in log_tail if not line.startswith(_SAYS_NOTHING)]
    return f" Its last words: {telling[-1]}" if telling else ""
