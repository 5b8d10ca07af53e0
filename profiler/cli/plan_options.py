"""The options of `run` as a plan: each option's section and field, and how its text is read."""

from collections.abc import Callable, Mapping
from typing import Any

from profiler.errors import UnusableArguments
from profiler.plan.plan import Plan


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
    "concurrency": ("load", _integer),
    "slots": ("load", _integer),
    "think_time": ("load", _real),
    "prompt_tokens": ("load", _integer),
    "output_tokens": ("load", _integer),
    "sampling": ("load", _word),
    "prefill_chunk": ("load", _integer),
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
}
"""Options that take a list by commas."""

_SINGLES: dict[str, tuple[str, Reader]] = {
    "arrival": ("load", _word),
    "requests": ("load", _integer),
    "requests_per_user": ("load", _integer),
    "duration": ("load", _real),
    "mmap": ("engine", _word),
    "repetitions": ("trust", _integer),
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
    for name, text in options.items():
        if text is None:
            continue
        option = name.replace("_", "-")
        if name in _AXES:
            section, read = _AXES[name]
            parts = [part.strip() for part in text.split(",")]
            document[section][name] = [read(option, part) for part in parts]
        else:
            section, read = _SINGLES[name]
            document[section][name] = read(option, text)
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
    return sentence.replace("models.paths:", "MODEL:")
