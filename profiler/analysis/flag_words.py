"""How several runs' flags are told together."""

from collections.abc import Iterable


def told_once(flags: Iterable[str], parts: int = 1) -> tuple[str, ...]:
    """Each kind of flag by its first sentence, with how many more differ from it only in their figures.

    Args:
        flags: each "name: sentence".
        parts: how many parts before a ": " make the kind, for flags with something put before their name.
    """
    sentences: dict[tuple[str, ...], list[str]] = {}
    for flag in dict.fromkeys(flags):
        sentences.setdefault(tuple(flag.split(": ", parts)[:parts]), []).append(flag)
    return tuple(first + (f" ({len(others)} more such)" if others else "") for first, *others in sentences.values())
