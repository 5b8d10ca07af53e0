"""The axes a sweep may vary: each is an option of `run` (name with dashes) and a column of the session's views."""

from dataclasses import dataclass
from typing import Literal

AxisValue = str | int | float | None
Configuration = dict[str, AxisValue]
"""One cell's value on every axis, None where the axis does not apply."""

MIX = "mix"
"""The value of the axis `arrival` where a plan's classes of requests each have arrivals of their own."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a sweep.

    Attributes:
        name: key in a cell's configuration and column in the session's views.
        kind: the type of its values; a length is a whole number, or text that tells a distribution (`scheduling.lengths`).
        label: words a user would say.
        unit: shown behind a value.
    """

    name: str
    kind: Literal["text", "integer", "real", "length"]
    label: str
    unit: str = ""

    @property
    def option(self) -> str:
        """The command-line option."""
        return "--" + self.name.replace("_", "-")


AXES: tuple[Axis, ...] = (
    Axis("model", "text", "Model"),
    Axis("quant", "text", "Quantization"),
    Axis("arrival", "text", "Arrivals"),
    Axis("concurrency", "integer", "Users"),
    Axis("slots", "integer", "Slots"),
    Axis("rate", "real", "Rate", "req/s"),
    Axis("burstiness", "real", "Burstiness"),
    Axis("think_time", "real", "Think time", "s"),
    Axis("prompt_tokens", "length", "Prompt", "tokens"),
    Axis("output_tokens", "length", "Answer", "tokens"),
    Axis("shared_prefix", "real", "Shared beginning"),
    Axis("prefixes", "integer", "Beginnings"),
    Axis("turns", "integer", "Turns"),
    Axis("prefix_cache", "text", "Prefix cache"),
    Axis("batching", "text", "Batching"),
    Axis("static_batch_size", "integer", "Static batch", "requests"),
    Axis("static_wait_ms", "real", "Static wait", "ms"),
    Axis("prefill_chunk", "integer", "Prefill chunk", "tokens"),
    Axis("priority", "text", "Priority"),
    Axis("depth", "integer", "Depth", "tokens"),
    Axis("sampling", "text", "Sampling"),
    Axis("threads", "integer", "Threads"),
    Axis("threads_batch", "integer", "Threads, prefill"),
    Axis("batch_size", "integer", "Batch", "tokens"),
    Axis("ubatch_size", "integer", "Micro-batch", "tokens"),
    Axis("ctx_size", "integer", "Context of a slot", "tokens"),
    Axis("n_gpu_layers", "integer", "GPU layers"),
    Axis("flash_attn", "text", "Flash attention"),
    Axis("cache_type_k", "text", "K cache"),
    Axis("cache_type_v", "text", "V cache"),
    Axis("kv_unified", "text", "Unified KV"),
    Axis("mmap", "text", "Memory map"),
    Axis("op_offload", "text", "Op offload"),
    Axis("kv_offload", "text", "KV offload"),
    Axis("repack", "text", "Repacked weights"),
    Axis("no_host", "text", "No host buffers"),
    Axis("split_mode", "text", "GPU split"),
    Axis("tensor_split", "text", "Tensor split"),
    Axis("main_gpu", "integer", "Main GPU"),
)

BY_NAME = {axis.name: axis for axis in AXES}
