"""What kind of load a run had, as far as its window and its figures depend on it (measurement.md §1)."""

from profiler.records.specification import OPEN_LOOP, STATIONARY, LoadSettings


def is_closed(load: LoadSettings) -> bool:
    """Whether users wait for their answers in it, alone or beside other classes."""
    return any(each.arrival == "closed" for each in load.classes)


def is_open(load: LoadSettings) -> bool:
    """Whether everything in it comes by a clock."""
    return all(each.arrival in OPEN_LOOP for each in load.classes)


def is_stationary(load: LoadSettings) -> bool:
    """Whether it is an open loop whose rate is the same at all times by design, so that it may have a steady state.

    A conversation's later turns come by its answers, and a class that begins later than another is a step in the rate.
    """
    is_steady = all(each.arrival in STATIONARY and each.turns == 1 for each in load.classes)
    return is_steady and len({each.start_s for each in load.classes}) == 1


def class_names(load: LoadSettings) -> tuple[str, ...]:
    """A name for each class, told apart: its own, or its number where it has none or shares one."""
    own = [each.name for each in load.classes]
    return tuple(
        name if name and own.count(name) == 1 else f"{name or 'class'} {number}" for number, name in enumerate(own, start=1)
    )
