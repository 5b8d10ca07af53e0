"""The plan: what a person asks to have measured, validated field by field."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from profiler.errors import UnusableArguments
from profiler.plan.problems import problems
from profiler.plan.slo import parse_slo
from profiler.records.specification import (
    OPEN_LOOP,
    STATIONARY,
    Arrival,
    Batching,
    FlashAttention,
    Priority,
    Sampling,
    SplitMode,
)
from profiler.scheduling.lengths import parse_length

SAMPLE_MODEL = "sample"
AS_IS = "as-is"

OnOff = Literal["on", "off"]
PositiveInt = Annotated[int, Field(ge=1, le=1_000_000)]
TokenCount = Annotated[int, Field(ge=1, le=10_000_000)]
Seconds = Annotated[float, Field(ge=0, le=1_000_000)]
SomeSeconds = Annotated[float, Field(gt=0, le=1_000_000)]
Rate = Annotated[float, Field(ge=0, le=1_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]


def _read_length(value: Any) -> Any:
    """A length as it stands in a configuration: a whole number, or the text of a distribution in its usual form."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("is not a length; write 128, uniform:64:256, normal:128:32, lognormal:128:0.5 or trace")
    text = str(parse_length(str(value)))
    return int(text) if text.isdigit() else text


LengthText = Annotated[int | str, BeforeValidator(_read_length)]

_MOST_TOLD = 6  # wrong fields in one sentence


