"""A plan's load in words: who asks, when, and how it is served."""

from collections.abc import Sequence
from pathlib import Path

from profiler.plan.cells import DEFAULT_CONCURRENCY, DEFAULT_OPEN_SLOTS
from profiler.plan.plan import Load, Plan, RequestMix
from profiler.plan.resolution import DEFAULT_OFFLINE_REQUESTS
from profiler.records.specification import OPEN_LOOP
from profiler.scheduling.open_loop import DEFAULT_DURATION_S

ARRIVAL_LABELS = {
    "closed": "Users in a loop",
    "offline": "All at once",
    "poisson": "Poisson",
    "constant": "Constant",
    "burst": "Bursts",
    "gamma": "Clumps",
    "spike": "Spike",
    "ramp": "Ramp",
    "trace": "Trace",
}
"""In the form's order."""


def listed(words: Sequence[str]) -> str:
    """Several as one says them: "1, 2 and 4"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def numbers(values: Sequence[float]) -> str:
    """Several numbers as one says them: "0.5, 2 and 8"."""
    return listed([f"{value:g}" for value in values])


def load_in_words(plan: Plan) -> str:
    """Who asks for what: "with **4 users** who ask again as soon as an answer is there"."""
    load = plan.load
    if load.classes is not None:
        return f"with {listed([class_in_words(each) for each in load.classes])}"
    told = listed([f"with {_arrival_in_words(load, arrival)}" for arrival in load.arrival])
    if not OPEN_LOOP.intersection(load.arrival):
        return told
    slots = load.slots or load.concurrency or (DEFAULT_OPEN_SLOTS,)
    return f"{told}{end_of_an_open_loop(load)}, at most **{numbers(slots).replace(' and ', ' or ')}** answered at once"


def _arrival_in_words(load: Load, arrival: str) -> str:
    counts = load.concurrency or DEFAULT_CONCURRENCY
    if arrival == "closed":
        users = "**1 user** who asks" if counts == (1,) else f"**{numbers(counts)} users** who ask"
        if not any(load.think_time):
            return f"{users} again as soon as an answer is there"
        return f"{users} again {numbers(load.think_time)} s after each answer"
    if arrival == "offline":
        requests = load.requests or DEFAULT_OFFLINE_REQUESTS
        together = numbers(load.slots or counts)
        return f"**{requests} requests** that are all there at the start, **{together}** of them decoded together"
    return _open_loop_in_words(load, arrival, numbers(load.rate or ()) if load.rate else "", max(load.turns))


def _open_loop_in_words(load: Load | RequestMix, arrival: str, rates: str, turns: int) -> str:
    if arrival == "trace":
        scale = f", {load.time_scale:g} times slower" if load.time_scale != 1 else ""
        return f"the requests of **{Path(load.trace or '').name}** replayed{scale}"
    noun = "conversation" if turns > 1 else "request"
    often = f"**{rates} {noun}{'' if rates == '1' else 's'} a second**"
    if arrival == "constant":
        return f"{often} at even gaps"
    if arrival == "ramp":
        return f"{often} rising to **{load.rate_to:g}**"
    if arrival == "spike":
        begin, end = load.spike_at or 0, (load.spike_at or 0) + (load.spike_for or 0)
        return f"{often}, **{load.rate_to:g}** from {begin:g} to {end:g} s"
    if arrival == "burst":
        on, off = (f"**{load.rate_to:g}**", often) if load.rate_to is not None else (often, "none")
        return f"{on} for {load.burst_on:g} s and {off} for {load.burst_off:g} s in turn"
    if arrival == "gamma":
        shape = load.burstiness if isinstance(load.burstiness, tuple) else (load.burstiness,)
        return f"{often} in clumps (burstiness {numbers(shape)})"
    return f"{often} at random"


def end_of_an_open_loop(load: Load) -> str:
    """When it ends; a trace by itself ends with its last row."""
    parts = [f"for {load.duration:g} s"] if load.duration is not None else []
    parts += [f"up to {load.requests} requests"] if load.requests is not None else []
    if not parts and any(arrival in OPEN_LOOP and arrival != "trace" for arrival in load.arrival):
        parts = [f"for {DEFAULT_DURATION_S:g} s"]
    return f", {' and '.join(parts)}" if parts else ""


def class_in_words(each: RequestMix, *, is_short: bool = False) -> str:
    """A class of a mix: "**4 chats** of 48 tokens", "**1 pasted document** of 2000 tokens".

    Args:
        each: the class.
        is_short: without lengths and rates, for a title.
    """
    if each.arrival == "closed":
        told = f"**{each.users} {each.name}**"
    elif each.requests is not None or each.arrival == "offline":
        told = f"**{each.requests or DEFAULT_OFFLINE_REQUESTS} {each.name}**"
    elif is_short or each.rate is None:
        told = f"**{each.name}**"
    else:
        told = f"**{each.name}**, {each.rate:g} a second,"
    return told if is_short else f"{told} of {each.prompt_tokens} tokens"


def class_arrivals_in_words(each: RequestMix) -> str:
    """When a class's requests come and what else is its own: "1 request a second at even gaps, from 4 s on"."""
    if each.arrival == "constant" and each.requests == 1:
        return f"one request, at {each.start:g} s"
    if each.arrival == "closed":
        told = [f"each asks again {f'{each.think_time:g} s after an answer' if each.think_time else 'when answered'}"]
    elif each.arrival == "offline":
        told = ["all there at once"]
    else:
        told = [_open_loop_in_words(each, each.arrival, f"{each.rate or 0:g}", each.turns)]
    told += [f"from {each.start:g} s on"] if each.start else []
    told += [f"until {each.duration:g} s"] if each.duration is not None else []
    told += [f"{each.requests} in all"] if each.requests is not None else []
    told += [f"up to {each.requests_per_user} a user"] if each.requests_per_user is not None else []
    told += [f"{each.turns} turns each"] if each.turns > 1 else []
    told += [f"{100 * each.shared_prefix:.0f} % shared"] if each.shared_prefix else []
    return ", ".join(told).replace("**", "")


def manner_in_words(plan: Plan) -> list[str]:
    """What is not as usual about the conversations and how they are served, where it has one value only."""
    load, usual = plan.load, Load()

    def changed(name: str) -> bool:
        values: tuple[object, ...] = getattr(load, name)
        return len(values) == 1 and values != getattr(usual, name)

    told = []
    if load.classes is None:
        told += [f"in conversations of **{load.turns[0]} turns**"] if changed("turns") else []
        told += [f"**{100 * load.shared_prefix[0]:.0f} %** of each prompt shared"] if changed("shared_prefix") else []
    told += ["with the **prefix cache**"] if changed("prefix_cache") else []
    if load.batching == ("static",):
        sizes = load.static_batch_size
        told.append(f"in static batches of **{sizes[0]}**" if len(sizes) == 1 else "in **static batches**")
    elif load.batching == ("sequential",):
        told.append("answered **one at a time**")
    told += ["**new prompts first**"] if changed("priority") and load.batching == ("continuous",) else []
    told += [f"at a depth of **{load.depth[0]} tokens**"] if changed("depth") else []
    told += [f"at most {load.queue_limit} waiting"] if load.queue_limit is not None else []
    told += [f"given up after {load.timeout:g} s"] if load.timeout is not None else []
    return told
