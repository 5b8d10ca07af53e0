"""What scheduling costs without a model: `python tests/benchmarks/scheduler_cost.py`.

A step of the batcher (submit, expire, plan, complete, release) with ever longer queues, which is to be flat; and what the prefix
cache needs to admit a request beside ever more kept prompts, all different or all with one beginning.
"""

import argparse
import gc
import statistics
from collections.abc import Callable

import numpy as np

from profiler.clock import now_ns
from profiler.scheduling.admission import Admission, Continuous, Sequential, Static
from profiler.scheduling.batcher import Batcher
from profiler.scheduling.prefix_cache import PrefixCache

QUEUED = (1, 10, 100, 1_000, 10_000)
ENTRIES = (1, 10, 100, 1_000)
POLICIES: dict[str, Admission] = {"continuous": Continuous(), "static": Static(8, 50_000_000), "sequential": Sequential()}
SLOTS = 16
PROMPT, OUTPUT = 64, 16
SHARED = 256
HOUR_NS = 3_600_000_000_000


def step_ns(admission: Admission, queued: int, steps: int) -> float:
    """Mean nanoseconds of a step while `queued` requests wait: each that gets a slot is replaced by a new one."""
    batcher = Batcher(SLOTS, 512, 64, admission=admission, timeout_ns=HOUR_NS, queue_limit=100_000)
    request = 0
    while batcher.waiting < SLOTS + queued:
        batcher.submit(request, PROMPT, OUTPUT, request)
        request += 1
    begin_ns = 0
    warmup = OUTPUT
    for number in range(warmup + steps):
        if number == warmup:
            begin_ns = now_ns()
        while batcher.waiting < queued:
            batcher.submit(request, PROMPT, OUTPUT, request)
            request += 1
        batcher.expire(request)
        plan = batcher.plan(HOUR_NS // 2)
        assert plan is not None
        result = batcher.complete(plan)
        if len(result.finished):
            batcher.release(result.finished)
    return (now_ns() - begin_ns) / steps


def admit_ns(entries: int, shared: int, admissions: int) -> float:
    """Mean nanoseconds to admit a request and let it go again, beside `entries` kept prompts with `shared` first tokens alike."""
    generator = np.random.default_rng(1)
    beginning = generator.integers(0, 50_000, shared, np.int32)

    def text() -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
        return np.concatenate((beginning, generator.integers(0, 50_000, 2 * SHARED - shared, np.int32)))

    cache = PrefixCache(1, entries, (entries + 4) * 2 * SHARED)
    for _ in range(entries):
        prompt = text()
        cache.admit(0, prompt, len(prompt))
        cache.evaluated(0, len(prompt))
        cache.retire(0, prompt)
    assert cache.entries == entries
    prompts = [text() for _ in range(admissions)]
    cache.take_operations()
    begin_ns = now_ns()
    for prompt in prompts:
        cache.admit(0, prompt, len(prompt))
        cache.drop(0)
        cache.take_operations()
    return (now_ns() - begin_ns) / admissions


def print_row(name: str, sizes: tuple[int, ...], cost_ns: Callable[[int], float], rounds: int) -> None:
    """Microseconds at each size, and the ratio to the first: medians over rounds in which all sizes take turns."""
    costs: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            costs[size].append(cost_ns(size))
    for size in sizes:
        ratio = statistics.median(cost / first for cost, first in zip(costs[size], costs[sizes[0]], strict=True))
        print(f"{name}, {size:6}: {statistics.median(costs[size]) / 1e3:7.1f} µs, × {ratio:.2f}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=2_000)
    options = parser.parse_args()
    gc.disable()  # as in the decode loop
    for name, admission in POLICIES.items():

        def cost_ns(queued: int, admission: Admission = admission) -> float:
            return step_ns(admission, queued, options.steps)

        print_row(f"a step, {name}, queued", QUEUED, cost_ns, options.rounds)
    print_row(
        "admit to the prefix cache, all different, entries", ENTRIES, lambda entries: admit_ns(entries, 0, 500), options.rounds
    )
    print_row("admit to the prefix cache, one beginning, entries", ENTRIES, lambda n: admit_ns(n, SHARED, 200), options.rounds)


if __name__ == "__main__":
    main()
