"""The plan: what a person asks to have measured, validated field by field."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from profiler.errors import UnusableArguments
from profiler.plan.slo import parse_slo
from profiler.records.specification import Arrival, FlashAttention, Sampling

SAMPLE_MODEL = "sample"
AS_IS = "as-is"

PositiveInt = Annotated[int, Field(ge=1, le=1_000_000)]
TokenCount = Annotated[int, Field(ge=1, le=10_000_000)]


class _Section(BaseModel):
    """Unknown keys are refused, so that a misspelt field is told instead of ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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


class Need(_Section):
    """What the person needs served.

    Attributes:
        slo: limits in words of the field, "ttft_ms.p95<=1000,tpot_ms.p95<=100"; empty when there is none.
        users: people to be served at once, for the answer's sentence; None when no number was named.
    """

    slo: str = ""
    users: PositiveInt | None = None

    @field_validator("slo", mode="after")
    @classmethod
    def _slo_is_readable(cls, value: str) -> str:
        parse_slo(value)
        return value


class Models(_Section):
    """Which files are measured, and which quantizations are made from each.

    Attributes:
        paths: GGUF files; "sample" is the sample model.
        quant: "as-is" for the file itself, else a type of llama.cpp's quantizer ("Q8_0").
    """

    paths: tuple[str, ...] = (SAMPLE_MODEL,)
    quant: tuple[str, ...] = (AS_IS,)

    @field_validator("quant", mode="after")
    @classmethod
    def _quant_is_upper_case(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.lower() if name.lower() == AS_IS else name.upper() for name in value)


class Load(_Section):
    """Who asks for what, and when a run ends; tuples are axes.

    Attributes:
        arrival: "closed": users who ask again when answered; "offline": everything is there at the start.
        concurrency: users of the closed loop; offline a synonym of slots.
        slots: sequences decoded together; None: as many as the concurrency.
        think_time: seconds between an answer and the user's next request.
        prompt_tokens, output_tokens: exact lengths.
        sampling: "greedy", or "none" to leave the logits unread as llama-bench does.
        prefill_chunk: most prompt tokens in a step beside running decodes; None: the batch size.
        requests, requests_per_user, duration: the first reached ends a run; none given: 4 a user closed, 64 offline.
    """

    arrival: Arrival = "closed"
    concurrency: tuple[PositiveInt, ...] = (1, 2, 4)
    slots: tuple[PositiveInt, ...] | None = None
    think_time: tuple[Annotated[float, Field(ge=0, le=86_400)], ...] = (0.0,)
    prompt_tokens: tuple[TokenCount, ...] = (128,)
    output_tokens: tuple[TokenCount, ...] = (64,)
    sampling: tuple[Sampling, ...] = ("greedy",)
    prefill_chunk: tuple[PositiveInt, ...] | None = None
    requests: PositiveInt | None = None
    requests_per_user: PositiveInt | None = None
    duration: Annotated[float, Field(gt=0, le=1_000_000)] | None = None


class Engine(_Section):
    """llama.cpp's settings; tuples are axes, None means a default that suits the machine and the load.

    Attributes:
        threads, threads_batch: for one-token ubatches and for all others; None: physical cores, and equal.
        batch_size, ubatch_size: tokens in a decode call, and in one pass over the weights.
        ctx_size: tokens that each slot may hold; None: the smallest multiple of 256 for prompt + output.
        n_gpu_layers: layers on the GPU; 0 keeps the model on the CPU.
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
    kv_unified: tuple[Literal["on", "off"], ...] = ("on",)
    mmap: Literal["on", "off"] = "on"


class Trust(_Section):
    """How often, from which seed, for how long.

    Attributes:
        repetitions: runs of each cell, interleaved and shuffled over the cells.
        budget: seconds after which no further run starts; None for no limit.
    """

    repetitions: PositiveInt = 6
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    budget: Annotated[float, Field(gt=0)] | None = None


class Plan(_Section):
    """The whole plan; its defaults make a good first run of the sample model."""

    title: Annotated[str, Field(max_length=200)] = ""
    need: Need = Need()
    models: Models = Models()
    load: Load = Load()
    engine: Engine = Engine()
    trust: Trust = Trust()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.load.arrival == "offline" and any(self.load.think_time):
            raise ValueError("load.think_time has no meaning offline: nobody waits for an answer there")
        if self.load.arrival == "offline" and self.load.requests_per_user is not None:
            raise ValueError("load.requests_per_user has no meaning offline: there are no users; give load.requests")
        return self

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """A plan from plain values; raises UnusableArguments with one sentence that names each wrong field."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise UnusableArguments("; ".join(f"{name}: {text}" if name else text for name, text in problems(error))) from None

    def to_document(self) -> dict[str, Any]:
        """Plain values without the fields that are None; the inverse of `from_document`."""
        return self.model_dump(mode="json", exclude_none=True)


_PLAIN_WORDS = {
    "extra_forbidden": "is not a field of the plan",
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "float_type": "is not a number",
    "finite_number": "is not a number",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt:g}",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
}
"""What is wrong, by pydantic's type of error; its own words where none stand here."""


def problems(error: ValidationError) -> list[tuple[str, str]]:
    """Each wrong field with what is wrong: ("load.concurrency", "…"); the name is empty for a matter of the whole plan."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False):
        path = ".".join(str(part) for part in item["loc"] if not isinstance(part, int))
        text = _PLAIN_WORDS.get(item["type"], "").format(**item.get("ctx", {})) or item["msg"].removeprefix("Value error, ")
        given = "" if item["type"] in ("extra_forbidden", "value_error") else f" (given: {str(item['input'])[:60]})"
        found.setdefault(path, text[0].lower() + text[1:] + given)
    return list(found.items())


def field_problems(document: dict[str, Any]) -> dict[str, str]:
    """What is wrong with each field of a document, empty when it is a valid plan: for a form that shows it beside the field."""
    try:
        Plan.model_validate(document)
    except ValidationError as error:
        return dict(problems(error))
    return {}
