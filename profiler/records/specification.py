"""What one run shall be: plain, fully resolved, JSON-able values that the engine child gets and the session keeps."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self

FlashAttention = Literal["auto", "on", "off"]
SplitMode = Literal["none", "layer", "row"]
Arrival = Literal["closed", "offline", "constant", "poisson", "gamma", "burst", "spike", "ramp", "trace"]
Sampling = Literal["greedy", "none"]
Batching = Literal["continuous", "static", "sequential"]
Priority = Literal["decode", "prefill"]
TraceFormat = Literal["mooncake", "azure", "burstgpt", "columns"]

OPEN_LOOP: frozenset[str] = frozenset({"constant", "poisson", "gamma", "burst", "spike", "ramp", "trace"})
"""Arrivals by a clock that does not care how busy the system is."""

STATIONARY: frozenset[str] = frozenset({"constant", "poisson", "gamma"})
"""Open-loop arrivals whose rate is the same at all times."""

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
    """What a loaded model depends on: a change means loading again.

    Attributes:
        split_mode, tensor_split, main_gpu: how several GPUs share the model, in llama.cpp's words; `tensor_split` holds a
            proportion for each device, empty for llama.cpp's own choice.
        repack: weights may be laid out anew for this processor's instructions (use_extra_bufts).
        no_host: weights on the CPU do not use a GPU's pinned host memory, which leaves them free to be repacked.
    """

    path: str
    n_gpu_layers: int
    mmap: bool
    split_mode: SplitMode = "layer"
    tensor_split: tuple[float, ...] = ()
    main_gpu: int = 0
    repack: bool = True
    no_host: bool = False

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """See _Jsonable; JSON knows no tuples."""
        return cls(**{**document, "tensor_split": tuple(document["tensor_split"])})


@dataclass(frozen=True, slots=True)
class ContextSettings(_Jsonable):
    """What a llama.cpp context depends on: a change means a new context.

    Attributes:
        slots: sequences decoded together.
        ctx_size: tokens that each slot may hold; n_ctx is slots × ctx_size.
        threads, threads_batch: llama.cpp's n_threads for one-token ubatches and n_threads_batch for all others.
        cache_type_k, cache_type_v: names of ggml types.
        kv_unified: one buffer shared by all sequences instead of a stream each.
        op_offload: large operations on tensors in main memory go to a GPU.
        kv_offload: the KV cache and its operations go to a GPU, where there is one.
        cached_sequences: sequence ids beside the slots, for what the prefix cache keeps; n_seq_max is both together.
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
    op_offload: bool = True
    cached_sequences: int = 0
    kv_offload: bool = True


@dataclass(frozen=True, slots=True)
class TraceSettings(_Jsonable):
    """A recorded load to replay.

    Attributes:
        path, sha256: the file, and the hash of what the plan saw in it.
        format: how its columns are called and what they mean (`scheduling.trace`).
        columns: for the format "columns", the names of those with the time in seconds, the prompt's and the answer's tokens.
        time_scale: the trace's clock runs this many times slower than recorded (2: half the rate).
        rows: only so many, None for all.
    """

    path: str
    sha256: str
    format: TraceFormat
    columns: tuple[str, ...] | None = None
    time_scale: float = 1.0
    rows: int | None = None

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """See _Jsonable; JSON knows no tuples."""
        columns = document["columns"]
        return cls(**{**document, "columns": None if columns is None else tuple(columns)})


@dataclass(frozen=True, slots=True)
class RequestClass(_Jsonable):
    """Requests of one kind: when they come, how long they are, what they share, and when no more are sent.

    Attributes:
        name: told apart by; empty where a load has one class only.
        arrival: "closed": `users` users, each sends, waits, thinks and sends again; "offline": all are due at the start;
            the others are the open loop, by a clock (`scheduling.open_loop`).
        users: of the closed loop (1 is the single stream); 0 otherwise.
        think_time_s: pause between an answer and the user's, or the conversation's, next request.
        prompt_tokens, output_tokens: lengths as `scheduling.lengths` reads them: "128", "uniform:64:256", "trace" …; the
            end-of-text token is not obeyed. In a conversation `prompt_tokens` is what each turn adds.
        rate_s: requests a second of the open loop, conversations where `turns` is more than 1.
        rate_to_s: the other rate of a ramp, a spike, a burst.
        burstiness: shape of the gaps' gamma distribution: 1 is Poisson, below it they come in clumps, above it evenly.
        burst_on_s, burst_off_s, spike_at_s, spike_for_s: when the other rate holds.
        trace: what "trace" replays.
        shared_prefix: share of a (first) prompt that it has in common with others.
        prefixes: how many different such beginnings there are.
        turns: requests of a conversation; each repeats all that was said before.
        requests, requests_per_user, duration_s: when nothing more is sent, the first reached; None is no limit.
        start_s: nothing of this class is due before.
        slo: limits of this class, in the words of `plan.slo`; empty for those of the plan.
    """

    name: str = ""
    arrival: Arrival = "closed"
    users: int = 0
    think_time_s: float = 0.0
    prompt_tokens: str = "128"
    output_tokens: str = "64"
    rate_s: float | None = None
    rate_to_s: float | None = None
    burstiness: float = 1.0
    burst_on_s: float | None = None
    burst_off_s: float | None = None
    spike_at_s: float | None = None
    spike_for_s: float | None = None
    trace: TraceSettings | None = None
    shared_prefix: float = 0.0
    prefixes: int = 1
    turns: int = 1
    requests: int | None = None
    requests_per_user: int | None = None
    duration_s: float | None = None
    start_s: float = 0.0
    slo: str = ""

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """See _Jsonable."""
        trace = document["trace"]
        return cls(**{**document, "trace": None if trace is None else TraceSettings.from_json(trace)})


@dataclass(frozen=True, slots=True)
class LoadSettings(_Jsonable):
    """Who asks for what, and in which order it is served.

    Attributes:
        classes: at least one; users are numbered through over the classes.
        batching: "continuous": join and leave at any step; "static": a batch is collected and run until its last member
            ends; "sequential": one request at a time.
        static_batch_size, static_wait_s: a static batch begins with so many, or when its first member waited so long.
        prefill_chunk: most prompt tokens that one step takes beside running decodes.
        priority: "decode": running answers go on in every step; "prefill": they wait while a prompt is being read.
        queue_limit: a request that finds so many waiting is refused, None: never.
        timeout_s: a request that has not ended so long after it was due is given up, None: never.
        prefix_cache: beginnings of prompts that are still in the KV cache are not evaluated again.
        depth: tokens that each slot holds before anything is measured.
        sampling: "greedy" takes the most likely token; "none" does not look at the logits (llama-bench's way).
        seed: of prompts, lengths and arrivals.
    """

    classes: tuple[RequestClass, ...]
    batching: Batching = "continuous"
    static_batch_size: int = 8
    static_wait_s: float = 0.05
    prefill_chunk: int = 512
    priority: Priority = "decode"
    queue_limit: int | None = None
    timeout_s: float | None = None
    prefix_cache: bool = False
    depth: int = 0
    sampling: Sampling = "greedy"
    seed: int = 1

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """See _Jsonable."""
        return cls(**{**document, "classes": tuple(RequestClass.from_json(each) for each in document["classes"])})

    @property
    def users(self) -> int:
        """Users of all closed loops together."""
        return sum(each.users for each in self.classes if each.arrival == "closed")


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
