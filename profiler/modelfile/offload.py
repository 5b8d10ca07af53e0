"""Which parts of a model lie on which device when layers are offloaded to GPUs, and how much fits; from the header alone."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from profiler.modelfile.costs import EMBEDDING, OUTPUT, TABLES, partial_costs
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.footprint import GraphBuffers, cells_in_view, graph_buffers
from profiler.modelfile.kv_cache import allocated_cells, layer_bytes_per_token, layer_state_bytes
from profiler.modelfile.layers import running_layers
from profiler.records.run_record import StepCosts
from profiler.records.specification import KV_CELL_STEP, ContextSettings

CPU = 0
"""The first of the devices that `by_device` tells of; GPUs follow in their order."""

OP_OFFLOAD_TOKENS = 32
"""llama.cpp's own limit: ubatches of fewer tokens stay with the processor where the weights lie (GGML_OP_OFFLOAD_MIN_BATCH)."""

MOST_SEQUENCES = 256
"""llama.cpp's own limit (LLAMA_MAX_SEQ)."""

_LONGEST_CONTEXT = 1 << 20  # for models that do not tell
_LAYER = re.compile(r"blk\.(\d+)\.")
_OF_FIRST_LAYER = ("per_layer_", "rope_")  # outside the layers' names, but placed with them


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """What a context's memory depends on; the names are those of `ContextSettings`.

    Attributes:
        sequences: all sequence ids, those that a prefix cache keeps included.
        flash_attn: whether it is in use; llama.cpp's "auto" turns it on where the device can.
        op_offload: a GPU carries out large ubatches of layers in main memory, too.
    """

    ctx_size: int
    slots: int = 1
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    kv_unified: bool = True
    ubatch_size: int = 512
    flash_attn: bool = True
    kv_offload: bool = True
    cached_sequences: int = 0
    op_offload: bool = True

    @classmethod
    def of(cls, context: ContextSettings) -> Self:
        """Those of a context."""
        return cls(
            ctx_size=context.ctx_size,
            slots=context.slots,
            cache_type_k=context.cache_type_k,
            cache_type_v=context.cache_type_v,
            kv_unified=context.kv_unified,
            ubatch_size=min(context.ubatch_size, context.batch_size),
            flash_attn=context.flash_attn != "off",
            kv_offload=context.kv_offload,
            cached_sequences=context.cached_sequences,
            op_offload=context.op_offload,
        )

    @property
    def sequences(self) -> int:
        """All sequence ids (n_seq_max), those that a prefix cache keeps included."""
        return self.slots + self.cached_sequences


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """What one device holds, predicted; None where the model's kind is not understood.

    Attributes:
        layers: numbers of the layers whose weights it holds.
        kv_layers: numbers of the layers whose KV or state it holds.
        has_output: whether it holds the output matrix.
        weights_bytes: the tensors it holds. A tied embedding lies on the CPU as the table, and once more where the output is. The
            load log's "CPU_Mapped" is the stretch of the file from the first of them to the last, others between them included.
        kv_bytes: cells of the KV cache.
        state_bytes: states of recurrent layers.
        compute_bytes: llama.cpp's compute buffer, and on the CPU its output buffer; an estimate.
    """

    layers: tuple[int, ...]
    kv_layers: tuple[int, ...]
    has_output: bool
    weights_bytes: int
    kv_bytes: int | None
    state_bytes: int | None
    compute_bytes: int | None

    @property
    def total_bytes(self) -> int | None:
        """The sum; None when a part is not known."""
        if self.kv_bytes is None or self.state_bytes is None or self.compute_bytes is None:
            return None
        return self.weights_bytes + self.kv_bytes + self.state_bytes + self.compute_bytes


def device_of_layers(description: ModelDescription, n_gpu_layers: int, proportions: Sequence[float] = (1.0,)) -> tuple[int, ...]:
    """The device of each layer and, as the last entry, of the output: 0 is the CPU, 1 the first GPU.

    llama.cpp's rule: the last layers go to the GPUs first, and the output counts as one layer more, behind the last. Several GPUs
    (split mode "layer") take consecutive layers in these proportions; llama.cpp's own choice is by free memory. A
    negative `n_gpu_layers` stands for all; without a GPU `proportions` is empty.
    """
    everything = (description.block_count or 0) + 1
    wanted = everything if n_gpu_layers < 0 else min(n_gpu_layers, everything)
    if not proportions or sum(proportions) <= 0 or not wanted:
        return (CPU,) * everything
    first = everything - wanted
    ends = [sum(proportions[: number + 1]) / sum(proportions) for number in range(len(proportions))]
    return (CPU,) * first + tuple(min(bisect_right(ends, number / wanted), len(ends) - 1) + 1 for number in range(wanted))


