"""A plan as one plain sentence. Pure: no widget is touched."""

from collections.abc import Sequence

from app.pages.plan.limits import Limits
from profiler.plan.cells import DEFAULT_OFFLINE_REQUESTS
from profiler.plan.plan import AS_IS, Plan
from profiler.plan.slo import PERCENTILES, parse_slo
from profiler.records.axis import BY_NAME
from profiler.records.metric import BY_NAME as BY_METRIC
from profiler.units import duration_text

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_OFTEN = {1: "once", 2: "twice"}
_TOLD_APART = (
    ("load", ("slots", "prefill_chunk", "sampling")),
    ("engine", ("threads", "threads_batch", "batch_size", "ubatch_size", "ctx_size", "n_gpu_layers")),
    ("engine", ("flash_attn", "cache_type_k", "cache_type_v", "kv_unified")),
)


def listed(words: Sequence[str]) -> str:
    """Several as one says them: "1, 2 and 4"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def in_words(plan: Plan, labels: Sequence[str]) -> str:
    """The plan as a sentence with strong words between double asterisks.

    Args:
        plan: the plan.
        labels: of its models (`plan.cells.model_labels`).
    """
    parts = [f"Measure {_models(plan, labels)} {_load(plan)}{_combinations(plan)}"]
    parts.append(f"{_often(plan.trust.repetitions)} in mixed order")
    sentence = ", ".join(parts)
    if plan.trust.budget is not None:
        sentence += f", for {duration_text(plan.trust.budget)} at the most"
    purpose = _purpose(plan)
    return f"{sentence}, and see {purpose}." if purpose else f"{sentence}."


def limits_in_words(text: str) -> list[str]:
    """Each limit of a need as a user would say it."""
    limits = Limits.from_text(text)
    others = parse_slo(limits.others)
    words = []
    if limits.first_token_ms is not None:
        whom = _whom(PERCENTILES[limits.first_token_statistic])
        words.append(f"a first token within **{_time(limits.first_token_ms)}** for {whom}")
    if limits.reading_tok_s is not None:
        words.append(f"**{limits.reading_tok_s:g} tok/s** or more for each")
    words += [
        f"{BY_METRIC[limit.metric].label.lower()} within **{_time(limit.threshold)}** for {_whom(limit.share)}"
        for limit in others
    ]
    return words


def _whom(share: float) -> str:
    return "every request" if share == 1 else f"{100 * share:.0f} % of requests"


def _time(milliseconds: float) -> str:
    """As one says it: 800 ms, 1 s, 2.5 s."""
    return f"{milliseconds:g} ms" if milliseconds < 1000 else f"{milliseconds / 1000:g} s"


def _models(plan: Plan, labels: Sequence[str]) -> str:
    names = f"**{labels[0]}**" if len(labels) == 1 else f"**{_number(len(labels))} models**"
    made = [name for name in plan.models.quant if name != AS_IS]
    if not made:
        return names
    types = f"**{listed(made)}**" if len(made) <= 3 else f"**{_number(len(made))} quantizations**"
    return f"{names}, as it is and as {types}," if AS_IS in plan.models.quant else f"{names} as {types}"


def _load(plan: Plan) -> str:
    load = plan.load
    counts = listed([str(count) for count in load.concurrency])
    if load.arrival == "offline":
        requests = load.requests or DEFAULT_OFFLINE_REQUESTS
        return f"with **{requests} requests** that are all there at the start, **{counts}** of them decoded together"
    users = "**1 user** who asks" if load.concurrency == (1,) else f"**{counts} users** who ask"
    if not any(load.think_time):
        again = "as soon as an answer is there"
    else:
        again = f"{listed([f'{seconds:g}' for seconds in load.think_time])} s after each answer"
    return f"with {users} again {again}"


def _combinations(plan: Plan) -> str:
    told = []
    for section, names in _TOLD_APART:
        for name in names:
            values = getattr(getattr(plan, section), name)
            if values is not None and len(values) > 1:
                told.append(f"{BY_NAME[name].label.lower()} {listed([str(value) for value in values])}")
    lengths = [
        f"{words} of {listed([str(count) for count in counts])} tokens"
        for words, counts in (("prompts", plan.load.prompt_tokens), ("answers", plan.load.output_tokens))
        if len(counts) > 1
    ]
    return f", over {listed([*lengths, *told])}" if lengths or told else ""


def _often(repetitions: int) -> str:
    return f"{_OFTEN.get(repetitions, f'{_number(repetitions)} times')} each"


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _purpose(plan: Plan) -> str:
    limits = limits_in_words(plan.need.slo)
    users = plan.need.users
    whom = "" if users is None else f"**{users} user{'' if users == 1 else 's'}**"
    if limits:
        return f"which serves {whom} with {listed(limits)}" if whom else f"which keeps to {listed(limits)}"
    return f"how {whom} {'is' if users == 1 else 'are'} served" if whom else ""
