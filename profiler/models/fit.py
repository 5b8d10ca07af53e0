"""What a model takes of each device's memory, whether that is free, and how far it could go: layers on GPUs, context, users.

Predicted from the header alone. Main memory counts what the processor's copies of matrices take, too (`modelfile.repacking`):
llama.cpp allocates them beside the mapped file, whose pages may then be dropped.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from profiler.modelfile.description import ModelDescription
from profiler.modelfile.offload import (
    CPU,
    CacheSettings,
    DeviceMemory,
    by_device,
    largest_ctx_size,
    most_gpu_layers,
    most_slots,
)
from profiler.modelfile.repacking import Repacked, repacked

USUAL_USERS = (1, 4, 8)
"""Users whose largest context is told."""

_BESIDE_CPU = ("CPU", "AMX", "BLAS", "KleidiAI")  # buffers' names in main memory begin with these
_IN_MAIN_MEMORY = ("_Host", "_Pinned")  # or end with these: a GPU's own, but in main memory


@dataclass(frozen=True, slots=True)
class FreeMemory:
    """What is free, in bytes.

    Attributes:
        main_bytes: of main memory.
        gpu_bytes: of each GPU that llama.cpp can use, in its order.
    """

    main_bytes: int
    gpu_bytes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Processor:
    """What decides whether the processor lays matrices out anew.

    Attributes:
        instruction_sets: of `records.fingerprint.Cpu`; empty where they are not known, and nothing is then foreseen.
        repack: `ModelSettings.repack`.
        no_host: `ModelSettings.no_host`; without it, weights beside a GPU lie in its pinned memory and stay as they are.
    """

    instruction_sets: tuple[str, ...] = ()
    repack: bool = True
    no_host: bool = False


@dataclass(frozen=True, slots=True)
class DeviceFit:
    """One device.

    Attributes:
        held: what lies there, as the file has it.
        repacked: what of it is laid out anew.
        free_bytes: what the device has free.
    """

    held: DeviceMemory
    repacked: Repacked
    free_bytes: int

    @property
    def allocated_bytes(self) -> int | None:
        """All of llama.cpp's buffers as its load log names them, the mapped file included; None when a part is not known."""
        total = self.held.total_bytes
        return None if total is None else total + self.repacked.copy_bytes

    @property
    def needed_bytes(self) -> int | None:
        """What must be free: originals that have a copy need not stay. None when a part is not known."""
        total = self.held.total_bytes
        return None if total is None else total + self.repacked.more_bytes

    @property
    def is_enough(self) -> bool | None:
        """Whether so much is free; None when it is not known and the weights alone would fit."""
        if self.needed_bytes is not None:
            return self.needed_bytes <= self.free_bytes
        return False if self.held.weights_bytes + self.repacked.more_bytes > self.free_bytes else None


@dataclass(frozen=True, slots=True)
class Fit:
    """One model, one setting, one machine.

    Attributes:
        n_gpu_layers: what the figures hold for, at most the model's layers and one for the output.
        devices: main memory first, then the GPUs.
        most_gpu_layers: the largest number with which the GPUs' parts fit; None without a GPU and where memory is not understood.
        largest_ctx_sizes: by number of users, the longest context of each with which everything fits; 0 when none does. None
            where memory is not understood, as in `most_users`.
        most_users: the most of the asked context.
    """

    n_gpu_layers: int
    devices: tuple[DeviceFit, ...]
    most_gpu_layers: int | None
    largest_ctx_sizes: Mapping[int, int | None] = field(default_factory=dict)
    most_users: int | None = None

    @property
    def needed_bytes(self) -> int | None:
        """Of all devices together; None when a part is not known."""
        needs = [each.needed_bytes for each in self.devices]
        return None if None in needs else sum(need for need in needs if need is not None)

    @property
    def is_enough(self) -> bool | None:
        """Whether every device has enough free; None when that is not known."""
        answers = [each.is_enough for each in self.devices]
        return False if False in answers else None if None in answers else True


