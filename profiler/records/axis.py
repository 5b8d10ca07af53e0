"""The axes a sweep may vary: each is an option of `run` (name with dashes) and a column of the session's views."""

from dataclasses import dataclass
from typing import Literal

AxisValue = str | int | float | None
Configuration = dict[str, AxisValue]
"""One cell's value on every axis, None where the axis does not apply."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a sweep.

    Attributes:
        name: key in a cell's configuration and column in the session's views.
        kind: the type of its values.
        label: words a user would say.
        unit: shown behind a value.
    """

    name: str
    kind: Literal["text", "integer", "real"]
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
    Axis("think_time", "real", "Think time", "s"),
    Axis("prompt_tokens", "integer", "Prompt", "tokens"),
    Axis("output_tokens", "integer", "Answer", "tokens"),
    Axis("sampling", "text", "Sampling"),
    Axis("prefill_chunk", "integer", "Prefill chunk", "tokens"),
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
)

BY_NAME = {axis.name: axis for axis in AXES}
