"""Many comparisons at once: Holm's correction (Scandinavian Journal of Statistics 6, 1979)."""

from collections.abc import Sequence

LEVEL = 0.05
"""The chance of any false difference in the whole family that is accepted."""


def holm_levels(p_values: Sequence[float], level: float = LEVEL) -> list[float]:
    """The level at which each comparison is tested, in their order: it differs when its p does not exceed it.

    The smallest p is held against level / m, the next against level / (m - 1), and so on. From the first that fails on, all are
    held against the level at which that one failed, so that none of them passes.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    levels = [0.0] * len(p_values)
    has_failed = False
    current = level
    for step, place in enumerate(order):
        if not has_failed:
            current = level / (len(order) - step)
            has_failed = p_values[place] > current
        levels[place] = current
    return levels
