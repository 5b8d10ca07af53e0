"""What the decode loop costs beside llama.cpp: `python tests/benchmarks/loop_overhead.py`.

First its own time a step (all but llama_decode + llama_synchronize), measured by itself, in equal batches and with staggered
finishes; then the time of a whole step beside that of a bare loop on the same shapes, interleaved.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from engine_runs import measure, order, ratio_text

from profiler.child.engine_child import EngineChild
from profiler.hardware.cpu import default_threads
from profiler.models.sample import sample_model_path

BATCHES = (1, 4, 16, 32)
PROMPT = 16
LOADS: dict[str, dict[str, Any]] = {
    "one wave": {"output": 48, "per_user": 1, "arrival": "offline"},
    "one wave, tokens not looked at": {"output": 48, "per_user": 1, "arrival": "offline", "sampling": "none"},
    "staggered finishes": {"output": 16, "per_user": 4},
}


def own_share(child: EngineChild, users: int, rounds: int, threads: int, **load: Any) -> str:
    """The loop's share of its pure decode steps: median over rounds of the sum's ratio, and the median microseconds."""
    shares, micros = [], []
    for number in range(rounds):
        steps = measure(child, order(users, PROMPT, threads=threads, seed=number, **load)).steps
        decodes = steps[steps["prefill_tokens"] == 0]
        shares.append(float(decodes["loop_ns"].sum() / (decodes["loop_ns"].sum() + decodes["decode_ns"].sum())))
        micros.append(float(np.median(decodes["loop_ns"])) / 1e3)
    return f"{np.median(shares):.2%} of a step (best {min(shares):.2%}), {np.median(micros):.0f} µs"


def main() -> None:
    """Print the shares and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=default_threads())
    options = parser.parse_args()
    bare = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("bare_loop.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert bare.stdin is not None
    assert bare.stdout is not None
    with EngineChild() as child:
        for users in BATCHES:
            for name, load in LOADS.items():
                print(
                    f"B = {users}, {name}: own time {own_share(child, users, options.rounds, options.threads, **load)}",
                    flush=True,
                )
        for users in BATCHES:
            ratios = []
            for number in range(options.rounds * 2):
                steps = measure(
                    child, order(users, PROMPT, 200, arrival="offline", per_user=1, threads=options.threads, seed=number)
                ).steps
                full = steps[(steps["decode_tokens"] == users) & (steps["prefill_tokens"] == 0)]
                ours = np.diff(full["end_ns"])[3:]
                wanted = {"model": str(sample_model_path()), "threads": options.threads, "batch": users, "prompt": PROMPT}
                bare.stdin.write(json.dumps(wanted | {"steps": len(ours)}) + "\n")
                bare.stdin.flush()
                theirs = json.loads(bare.stdout.readline())
                ratios.append(float(np.median(theirs) / np.median(ours)))
            print(f"B = {users}: bare step / our step = {ratio_text(ratios)}", flush=True)
    bare.stdin.close()
    bare.wait()


if __name__ == "__main__":
    main()
