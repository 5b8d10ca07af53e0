"""What one run shall be: plain, fully resolved, JSON-able values that the engine child gets and the session keeps."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self

FlashAttention = Literal["auto", "on", "off"]
Arrival = Literal["closed", "offline"]
Sampling = Literal["greedy", "none"]

KV_CELL_STEP = 256
"""llama.cpp pads a sequence's share of the cache to a multiple of this many cells (measurement.md §3)."""


class _Jsonable:
    """To and from plain dictionaries; unknown keys are refused, since a specification is exact."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain values, nested specifications included."""
        document: dict[str, Any] = dataclasses.asdict(self)  # type: ignore[call-overload]  # every subclass is a dataclass
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The inverse of `to_json`; raises TypeError on missing or unknown keys."""
        return cls(**document)


@dataclass(frozen=True, slots=True)
class ModelSettings(_Jsonable):
    """What a loaded model depends on: a change means loading again."""

    path: str
    n_gpu_layers: int
    mmap: bool


@dataclass(frozen=True, slots=True)
class ContextSettings(_Jsonable):
    """What a llama.cpp context depends on: a change means a new context.

    Attributes:
        slots: sequences decoded together (n_seq_max).
        ctx_size: tokens that each slot may hold; n_ctx is slots × ctx_size.
        threads, threads_batch: llama.cpp's n_threads for one-token ubatches and n_threads_batch for all others.
        cache_type_k, cache_type_v: names of ggml types.
        kv_unified: one buffer shared by all sequences instead of a stream each.
    """

    slots: int
    ctx_size: int
    batch_size: int
    ubatch_size: int
    threads: int
    threads_batch: int
    flash_attn: FlashAttention
    cache_type_k: str
    cache_type_v: str
    kv_unified: bool


@dataclass(frozen=True, slots=True)
class LoadSettings(_Jsonable):
    """Who asks for what, and when it ends.

    Attributes:
        arrival: "closed": `users` users, each sends, waits, thinks and sends again; "offline": all requests are due at 0.
        users: number of users of the closed loop (1 is the single stream); 0 offline.
        think_time_s: pause of a user between an answer and the next request.
        prompt_tokens, output_tokens: exact lengths of every request, in tokens; the end-of-text token is not obeyed.
        requests: stop after this many requests, None for no such limit.
        requests_per_user: stop a user after this many requests, None for no such limit.
        duration_s: send nothing after this time, None for no such limit.
        prefill_chunk: most prompt tokens that one step takes beside running decodes.
        sampling: "greedy" takes the most likely token; "none" does not look at the logits (llama-bench's way).
        seed: of the prompts and of the users' staggered start.
    """

    arrival: Arrival
    users: int
    think_time_s: float
    prompt_tokens: int
    output_tokens: int
    requests: int | None
    requests_per_user: int | None
    duration_s: float | None
    prefill_chunk: int
    sampling: Sampling
    seed: int


@dataclass(frozen=True, slots=True)
class RunSpecification(_Jsonable):
    """One repetition of one cell, as the engine child gets it."""

    model: ModelSettings
    context: ContextSettings
    load: LoadSettings

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The inverse of `to_json`; raises TypeError or KeyError on missing or unknown keys."""
        return cls(
            ModelSettings.from_json(document["model"]),
            ContextSettings.from_json(document["context"]),
            LoadSettings.from_json(document["load"]),
        )


@dataclass(frozen=True, slots=True)
class EngineFacts(_Jsonable):
    """What the engine says it really did, read back from llama.cpp after the context was made.

    Attributes:
        load_s: seconds from the start of loading to a usable model, 0.0 when it was still loaded (then `reused` is true).
        origin_ns: the run's origin on `profiler.clock`.
        n_ctx, n_ctx_seq, n_batch, n_ubatch, n_seq_max: as llama.cpp rounded them.
        kv_cells: cells allocated over all sequences.
        buffers: bytes by the name that the load log gives ("CPU_Mapped model buffer size").
        devices: llama.cpp's devices that hold something, by name.
        warmup_steps: untimed steps before the origin.
    """

    load_s: float
    reused: bool
    origin_ns: int
    n_ctx: int
    n_ctx_seq: int
    n_batch: int
    n_ubatch: int
    n_seq_max: int
    kv_cells: int
    vocabulary: int
    buffers: dict[str, int]
    devices: list[str]
    warmup_steps: int
