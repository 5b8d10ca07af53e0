"""How a model fits, as bars, facts and a sentence."""

from PySide6.QtCore import Qt

from app.plots.stacked_bars import PartKind, StackedBar
from app.widgets.fact_rows import Fact
from app.widgets.sentence import Tone
from profiler.models.fit import DeviceFit, Fit
from profiler.units import NOT_AVAILABLE, bytes_text

KINDS = (
    PartKind("weights", 0, Qt.BrushStyle.SolidPattern),
    PartKind("repacked", 3, Qt.BrushStyle.BDiagPattern),
    PartKind("KV cache", 1, Qt.BrushStyle.Dense5Pattern),
    PartKind("buffers", 2, Qt.BrushStyle.VerPattern),
    PartKind("free", None, Qt.BrushStyle.SolidPattern),
)
_FAR_MORE = 8
"""Times as much free memory is told in words only: beside its bar the parts would be too thin to see."""

_REPACKED = "Matrices that llama.cpp lays out anew for this processor; their originals in the mapped file need not stay"
_BUFFERS = "llama.cpp's compute and output buffers"


def bars(found: Fit) -> tuple[list[StackedBar], str]:
    """For each device what it would hold and, where that is not far more, what it has free; and the unit of the bars.

    None where a part is not known.
    """
    parts_of = [_parts(each) for each in found.devices]
    known = [parts for parts in parts_of if parts is not None]
    if len(known) < len(parts_of):
        return [], ""
    shown_free = [each.free_bytes < _FAR_MORE * sum(parts) for each, parts in zip(found.devices, known, strict=True)]
    longest = max(
        max(sum(parts), each.free_bytes if is_shown else 0)
        for each, parts, is_shown in zip(found.devices, known, shown_free, strict=True)
    )
    scale, unit = (1e9, "GB") if longest >= 1e9 else (1e6, "MB")
    rows = []
    for device, (each, parts, is_shown) in enumerate(zip(found.devices, known, shown_free, strict=True)):
        where = _where(device, len(found.devices))
        needed, free = bytes_text(sum(parts)), bytes_text(each.free_bytes)
        told = ", ".join(f"{kind.words} {bytes_text(size)}" for kind, size in zip(KINDS, parts, strict=False) if size)
        sizes = tuple(size / scale for size in parts)
        rows.append(
            StackedBar(f"{where} needed" if where else "Needed", (*sizes, 0.0), needed, f"{where} needed {needed}\n{told}")
        )
        if is_shown:
            nothing = (0.0,) * len(parts)
            rows.append(
                StackedBar(
                    f"{where} free" if where else "Free", (*nothing, each.free_bytes / scale), free, f"{where} free {free}"
                )
            )
    return rows, unit


def _where(device: int, count: int) -> str:
    if count == 1:
        return ""
    return "RAM" if device == 0 else "GPU" if count == 2 else f"GPU {device}"


def facts(found: Fit, users: int, ctx_size: int) -> list[Fact]:
    """The parts of all devices, and how far it could go."""
    devices = found.devices
    copies = sum(each.repacked.copy_bytes for each in devices)
    originals = sum(each.repacked.original_bytes for each in devices)
    weights = sum(each.held.weights_bytes for each in devices)
    rows = [Fact("Weights", bytes_text(weights), term="All tensors as the file holds them")]
    if copies:
        rows.append(Fact("Repacked", f"{bytes_text(copies)} for {bytes_text(originals)}", term=_REPACKED))
    kv = [_added(each.held.kv_bytes, each.held.state_bytes) for each in devices]
    rows += [
        Fact("KV cache", bytes_text(_sum(kv)), term="f16, with the states of recurrent layers"),
        Fact("Buffers", bytes_text(_sum([each.held.compute_bytes for each in devices])), term=_BUFFERS),
        Fact("Together", bytes_text(found.needed_bytes), term="What must be free"),
    ]
    if len(devices) > 1:
        told = NOT_AVAILABLE if found.most_gpu_layers is None else _layers(found)
        rows.append(Fact("GPU layers that fit", told, term="n_gpu_layers; the output counts as one layer"))
    for count, size in found.largest_ctx_sizes.items():
        whose = "1 user" if count == 1 else f"{count} users"
        rows.append(
            Fact(
                f"Largest context, {whose}",
                _context(size),
                term="Tokens of each user (ctx_size), in steps of 256; at most what the model was trained for",
            )
        )
    most = NOT_AVAILABLE if found.most_users is None else str(found.most_users)
    rows.append(Fact(f"Most users at {ctx_size}", most, term="Sequences together (slots); llama.cpp takes 256 at most"))
    return rows


def verdict(found: Fit, machine_words: str) -> tuple[str, Tone]:
    """Whether it fits into the free memory."""
    match found.is_enough:
        case True:
            return f"Fits: {machine_words}.", "met"
        case False:
            return f"Does not fit: {machine_words}.", "broken"
    return f"The weights fit; the rest of this architecture is not understood yet. {machine_words}.", "muted"


def free_words(found: Fit) -> str:
    """What is free, by device."""
    main = bytes_text(found.devices[0].free_bytes)
    if len(found.devices) == 1:
        return f"{main} are free"
    gpus = " and ".join(bytes_text(each.free_bytes) for each in found.devices[1:])
    return f"{main} of main memory and {gpus} of GPU memory are free"


def _parts(each: DeviceFit) -> tuple[int, int, int, int] | None:
    held = each.held
    kv_bytes = _added(held.kv_bytes, held.state_bytes)
    if kv_bytes is None or held.compute_bytes is None:
        return None
    return held.weights_bytes - each.repacked.original_bytes, each.repacked.copy_bytes, kv_bytes, held.compute_bytes


def _gb(sizes: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(size / 1e9 for size in sizes)


def _added(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def _sum(sizes: list[int | None]) -> int | None:
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _layers(found: Fit) -> str:
    of = len(found.devices[0].held.layers) + sum(len(each.held.layers) for each in found.devices[1:]) + 1
    most = found.most_gpu_layers or 0
    return f"all {of}" if most >= of else f"{most} of {of}"


def _context(size: int | None) -> str:
    return NOT_AVAILABLE if size is None else f"{size} tokens" if size else "none fits"
