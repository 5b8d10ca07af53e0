"""How fast this machine's kernels are, by type and number of tokens: measured by the engine's probe and kept."""

import contextlib
import dataclasses
import json
import math
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault, Interrupted
from profiler.paths import cache_folder, data_folder, write_in_one_move
from profiler.records.kernel_speed import KernelSpeed
from profiler.records.message import Message, MessageKind

USUAL_TYPES = ("q8_0", "q4_K")
"""Measured for a machine's compute ceiling: the fastest kernels are among them."""

REPRESENTATIVE_TYPES = ("q8_0", "q4_0", "q4_K", "q5_1", "q6_K", "q3_K", "f16")
"""One of each group of kernels that are alike (`speed_prediction.KIN`): with them every other type has a stand-in."""

_DISTURBED_PERCENT = 25.0
"""An idle machine's median spread is below 10 %; a prediction made of what a busy one showed would be wrong from then on."""

_METHOD_VERSION = 3  # raise it when the probe measures in another way


def known(library_version: str, threads: int, n_gpu_layers: int = 0) -> tuple[KernelSpeed, ...]:
    """What was kept of this machine with that library, so many threads and layers on the GPU; empty when there is nothing."""
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        found = document["entries"].get(_key(library_version, threads, n_gpu_layers), [])
        return tuple(_from_document(each) for each in found) if document["method_version"] == _METHOD_VERSION else ()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()


def newest(threads: int, n_gpu_layers: int = 0) -> tuple[KernelSpeed, ...]:
    """What was kept last for so many threads and layers, whichever library measured it; empty when there is nothing."""
    version = newest_version(threads, n_gpu_layers)
    return () if version is None else known(version, threads, n_gpu_layers)


def newest_version(threads: int, n_gpu_layers: int = 0) -> str | None:
    """The library's version in the entry that `newest` gives; None when there is none."""
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        end = _key("", threads, n_gpu_layers)
        found = [key.removesuffix(end) for key in document["entries"] if key.endswith(end)]
        return found[-1] if found and document["method_version"] == _METHOD_VERSION else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def measure(
    types: Iterable[str],
    library_version: str,
    threads: int,
    n_gpu_layers: int = 0,
    *,
    child: EngineChild | None = None,
    on_progress: Callable[[str, float | None], None] | None = None,
    cancel: threading.Event | None = None,
    refresh: bool = False,
) -> tuple[KernelSpeed, ...]:
    """The speeds of these types, measured where they are not kept (about two seconds a type; nothing else should run meanwhile).

    What was measured while other programs were busy (`disturbance_percent`) is given but not kept: good for a ceiling, which is
    of the fastest, and too slow for a prediction.

    Args:
        types: ggml's names.
        library_version: of llama-cpp-python.
        threads: for all steps.
        n_gpu_layers: 0 keeps the weights on the CPU.
        child: an engine to use; None starts one.
        on_progress: hears what is measured and the share done.
        cancel: ends it when set.
        refresh: measure all of them anew.

    Raises:
        EnvironmentFault: the engine cannot; Interrupted: `cancel` was set.
    """
    kept = () if refresh else known(library_version, threads, n_gpu_layers)
    has = {speed.type for speed in kept if speed.shape == "wide"}
    wanted = list(dict.fromkeys(types))
    missing = [name for name in wanted if name not in has]
    if not missing:
        return kept
    new = _probe(child, missing, threads, n_gpu_layers, on_progress, cancel)
    again = {speed.shape for speed in new} & {"thin", "heads"}  # measured with one type, whichever comes first
    renewed = {(speed.shape, speed.type) for speed in new}
    speeds = (*(speed for speed in kept if speed.shape not in again and (speed.shape, speed.type) not in renewed), *new)
    if disturbance_percent(new) <= _DISTURBED_PERCENT:
        _store(_key(library_version, threads, n_gpu_layers), speeds)
    return speeds


