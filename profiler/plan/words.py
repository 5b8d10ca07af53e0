"""A plan as one plain sentence."""

from collections.abc import Sequence

from profiler.errors import UnusableArguments
from profiler.plan.cell_words import axis_words, value_text
from profiler.plan.ladder import ladder_of
from profiler.plan.limits import Limits
from profiler.plan.load_words import class_in_words, end_of_an_open_loop, listed, load_in_words, manner_in_words
from profiler.plan.plan import AS_IS, Plan
from profiler.plan.slo import PERCENTILES, parse_slo
from profiler.plan.use_case import BATCH, CHAT, OWN, use_case_of
from profiler.records.metric import BY_NAME as BY_METRIC
from profiler.units import duration_text

__all__ = ["in_words", "limits_in_words", "listed", "title_of"]

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_OFTEN = {1: "once", 2: "twice"}
_TOLD_APART = (
    ("load", ("slots", "burstiness", "shared_prefix", "prefixes", "turns", "prefix_cache", "batching", "static_batch_size")),
    ("load", ("static_wait_ms", "prefill_chunk", "priority", "depth", "sampling")),
    ("engine", ("threads", "threads_batch", "batch_size", "ubatch_size", "ctx_size", "n_gpu_layers")),
    ("engine", ("flash_attn", "cache_type_k", "cache_type_v", "kv_unified", "mmap", "op_offload")),
    ("engine", ("split_mode", "tensor_split", "main_gpu")),
)
_LONGEST_TITLE = 80
_VALUES = {"sequential": "one at a time"}


def in_words(plan: Plan, labels: Sequence[str]) -> str:
    """The plan as a sentence with strong words between double asterisks.

    Args:
        plan: the plan.
        labels: of its models (`plan.cells.model_labels`).
    """
    if plan.search.enabled:
        return _search_in_words(plan, labels)
    parts = [f"Measure {_models(plan, labels)} {load_in_words(plan)}{_combinations(plan)}"]
    parts.append(f"{_often(plan.trust.repetitions)} in mixed order")
    sentence = ", ".join(parts)
    if plan.trust.budget is not None:
        sentence += f", for {duration_text(plan.trust.budget)} at the most"
    purpose = _purpose(plan)
    return f"{sentence}, and see {purpose}." if purpose else f"{sentence}."


def _search_in_words(plan: Plan, labels: Sequence[str]) -> str:
    """What is looked for and between which ends, instead of what is measured."""
    try:
        axis, ladder = ladder_of(plan)
    except UnusableArguments:  # the reason stands beside the switch
        return f"Search {_models(plan, labels)} {load_in_words(plan)}{_combinations(plan)}."
    limits = limits_in_words(plan.need.slo)
    if axis == "rate":
        unit, most, knee = "requests a second", "the highest rate", "the rate from which more requests gain little"
        manner = end_of_an_open_loop(plan.load)
    else:
        unit, most, knee = "users", "the most users", "the number of users from which more gain little"
        thinks = [f"{time:g}" for time in plan.load.think_time if time]
        manner = f", each asking again {f'{listed(thinks)} s after an answer' if thinks else 'as soon as answered'}"
    if len(ladder) == 1:
        goal = f"the fastest with **{ladder[0]:g} {unit}**{manner}"
    else:
        ends = f"between **{ladder[0]:g} and {ladder[-1]:g}**{' requests a second' if axis == 'rate' else ''}"
        goal = f"{most if limits else knee}, {ends}{manner}"
    goal += f", with {listed(limits)}" if limits else ""
    budget = f", for {duration_text(plan.trust.budget)} at the most" if plan.trust.budget is not None else ""
    fresh = plan.search.confirm_repetitions
    often = "**one fresh run** each" if fresh == 1 else f"**{_number(fresh)} fresh runs** each"
    return (
        f"Search {_models(plan, labels).rstrip(',')}, for {goal}{_combinations(plan)}{budget}; then confirm the winner and the "
        f"runner-up by {often}."
    )


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


def _combinations(plan: Plan) -> str:
    """What is as it seldom is, and what is varied."""
    told = []
    for section, names in _TOLD_APART:
        for name in names:
            values = getattr(getattr(plan, section), name)
            if values is not None and len(values) > 1 and _applies(plan, name):
                told.append(f"{axis_words(name)} {listed([_VALUES.get(value) or value_text(value) for value in values])}")
    lengths = [
        f"{words} of {listed([str(count) for count in counts])} tokens"
        for words, counts in (("prompts", plan.load.prompt_tokens), ("answers", plan.load.output_tokens))
        if len(counts) > 1 and plan.load.classes is None
    ]
    over = f", over {listed([*lengths, *told])}" if lengths or told else ""
    return "".join(f", {words}" for words in manner_in_words(plan)) + over


def _applies(plan: Plan, name: str) -> bool:
    """Whether an axis of the load makes cells: what has no meaning beside the others does not."""
    load = plan.load
    if load.classes is not None and name in ("burstiness", "shared_prefix", "prefixes", "turns"):
        return False
    return {
        "burstiness": "gamma" in load.arrival,
        "prefixes": any(load.shared_prefix),
        "static_batch_size": "static" in load.batching,
        "static_wait_ms": "static" in load.batching,
        "priority": "continuous" in load.batching,
        "prefill_chunk": "continuous" in load.batching and "decode" in load.priority,
    }.get(name, True)


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


def title_of(plan: Plan) -> str:
    """A session's name where the person gave none: "4 users chatting"."""
    if plan.load.classes is not None:
        return listed([class_in_words(each, is_short=True) for each in plan.load.classes]).replace("*", "")[:_LONGEST_TITLE]
    case, users = use_case_of(plan), plan.need.users
    if case is CHAT:
        return "1 user chatting" if users == 1 else f"{users} users chatting"
    if case is OWN:
        return "My own need" if plan.need.slo or users else "Speed test"
    return case.label if case is BATCH or users in (None, 1) else f"{case.label}, {users} users"