class _Section(BaseModel):
    """Unknown keys are refused, so that a misspelt field is told instead of ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _one_value_is_an_axis_of_one(cls, document: Any) -> Any:
        """`concurrency = 4` says the same as `concurrency = [4]`."""
        if not isinstance(document, dict):
            return document
        return {
            name: [value] if isinstance(value, int | float | str) and _is_axis(cls, name) else value
            for name, value in document.items()
        }

    @field_validator("*", mode="after")
    @classmethod
    def _axis_is_usable(cls, value: Any) -> Any:
        """An axis needs at least one value and none twice."""
        if isinstance(value, tuple):
            if not value:
                raise ValueError("needs at least one value")
            if len(set(value)) != len(value):
                raise ValueError("has a value twice")
        return value


def _is_axis(section: type[BaseModel], name: str) -> bool:
    field = section.model_fields.get(name)
    return field is not None and "tuple" in str(field.annotation)


def _readable_slo(value: str) -> str:
    parse_slo(value)
    return value


class Need(_Section):
    """What the person needs served.

    Attributes:
        slo: limits in words of the field, "ttft_ms.p95<=1000,tpot_ms.p95<=100"; empty when there is none.
        users: people to be served at once, for the answer's sentence; None when no number was named.
    """

    slo: str = ""
    users: PositiveInt | None = None

    _slo_is_readable = field_validator("slo", mode="after")(_readable_slo)


class Models(_Section):
    """Which files are measured, and which quantizations are made from each.

    Attributes:
        paths: GGUF files; "sample" is the sample model.
        quant: "as-is" for the file itself, else a type of llama.cpp's quantizer ("Q8_0").
        imatrix: an importance matrix to make them with.
        quality_tokens: so many tokens of a text are scored by each model; None: only what is known already is told.
        quality_text: the text; None: the one that ships.
    """

    paths: tuple[str, ...] = (SAMPLE_MODEL,)
    quant: tuple[str, ...] = (AS_IS,)
    imatrix: str | None = None
    quality_tokens: TokenCount | None = None
    quality_text: str | None = None

    @field_validator("quant", mode="after")
    @classmethod
    def _quant_is_upper_case(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.lower() if name.lower() == AS_IS else name.upper() for name in value)


class _Requests(_Section):
    """When requests come: what a load has in common with each class of a mix.

    Attributes:
        rate_to: the other rate of a ramp, a spike or a burst, in requests a second.
        burst_on, burst_off: seconds of a burst and of the quiet after it.
        spike_at, spike_for: when a spike begins and how long it lasts, in seconds.
        trace: the file that arrival "trace" replays: Mooncake JSONL, Azure CSV, BurstGPT CSV, or any CSV or JSONL with
            `trace_columns`: the columns of the time in seconds, of the prompt's tokens and of the answer's.
        time_scale: a trace's clock runs so many times slower.
        requests, requests_per_user, duration: the first reached ends the sending.
    """

    rate_to: Rate | None = None
    burst_on: SomeSeconds | None = None
    burst_off: SomeSeconds | None = None
    spike_at: Seconds | None = None
    spike_for: SomeSeconds | None = None
    trace: str | None = None
    trace_columns: str | None = None
    time_scale: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    requests: PositiveInt | None = None
    requests_per_user: PositiveInt | None = None
    duration: SomeSeconds | None = None

    @field_validator("trace_columns", mode="after")
    @classmethod
    def _columns_are_three(cls, value: str | None) -> str | None:
        if value is not None and len([name for name in value.split(",") if name.strip()]) != 3:
            raise ValueError("names three columns by commas: time in seconds, prompt tokens, answer tokens")
        return value


class RequestMix(_Requests):
    """One class of requests of a mix, with arrivals, lengths and limits of its own; the fields are `Load`'s, one value each.

    Attributes:
        users: of its closed loop.
        start: nothing of it is due before so many seconds.
        slo: limits of this class; empty for those of the plan's need.
    """

    name: Annotated[str, Field(min_length=1, max_length=40)]
    arrival: Arrival = "closed"
    users: PositiveInt = 1
    rate: Rate | None = None
    burstiness: Annotated[float, Field(gt=0, le=1000)] = 1.0
    think_time: Seconds = 0.0
    prompt_tokens: LengthText = 128
    output_tokens: LengthText = 64
    shared_prefix: Share = 0.0
    prefixes: PositiveInt = 1
    turns: Annotated[int, Field(ge=1, le=1000)] = 1
    start: Seconds = 0.0
    slo: str = ""

    _slo_is_readable = field_validator("slo", mode="after")(_readable_slo)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_arrival(
            self.arrival, self, rates=None if self.rate is None else (self.rate,), turns=self.turns, thinks=self.think_time > 0
        )
        return self


class Load(_Requests):
    """Who asks for what, when a run ends, and in which order it is served; tuples are axes.

    Attributes:
        arrival: "closed": users who ask again when answered; "offline": everything is there at the start; the others are the
            open loop, by a clock: "constant", "poisson", "gamma", "burst", "spike", "ramp", "trace".
        concurrency: users of the closed loop; else a synonym of slots. None: 1, 2 and 4, in an open loop 8 slots.
        slots: sequences decoded together; None: as many as the concurrency.
        rate: requests a second of the open loop (conversations, where there are turns).
        burstiness: of "gamma": 1 is Poisson, lower comes in clumps.
        think_time: seconds between an answer and the next request of its user or conversation.
        prompt_tokens, output_tokens: exact lengths, or distributions.
        shared_prefix, prefixes: share of a prompt that others begin with, too, and how many such beginnings there are.
        turns: requests of a conversation, each repeating what was said before.
        prefix_cache: "on" keeps what was evaluated for prompts that begin with it.
        batching: "continuous", "static" (with static_batch_size and static_wait_ms) or "sequential".
        prefill_chunk: most prompt tokens in a step beside running decodes; None: the batch size.
        priority: whether "decode" or "prefill" comes first.
        depth: tokens in every slot before anything is measured.
        sampling: "greedy", or "none" to leave the logits unread as llama-bench does.
        queue_limit: so many may wait, others are refused; timeout: seconds after which a request is given up.
        classes: a mix of request classes instead of one kind; then the fields above that a class has are the classes' own.
    """

    arrival: tuple[Arrival, ...] = ("closed",)
    concurrency: tuple[PositiveInt, ...] | None = None
    slots: tuple[PositiveInt, ...] | None = None
    rate: tuple[Rate, ...] | None = None
    burstiness: tuple[Annotated[float, Field(gt=0, le=1000)], ...] = (1.0,)
    think_time: tuple[Annotated[float, Field(ge=0, le=86_400)], ...] = (0.0,)
    prompt_tokens: tuple[LengthText, ...] = (128,)
    output_tokens: tuple[LengthText, ...] = (64,)
    shared_prefix: tuple[Share, ...] = (0.0,)
    prefixes: tuple[PositiveInt, ...] = (1,)
    turns: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = (1,)
    prefix_cache: tuple[OnOff, ...] = ("off",)
    batching: tuple[Batching, ...] = ("continuous",)
    static_batch_size: tuple[PositiveInt, ...] = (8,)
    static_wait_ms: tuple[Annotated[float, Field(ge=0, le=1e9)], ...] = (50.0,)
    prefill_chunk: tuple[PositiveInt, ...] | None = None
    priority: tuple[Priority, ...] = ("decode",)
    depth: tuple[Annotated[int, Field(ge=0, le=10_000_000)], ...] = (0,)
    sampling: tuple[Sampling, ...] = ("greedy",)
    queue_limit: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    timeout: SomeSeconds | None = None
    classes: tuple[RequestMix, ...] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.classes is not None:
            names = [each.name for each in self.classes]
            if len(set(names)) != len(names):
                raise ValueError("load.classes has a name twice")
            return self
        for arrival in self.arrival:
            _check_arrival(arrival, self, rates=self.rate, turns=max(self.turns), thinks=any(self.think_time))
        if self.queue_limit is not None and "static" in self.batching and self.queue_limit + 1 < max(self.static_batch_size):
            raise ValueError("load.queue_limit leaves no room for a static batch to gather; give load.static_batch_size or more")
        if self.requests_per_user is not None and "closed" not in self.arrival:
            raise ValueError("load.requests_per_user has no meaning without users who ask again; give load.requests")
        return self


def _check_arrival(arrival: str, load: _Requests, *, rates: tuple[float, ...] | None, turns: int, thinks: bool) -> None:
    """Raise ValueError when a field is missing that this arrival needs, or makes no sense with it."""
    needed = {
        "burst": ("burst_on", "burst_off"),
        "spike": ("rate_to", "spike_at", "spike_for"),
        "ramp": ("rate_to",),
        "trace": ("trace",),
    }.get(arrival, ())
    missing = [f"load.{name}" for name in needed if getattr(load, name) is None]
    if arrival in OPEN_LOOP and arrival != "trace" and rates is None:
        missing.insert(0, "load.rate")
    if missing:
        raise ValueError(f"{' and '.join(missing)} must be given for arrival {arrival}")
    if rates is not None and 0 in rates and arrival in STATIONARY | {"burst", "spike", "ramp"} and not load.rate_to:
        raise ValueError(f"load.rate of 0 means that no request ever comes with arrival {arrival}")
    if arrival == "offline" and thinks:
        raise ValueError("load.think_time has no meaning offline: nobody waits for an answer there")
    if arrival in ("offline", "trace") and turns > 1:
        raise ValueError(f"load.turns has no meaning with arrival {arrival}: its requests are all known from the start")
    lengths = (getattr(load, "prompt_tokens", ()), getattr(load, "output_tokens", ()))
    if arrival != "trace" and any(length == "trace" or (isinstance(length, tuple) and "trace" in length) for length in lengths):
        raise ValueError("lengths from a trace need arrival trace")


class Engine(_Section):
    """llama.cpp's settings; tuples are axes, None means a default that suits the machine and the load.

    Attributes:
        threads, threads_batch: for one-token ubatches and for all others; None: physical cores, and equal.
        batch_size, ubatch_size: tokens in a decode call, and in one pass over the weights.
        ctx_size: tokens that each slot may hold; None: the smallest multiple of 256 for depth + prompt + output.
        n_gpu_layers: layers on the GPU; 0 keeps the model on the CPU.
        op_offload: large operations on tensors in main memory go to a GPU.
        kv_offload: so does the KV cache.
        repack, no_host: whether weights are laid out anew for the processor, and kept out of a GPU's pinned host memory.
        split_mode, tensor_split, main_gpu: how several GPUs share a model; a tensor split is "3/1", a part for each.
    """

    threads: tuple[PositiveInt, ...] | None = None
    threads_batch: tuple[PositiveInt, ...] | None = None
    batch_size: tuple[PositiveInt, ...] = (512,)
    ubatch_size: tuple[PositiveInt, ...] = (512,)
    ctx_size: tuple[TokenCount, ...] | None = None
    n_gpu_layers: tuple[Annotated[int, Field(ge=-1, le=10_000)], ...] | None = None
    flash_attn: tuple[FlashAttention, ...] = ("auto",)
    cache_type_k: tuple[str, ...] = ("f16",)
    cache_type_v: tuple[str, ...] = ("f16",)
    kv_unified: tuple[OnOff, ...] = ("on",)
    mmap: tuple[OnOff, ...] = ("on",)
    op_offload: tuple[OnOff, ...] = ("on",)
    kv_offload: tuple[OnOff, ...] = ("on",)
    repack: tuple[OnOff, ...] = ("on",)
    no_host: tuple[OnOff, ...] = ("off",)
    split_mode: tuple[SplitMode, ...] = ("layer",)
    tensor_split: tuple[str, ...] | None = None
    main_gpu: tuple[Annotated[int, Field(ge=0, le=63)], ...] = (0,)

    @field_validator("tensor_split", mode="after")
    @classmethod
    def _splits_are_proportions(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for text in value or ():
            read_tensor_split(text)
        return value


def read_tensor_split(text: str) -> tuple[float, ...]:
    """The parts in "3/1"; raises ValueError for anything else."""
    try:
        parts = tuple(float(part) for part in text.split("/"))
    except ValueError:
        parts = ()
    if not parts or len(parts) > 64 or not all(0 <= part < 1e9 for part in parts) or not any(parts):
        raise ValueError(f"'{text[:40]}' is no tensor split; write a part for each GPU, as 3/1")
    return parts


class Trust(_Section):
    """How often, from which seed, for how long.

    Attributes:
        repetitions: runs of each cell, interleaved and shuffled over the cells; a cell may stop at six once its interval is
            narrow enough.
        target_percent: so narrow, half of it.
        most_repetitions: with a budget, cells on which the answer hangs may get as many; None: 30.
        budget: seconds after which no further run starts; None for no limit.
    """

    repetitions: PositiveInt = 6
    target_percent: Annotated[float, Field(gt=0, le=100)] = 2.0
    most_repetitions: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    budget: Annotated[float, Field(gt=0)] | None = None


class Search(_Section):
    """Look for the answer instead of measuring every cell.

    Attributes:
        enabled: the ends of concurrency or rate are bounds between which the largest that meets the need is looked for, for each
            model, quantization and setting.
        confirm_repetitions: fresh runs of the winner and the runner-up, which took no part in the choice.
    """

    enabled: bool = False
    confirm_repetitions: PositiveInt = 6


class Plan(_Section):
    """The whole plan; its defaults make a good first run of the sample model."""

    title: Annotated[str, Field(max_length=200)] = ""
    need: Need = Need()
    models: Models = Models()
    load: Load = Load()
    engine: Engine = Engine()
    trust: Trust = Trust()
    search: Search = Search()

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """A plan from plain values; raises UnusableArguments with one sentence that names each wrong field."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            told = [f"{name}: {text}" if name else text for name, text in problems(error)]
            more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
            raise UnusableArguments("; ".join(told[:_MOST_TOLD]) + more) from None

    def to_document(self) -> dict[str, Any]:
        """Plain values without the fields that are None; the inverse of `from_document`."""
        return self.model_dump(mode="json", exclude_none=True)


def field_problems(document: dict[str, Any]) -> dict[str, str]:
    """What is wrong with each field of a document, empty when it is a valid plan: for a form that shows it beside the field."""
    try:
        Plan.model_validate(document)
    except ValidationError as error:
        return dict(problems(error))
    return {}