def by_device(
    description: ModelDescription, n_gpu_layers: int, settings: CacheSettings, proportions: Sequence[float] = (1.0,)
) -> tuple[DeviceMemory, ...]:
    """What lies on the CPU and on each GPU, in the split modes "none" (one GPU) and "layer".

    A layer's KV lies with its weights, all of it in main memory without `kv_offload`. Look-up tables always stay in main memory.
    With `op_offload` the first GPU needs a compute buffer for the layers in main memory as well, even when it holds none.
    Layers for multi-token prediction are not loaded. Copies that a backend lays out anew (CPU_REPACK) are not counted. The first
    two arguments and `proportions` are those of `device_of_layers`.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    devices = device_of_layers(description, n_gpu_layers, proportions)
    running = running_layers(description)
    cells = allocated_cells(settings.ctx_size, settings.slots, settings.kv_unified)
    kv = layer_bytes_per_token(description, settings.cache_type_k, settings.cache_type_v)
    states = layer_state_bytes(description)
    weights = _weights_by_device(description, devices, len(proportions) + 1)
    parts = []
    for device, weights_bytes in enumerate(weights):
        layers = tuple(number for number in range(running) if devices[number] == device)
        kv_layers = layers if settings.kv_offload else tuple(range(running)) if device == CPU else ()
        parts.append(
            DeviceMemory(
                layers=layers,
                kv_layers=kv_layers,
                has_output=device == devices[-1],
                weights_bytes=weights_bytes,
                kv_bytes=None if kv is None else cells * sum(kv[number] for number in kv_layers),
                state_bytes=None if states is None else settings.sequences * sum(states[number] for number in kv_layers),
                compute_bytes=None,
            )
        )
    computed = _compute_bytes(description, settings, cells, parts)
    return tuple(replace(part, compute_bytes=size) for part, size in zip(parts, computed, strict=True))


def costs_by_device(
    description: ModelDescription, n_gpu_layers: int, settings: CacheSettings, proportions: Sequence[float] = (1.0,)
) -> tuple[StepCosts, ...] | None:
    """What a step reads and computes on the CPU and on each GPU; the parts add up to `costs.step_costs`.

    It follows where the tensors lie. With `op_offload` llama.cpp carries out large ubatches of layers in main memory on the GPU,
    for which their weights cross the bus.

    Returns:
        None where `costs.step_costs` is.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    found = []
    for device, held in enumerate(by_device(description, n_gpu_layers, settings, proportions)):
        costs = partial_costs(
            description,
            settings.cache_type_k,
            settings.cache_type_v,
            layers=held.layers,
            kv_layers=held.kv_layers,
            output=held.has_output,
            tables=device == CPU,
        )
        if costs is None:
            return None
        found.append(costs)
    return tuple(found)


