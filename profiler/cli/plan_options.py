"""The options of `run` as a plan: each option's section and field, and how its text is read."""

from collections.abc import Callable, Mapping
from typing import Any

from profiler.errors import UnusableArguments
from profiler.plan.plan import Plan
from profiler.plan.use_case import BY_NAME


def _integer(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UnusableArguments(f"--{option}: '{text[:40]}' is not a whole number.") from None


def _real(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UnusableArguments(f"--{option}: '{text[:40]}' is not a number.") from None


def _word(_option: str, text: str) -> str:
    return text


Reader = Callable[[str, str], int | float | str]

_AXES: dict[str, tuple[str, Reader]] = {
    "quant": ("models", _word),
    "arrival": ("load", _word),
    "concurrency": ("load", _integer),
    "slots": ("load", _integer),
    "rate": ("load", _real),
    "burstiness": ("load", _real),
    "think_time": ("load", _real),
    "prompt_tokens": ("load", _word),
    "output_tokens": ("load", _word),
    "shared_prefix": ("load", _real),
    "prefixes": ("load", _integer),
    "turns": ("load", _integer),
    "prefix_cache": ("load", _word),
    "batching": ("load", _word),
    "static_batch_size": ("load", _integer),
    "static_wait_ms": ("load", _real),
    "prefill_chunk": ("load", _integer),
    "priority": ("load", _word),
    "depth": ("load", _integer),
    "sampling": ("load", _word),
    "threads": ("engine", _integer),
    "threads_batch": ("engine", _integer),
    "batch_size": ("engine", _integer),
    "ubatch_size": ("engine", _integer),
    "ctx_size": ("engine", _integer),
    "n_gpu_layers": ("engine", _integer),
    "flash_attn": ("engine", _word),
    "cache_type_k": ("engine", _word),
    "cache_type_v": ("engine", _word),
    "kv_unified": ("engine", _word),
    "mmap": ("engine", _word),
    "op_offload": ("engine", _word),
    "kv_offload": ("engine", _word),
    "repack": ("engine", _word),
    "no_host": ("engine", _word),
    "split_mode": ("engine", _word),
    "tensor_split": ("engine", _word),
    "main_gpu": ("engine", _integer),
}
"""Options that take a list by commas."""

_SINGLES: dict[str, tuple[str, Reader]] = {
    "rate_to": ("load", _real),
    "burst_on": ("load", _real),
    "burst_off": ("load", _real),
    "spike_at": ("load", _real),
    "spike_for": ("load", _real),
    "trace": ("load", _word),
    "trace_columns": ("load", _word),
    "time_scale": ("load", _real),
    "queue_limit": ("load", _integer),
    "timeout": ("load", _real),
    "requests": ("load", _integer),
    "requests_per_user": ("load", _integer),
    "duration": ("load", _real),
    "imatrix": ("models", _word),
    "quality_tokens": ("models", _integer),
    "quality_text": ("models", _word),
    "repetitions": ("trust", _integer),
    "target_percent": ("trust", _real),
    "most_repetitions": ("trust", _integer),
    "seed": ("trust", _integer),
    "budget": ("trust", _real),
    "slo": ("need", _word),
}


def plan_from_options(models: list[str], options: Mapping[str, str | None], base: Plan) -> Plan:
    """The plan that `base` becomes with these options; raises UnusableArguments naming the option that is wrong.

    Args:
        models: files, or "sample"; none keeps the base's.
        options: text by option name (with underscores), None where it was not given.
        base: the plan file's plan, or the defaults.
    """
    document: dict[str, Any] = base.to_document()
    if (use_case := options.get("use_case")) is not None:
        if use_case not in BY_NAME:
            raise UnusableArguments(f"--use-case: '{use_case[:40]}' is none of {', '.join(BY_NAME)}.")
        for section, fields in BY_NAME[use_case].document().items():
            document[section] |= fields
    for name, text in options.items():
        if text is None or name in ("use_case", "search"):
            continue
        option = name.replace("_", "-")
        if name in _AXES:
            section, read = _AXES[name]
            parts = [part.strip() for part in text.split(",")]
            document[section][name] = [read(option, part) for part in parts]
        else:
            section, read = _SINGLES[name]
            document[section][name] = read(option, text)
    if options.get("search") is not None:
        document["search"]["enabled"] = options["search"] == "on"
    if models:
        document["models"]["paths"] = models
    try:
        return Plan.from_document(document)
    except UnusableArguments as error:
        raise UnusableArguments(_in_options_words(error.sentence)) from None


def _in_options_words(sentence: str) -> str:
    """The field names of a plan's errors as the options that set them."""
    for name, (section, _) in (_AXES | _SINGLES).items():
        sentence = sentence.replace(f"{section}.{name}:", f"--{name.replace('_', '-')}:")
    for name, (section, _) in (_AXES | _SINGLES).items():
        sentence = sentence.replace(f"{section}.{name} ", f"--{name.replace('_', '-')} ")
    return sentence.replace("models.paths:", "MODEL:").removeprefix("load: ")
