"""What the decode loop costs beside llama.cpp: `python tests/benchmarks/loop_overhead.py`.

First its own time a step (all but llama_decode + llama_synchronize), measured by itself over several kinds of steps; then the
time of a whole step beside that of a bare loop on the same shapes, interleaved.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from engine_runs import measure, order, ratio_text
from numpy.typing import NDArray

from profiler.child.engine_child import EngineChild
from profiler.hardware.cpu import default_threads
from profiler.models.sample import sample_model_path

BATCHES = (1, 4, 16, 32)
PROMPT = 16
CHUNK = 16
Rows = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of steps: the load that brings them, and which of its steps they are."""

    name: str
    load: dict[str, Any]
    is_meant: Callable[[Rows], NDArray[np.bool_]]
    fewest_users: int = 1


KINDS = (
    Kind("even decodes", {"output": 48, "per_user": 1, "arrival": "offline"}, lambda steps: steps["prefill_tokens"] == 0),
    Kind(
        "even decodes, tokens not looked at",
        {"output": 48, "per_user": 1, "arrival": "offline", "sampling": "none"},
        lambda steps: steps["prefill_tokens"] == 0,
    ),
    Kind(
        "decodes with holes, a finish every step or two",
        {"output": "uniform:8:64", "per_user": 1, "arrival": "offline"},
        lambda steps: (steps["prefill_tokens"] == 0) & (steps["decode_tokens"] < steps["decode_tokens"].max()),
        fewest_users=4,
    ),
    Kind("closed loop, all steps", {"output": 16, "per_user": 4}, lambda steps: steps["sequences"] > 0),
    Kind(
        f"mixed: prompts in slices of {CHUNK} beside decodes",
        {"prompt": 64, "output": 24, "per_user": 3, "chunk": CHUNK},
        lambda steps: (steps["prefill_tokens"] > 0) & (steps["decode_tokens"] > 0),
        fewest_users=4,
    ),
)


def own_share(child: EngineChild, kind: Kind, users: int, rounds: int, threads: int) -> str:
    """The loop's share of such steps: median over rounds of the sums' ratio, and the mean microseconds.

    Those to pick tokens lie between the end of llama.cpp's work and the stamp: the logits are read once.
    """
    shares, own_us, drawn_us, count = [], [], [], 0
    for number in range(rounds):
        load = {"prompt": PROMPT, **kind.load}
        steps = measure(child, order(users, threads=threads, seed=number + 1, **load)).steps
        meant = steps[kind.is_meant(steps)]
        own_ns = int(meant["loop_ns"].sum())
        shares.append(own_ns / (own_ns + int(meant["decode_ns"].sum())))
        own_us.append(own_ns / len(meant) / 1e3)
        drawn_us.append(float((meant["end_ns"] - meant["start_ns"] - meant["decode_ns"]).mean()) / 1e3)
        count += len(meant)
    share, micros = statistics.median(shares), statistics.median(own_us)
    return (
        f"{share:6.2%} of {micros / share / 1e3:5.1f} ms (best {min(shares):.2%}), {micros:4.0f} µs a step, "
        f"{statistics.median(drawn_us):.0f} of them to pick tokens; n = {count} steps"
    )


def bare_ratio(child: EngineChild, bare: "subprocess.Popen[str]", users: int, rounds: int, threads: int) -> str:
    """How long a bare loop's decode step is beside ours: 1 is no difference, below 1 it is faster."""
    assert bare.stdin is not None
    assert bare.stdout is not None
    ratios = []
    for number in range(rounds):
        even = order(users, PROMPT, 200, arrival="offline", per_user=1, threads=threads, seed=number + 1)
        steps = measure(child, even).steps
        full = steps[(steps["decode_tokens"] == users) & (steps["prefill_tokens"] == 0)]
        ours = np.diff(full["end_ns"])[3:]
        wanted = {"model": str(sample_model_path()), "threads": threads, "batch": users, "prompt": PROMPT, "steps": len(ours)}
        bare.stdin.write(json.dumps(wanted) + "\n")
        bare.stdin.flush()
        theirs = json.loads(bare.stdout.readline())
        ratios.append(float(np.median(theirs) / np.median(ours)))
    return ratio_text(ratios)


def main() -> None:
    """Print the shares and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=default_threads())
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--no-bare", action="store_true", help="leave the bare loop out")
    options = parser.parse_args()
    with EngineChild() as child:
        for users in options.batches:
            for kind in KINDS:
                if users >= kind.fewest_users:
                    print(
                        f"B = {users:2}, {kind.name}: {own_share(child, kind, users, options.rounds, options.threads)}",
                        flush=True,
                    )
        if options.no_bare:
            return
        script = [sys.executable, str(Path(__file__).with_name("bare_loop.py"))]
        with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bare:
            for users in options.batches:
                ratio = bare_ratio(child, bare, users, options.rounds * 2, options.threads)
                print(f"B = {users:2}: bare step / our step = {ratio}", flush=True)
            assert bare.stdin is not None
            bare.stdin.close()


if __name__ == "__main__":
    main()