def most_gpu_layers(description: ModelDescription, settings: CacheSettings, free_vram_bytes: Sequence[int]) -> int | None:
    """The largest n_gpu_layers with which each GPU's part fits into its free memory; at most the layers and one for the output.

    llama.cpp shares the layers out in the proportions of the free memory.

    Returns:
        None where the memory is not understood.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    most = (description.block_count or 0) + 1 if any(free_vram_bytes) else 0
    for count in range(most, -1, -1):
        held = by_device(description, count, settings, free_vram_bytes)
        fit = _fit(held[1:], free_vram_bytes)
        if fit is None:
            return None
        if fit:
            return count
    return 0


def largest_ctx_size(
    description: ModelDescription, n_gpu_layers: int, settings: CacheSettings, free_bytes: Sequence[int]
) -> int | None:
    """The longest context of each slot, in steps of 256 tokens, with which every device's part fits into its free memory.

    `free_bytes` is that of main memory first, then of each GPU.

    Returns:
        0 when not even 256 tokens fit, at most what the model was trained for; None where the memory is not understood.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    most = -(-(description.context_train or _LONGEST_CONTEXT) // KV_CELL_STEP)

    def with_steps(steps: int) -> CacheSettings:
        return replace(settings, ctx_size=steps * KV_CELL_STEP)

    steps = _most(most, with_steps, description, n_gpu_layers, free_bytes)
    return None if steps is None else min(steps * KV_CELL_STEP, description.context_train or _LONGEST_CONTEXT)


def most_slots(
    description: ModelDescription, n_gpu_layers: int, settings: CacheSettings, free_bytes: Sequence[int]
) -> int | None:
    """The most slots of `settings.ctx_size` tokens each with which every device's part fits into its free memory.

    `free_bytes` is that of main memory first, then of each GPU.

    Returns:
        0 when not even one fits, at most what llama.cpp allows; None where the memory is not understood.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    most = MOST_SEQUENCES - settings.cached_sequences
    return _most(most, lambda slots: replace(settings, slots=slots), description, n_gpu_layers, free_bytes)


def _most(
    most: int,
    settings_of: Callable[[int], CacheSettings],
    description: ModelDescription,
    n_gpu_layers: int,
    free_bytes: Sequence[int],
) -> int | None:
    """The largest number up to `most` whose settings fit, by bisection: more never takes less memory."""
    fits, fails = 0, most + 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        fit = _fit(by_device(description, n_gpu_layers, settings_of(middle), free_bytes[1:]), free_bytes)
        if fit is None:
            return None
        fits, fails = (middle, fails) if fit else (fits, middle)
    return fits


def _fit(held: Sequence[DeviceMemory], free_bytes: Sequence[int]) -> bool | None:
    needs = [part.total_bytes for part in held]
    return None if None in needs else all(need <= free for need, free in zip(needs, free_bytes, strict=True) if need is not None)


def _weights_by_device(description: ModelDescription, devices: Sequence[int], count: int) -> list[int]:
    """After `llama_model_loader`'s places of tensors: input on the CPU, output, and layers."""
    running = running_layers(description)
    found = [0] * count
    is_tied = not any(tensor.name == OUTPUT for tensor in description.tensors)
    for tensor in description.tensors:
        if match := _LAYER.match(tensor.name):
            if int(match[1]) < running:
                found[devices[int(match[1])]] += tensor.bytes
        elif tensor.name in TABLES:
            found[CPU] += tensor.bytes
            if tensor.name == EMBEDDING and is_tied and devices[-1] != CPU:
                found[devices[-1]] += tensor.bytes
        else:
            found[devices[0 if tensor.name.startswith(_OF_FIRST_LAYER) else -1]] += tensor.bytes
    return found


def _compute_bytes(
    description: ModelDescription, settings: CacheSettings, cells: int, parts: Sequence[DeviceMemory]
) -> list[int | None]:
    """Found by varying the settings on the sample, offloaded to Vulkan by 0, 1, 10, 30 and all layers, and reading the load log.

    It meets each GPU's 45 logged sizes to within 5 %, and the processor's by as much of the largest buffer.
    """
    view = cells_in_view(cells, settings.slots, settings.kv_unified)
    tokens = min(settings.ubatch_size, cells)
    buffers = graph_buffers(description, ubatch_size=tokens, cells_in_view=view)
    if buffers is None:
        return [None] * len(parts)
    flash_attn = settings.flash_attn
    cpu, gpus = parts[CPU], parts[CPU + 1 :]
    lends = bool(gpus) and settings.op_offload and tokens >= OP_OFFLOAD_TOKENS and bool(cpu.layers or cpu.has_output)
    found = [_carried_out(buffers, part, flash_attn=flash_attn) for part in parts]
    if gpus:
        inputs = buffers.inputs(flash_attn=flash_attn)
        if lends or not cpu.layers:
            found[CPU] = inputs if flash_attn or not cpu.kv_layers or lends else max(inputs, buffers.scores_bytes)
        elif not cpu.has_output:
            found[CPU] = max(inputs, found[CPU] + (buffers.embedding_bytes if flash_attn else 0))
    if lends:
        output, of_layers = _largest_matrices(description, cpu.layers)
        lent = buffers.of_layers(flash_attn=flash_attn) + of_layers
        found[CPU + 1] = max(found[CPU + 1], lent, buffers.output_bytes + output if cpu.has_output else 0)
    found[CPU] += settings.sequences * buffers.logits_row_bytes
    return list(found)


def _carried_out(buffers: GraphBuffers, held: DeviceMemory, *, flash_attn: bool) -> int:
    """The compute buffer of what a device holds."""
    if held.layers:
        return buffers.whole(flash_attn=flash_attn) if held.has_output else buffers.of_layers(flash_attn=flash_attn)
    return buffers.output_bytes if held.has_output else 0


def _largest_matrices(description: ModelDescription, layers: Sequence[int]) -> tuple[int, int]:
    """Bytes of the output matrix and of the largest one of these layers: they are copied to a GPU that multiplies with them."""
    sizes = {tensor.name: tensor.bytes for tensor in description.tensors}
    of_layers = [size for name, size in sizes.items() if (match := _LAYER.match(name)) and int(match[1]) in layers]
    return sizes.get(OUTPUT, sizes.get(EMBEDDING, 0)), max(of_layers, default=0)