def calibrate(
    types: Iterable[str],
    library_version: str,
    threads: int,
    *,
    child: EngineChild | None = None,
    on_progress: Callable[[str, float | None], None] | None = None,
    cancel: threading.Event | None = None,
) -> None:
    """Measure and keep what is not kept of these types; see `measure`.

    Raises:
        EnvironmentFault: the engine cannot, or other programs disturbed it; Interrupted: `cancel` was set.
    """
    before = known(library_version, threads)
    speeds = measure(types, library_version, threads, child=child, on_progress=on_progress, cancel=cancel)
    percent = disturbance_percent([speed for speed in speeds if speed not in before])
    if percent > _DISTURBED_PERCENT:
        raise EnvironmentFault(
            f"This machine's kernels were measured but not kept: the same step typically took {percent:.0f} % longer than "
            "at best, so other programs were busy meanwhile; end them and calibrate again."
        )


def disturbance_percent(speeds: Sequence[KernelSpeed]) -> float:
    """How much longer than at best a step typically took, over the middle one of these; 0 for none."""
    return statistics.median(speed.spread_percent for speed in speeds) if speeds else 0.0


def peak_gflop_s(speeds: Sequence[KernelSpeed]) -> float | None:
    """The most that a prompt got out of this machine, in 10^9 operations a second; None without a measurement."""
    return max((speed.flop_s / 1e9 for speed in speeds if speed.shape == "wide"), default=None)


def _probe(
    child: EngineChild | None,
    types: list[str],
    threads: int,
    n_gpu_layers: int,
    on_progress: Callable[[str, float | None], None] | None,
    cancel: threading.Event | None,
) -> tuple[KernelSpeed, ...]:
    def hear(message: Message) -> None:
        if message.kind is MessageKind.PROGRESS and on_progress is not None:
            document = message.document()
            on_progress(str(document["phase"]), document["share"])

    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(EngineChild()) if child is None else child
        cache_folder().mkdir(parents=True, exist_ok=True)
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=cache_folder(), prefix="probe-"))

        def watch() -> None:
            if cancel is not None and cancel.is_set():
                engine.cancel()

        arguments = {"types": types, "folder": folder, "threads": threads, "n_gpu_layers": n_gpu_layers}
        end = engine.run_job("probe", arguments, on_message=hear, on_idle=watch)
    if cancel is not None and cancel.is_set():
        raise Interrupted("Measuring this machine's kernels was stopped.")
    if not end.outcome.is_done:
        raise EnvironmentFault(f"This machine's kernels could not be measured. {end.outcome.sentence}")
    return tuple(_from_document(step) for step in end.result["steps"])


def _key(library_version: str, threads: int, n_gpu_layers: int) -> str:
    return f"{library_version} threads {threads} layers {n_gpu_layers}"


def _file() -> Path:
    return data_folder() / "kernel_speeds.json"


def _store(key: str, speeds: Sequence[KernelSpeed]) -> None:
    """Write the file in one move; where it cannot be written, the next time measures again."""
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        entries = dict(document["entries"]) if document["method_version"] == _METHOD_VERSION else {}
    except (OSError, ValueError, TypeError, KeyError):
        entries = {}
    entries.pop(key, None)  # the newest comes last
    entries[key] = [dataclasses.asdict(speed) for speed in speeds]
    text = json.dumps({"method_version": _METHOD_VERSION, "entries": entries})
    with contextlib.suppress(OSError):
        write_in_one_move(_file(), text)


def _from_document(document: dict[str, Any]) -> KernelSpeed:
    """Raises ValueError, TypeError or KeyError on anything that `_store` or the probe would not have written."""
    speed = KernelSpeed(
        shape=str(document["shape"]),
        type=str(document["type"]),
        tokens=int(document["tokens"]),
        sequences=int(document["sequences"]),
        seconds=float(document["seconds"]),
        spread_percent=float(document["spread_percent"]),
        weights=int(document["weights"]),
        bytes=int(document["bytes"]),
        layers=int(document["layers"]),
        depth=int(document["depth"]),
        heads=int(document["heads"]),
        head_size=int(document["head_size"]),
    )
    numbers = (speed.tokens, speed.sequences, speed.seconds, speed.weights, speed.bytes, speed.layers)
    others = (speed.spread_percent, speed.depth, speed.heads, speed.head_size)
    if not all(math.isfinite(number) and number >= 0 for number in others) or not all(
        math.isfinite(number) and number > 0 for number in numbers
    ):
        raise ValueError("a speed is not a positive number")
    return speed
