"""The parts of a step's time in words and in the order in which they are drawn, for window and report."""

from collections.abc import Mapping

from profiler.analysis.breakdown import Breakdown, Group
from profiler.units import milliseconds_text, percent_text, significant

ORDER: tuple[Group, ...] = ("attention", "mlp", "kv_write", "output", "sampling", "input")
"""As the parts of a bar follow each other: layers first, then what comes once a step."""

NAMES: Mapping[Group, str] = {
    "attention": "attention",
    "mlp": "MLP",
    "kv_write": "KV write",
    "output": "output",
    "sampling": "sampling",
    "input": "other",
}


def step_name(each: Breakdown) -> str:
    """A step in a few words."""
    if each.kind == "prefill":
        return f"prompt of {each.tokens}"
    return "1 alone" if each.sequences == 1 else f"{each.sequences} together"


def step_lines(each: Breakdown) -> list[str]:
    """A step and each of its parts, a line each."""
    seconds, shares = each.step_seconds, each.shares
    lines = [f"{step_name(each)}: {milliseconds_text(1000 * each.step_s)} a step"]
    lines += [f"{NAMES[group]} {milliseconds_text(1000 * seconds[group])}, {percent_text(shares[group])}" for group in ORDER]
    looked = milliseconds_text(1000 * each.looked_s)
    return [*lines, f"looked at: {looked}, {significant(each.looking_ratio, 2)} times as long"]