def devices_of(
    description: ModelDescription,
    settings: CacheSettings,
    free: FreeMemory,
    processor: Processor,
    n_gpu_layers: int = 0,
) -> tuple[DeviceFit, ...]:
    """What lies on each device with so many layers on the GPUs, which share them in proportion to their free memory.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    frees = (free.main_bytes, *free.gpu_bytes)
    held = by_device(description, n_gpu_layers, settings, free.gpu_bytes)
    copies = _copies(description, held[CPU], processor, has_gpu=bool(free.gpu_bytes))
    return tuple(DeviceFit(part, copies if device == CPU else Repacked(), frees[device]) for device, part in enumerate(held))


def fit(
    description: ModelDescription,
    settings: CacheSettings,
    free: FreeMemory,
    processor: Processor = Processor(),
    *,
    n_gpu_layers: int | None = None,
    users: Collection[int] = USUAL_USERS,
) -> Fit:
    """How this model fits with `settings`, and how far it could go with the same layers on the GPUs.

    Args:
        description: the model.
        settings: context and slots asked for.
        free: memory.
        processor: whose copies are counted.
        n_gpu_layers: as llama.cpp's (negative: all); None puts as many on the GPUs as fit.
        users: whose largest context is looked for.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    most_layers = most_gpu_layers(description, settings, free.gpu_bytes) if free.gpu_bytes else None
    everything = (description.block_count or 0) + 1
    wanted = (most_layers or 0) if n_gpu_layers is None else everything if n_gpu_layers < 0 else min(n_gpu_layers, everything)
    used = wanted if free.gpu_bytes else 0
    devices = devices_of(description, settings, free, processor, used)
    # The copies are the same for any context and any number of users.
    left = (free.main_bytes - devices[CPU].repacked.more_bytes, *free.gpu_bytes)
    return Fit(
        n_gpu_layers=used,
        devices=devices,
        most_gpu_layers=most_layers,
        largest_ctx_sizes={count: largest_ctx_size(description, used, replace(settings, slots=count), left) for count in users},
        most_users=most_slots(description, used, settings, left),
    )


@dataclass(frozen=True, slots=True)
class BufferBytes:
    """Bytes of one device's buffers, predicted or logged; None: not known.

    Attributes:
        weights_bytes: with the processor's copies.
        kv_bytes: with the states of recurrent layers.
        compute_bytes: with the output buffer.
    """

    weights_bytes: int | None
    kv_bytes: int | None
    compute_bytes: int | None

    @property
    def total_bytes(self) -> int | None:
        """The sum; None when a part is not known."""
        if self.weights_bytes is None or self.kv_bytes is None or self.compute_bytes is None:
            return None
        return self.weights_bytes + self.kv_bytes + self.compute_bytes


def predicted_buffers(device: DeviceFit, *, mmap: bool = True) -> BufferBytes:
    """What llama.cpp will log of this device; a file that is not mapped leaves no originals beside the copies."""
    held = device.held
    copies = device.repacked.copy_bytes if mmap else device.repacked.more_bytes
    kv_bytes = None if held.kv_bytes is None or held.state_bytes is None else held.kv_bytes + held.state_bytes
    return BufferBytes(held.weights_bytes + copies, kv_bytes, held.compute_bytes)


def logged_buffers(buffers: Mapping[str, int]) -> dict[str, BufferBytes]:
    """What a run's log told (`EngineFacts.buffers`), by device: "" is main memory, the others bear ggml's names ("CUDA0")."""
    found: dict[str, dict[str, int]] = {}
    for name, size in buffers.items():
        words = name.removesuffix(" buffer size").split()
        device, part = ("" if _is_in_main_memory(words[0]) else words[0]), words[-1]
        parts = found.setdefault(device, {})
        kind = {"model": "weights", "KV": "kv", "RS": "kv", "compute": "compute", "output": "compute"}.get(part)
        if kind is not None:
            parts[kind] = parts.get(kind, 0) + size
    return {
        device: BufferBytes(parts.get("weights", 0), parts.get("kv", 0), parts.get("compute", 0))
        for device, parts in found.items()
    }


def _is_in_main_memory(buffer_type: str) -> bool:
    return buffer_type.startswith(_BESIDE_CPU) or buffer_type.endswith(_IN_MAIN_MEMORY)


def _copies(description: ModelDescription, held: DeviceMemory, processor: Processor, *, has_gpu: bool) -> Repacked:
    """None are foreseen where the matrices are not understood."""
    if not processor.repack or (has_gpu and not processor.no_host):
        return Repacked()
    copies = repacked(description, processor.instruction_sets, layers=held.layers, output=held.has_output)
    return Repacked() if copies is None else copies


def total_of(buffers: Sequence[BufferBytes]) -> BufferBytes:
    """Several devices together; a part that one of them does not know is None."""

    def added(sizes: list[int | None]) -> int | None:
        return None if None in sizes else sum(size for size in sizes if size is not None)

    return BufferBytes(
        added([each.weights_bytes for each in buffers]),
        added([each.kv_bytes for each in buffers]),
        added([each.compute_bytes for each in buffers]),
    )
