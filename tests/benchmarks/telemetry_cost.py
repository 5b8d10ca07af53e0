"""What telemetry costs: runs of the sample with the sampler on and off, interleaved in fours (on off off on, then the other way).

`python tests/benchmarks/telemetry_cost.py`

Prints the ratio of the output speeds, on over off, with a 95 % interval over the fours, and the processor time of a sample by
itself, which on a busy machine tells more than the ratio: at four samples a second its share of a core bounds what it can cost.
"""

import argparse
import statistics
import threading
import time

from engine_runs import measure, order, ratio_text

from profiler import clock
from profiler.child.engine_child import EngineChild
from profiler.hardware.telemetry import DEFAULT_PERIOD_S, Telemetry

ON_THEN_OFF = (True, False, False, True)


def speed(child: EngineChild, users: int, per_user: int, threads: int | None, seed: int, *, is_on: bool) -> float:
    """Tokens a second of one run."""
    load = order(users, 64, 64, per_user=per_user, threads=threads, seed=seed)
    if not is_on:
        return measure(child, load).tokens_per_second
    telemetry = Telemetry(child.process_id)
    telemetry.start(clock.now_ns())
    try:
        return measure(child, load).tokens_per_second
    finally:
        telemetry.stop()


def sample_cost_ms(process_id: int | None, samples: int) -> float:
    """Processor time of one sample with all sources of this machine, at the usual period, so that caches go cold in between."""
    telemetry = Telemetry(process_id)
    before_s = time.process_time()
    telemetry.start(clock.now_ns())
    threading.Event().wait((samples - 0.5) * DEFAULT_PERIOD_S)
    telemetry.stop()
    return 1000 * (time.process_time() - before_s) / len(telemetry.drain().times_ns)


def main() -> None:
    """Print each four and what came out of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fours", type=int, default=6)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--per-user", type=int, default=4)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--samples", type=int, default=40)
    options = parser.parse_args()
    with EngineChild() as child:
        speed(child, options.users, 1, options.threads, 0, is_on=False)  # the model is read
        ratios = []
        for number in range(options.fours):
            speeds: dict[bool, list[float]] = {True: [], False: []}
            for first in ON_THEN_OFF:
                is_on = first == (number % 2 == 0)
                speeds[is_on].append(speed(child, options.users, options.per_user, options.threads, number, is_on=is_on))
            on, off = statistics.geometric_mean(speeds[True]), statistics.geometric_mean(speeds[False])
            ratios.append(on / off)
            print(f"on {on:7.1f} tok/s   off {off:7.1f} tok/s   ratio {on / off:.4f}", flush=True)
        cost_ms = sample_cost_ms(child.process_id, options.samples)
    print(f"on / off = {ratio_text(ratios)}")
    print(f"a sample takes {cost_ms:.2f} ms of processor time: {100 * cost_ms / 1000 / DEFAULT_PERIOD_S:.2f} % of a core")


if __name__ == "__main__":
    main()
