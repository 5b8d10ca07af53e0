"""One unified KV cache against a stream each, interleaved, on loads with holes and mixed steps.

`python tests/benchmarks/kv_layout.py`
"""

import argparse

from engine_runs import measure, order, ratio_text

from profiler.child.engine_child import EngineChild

LOADS = {
    "4 users, 64 + 32 tokens": {"users": 4, "prompt": 64, "output": 32},
    "8 users, 64 + 32 tokens": {"users": 8, "prompt": 64, "output": 32, "per_user": 3},
    "8 users, prefill in chunks of 16": {"users": 8, "prompt": 64, "output": 32, "per_user": 3, "chunk": 16},
    "8 users who think, 16 + 24 tokens": {"users": 8, "prompt": 16, "output": 24, "per_user": 4, "think_time_s": 0.3},
    "4 users at depth, 700 + 32 tokens": {"users": 4, "prompt": 700, "output": 32, "per_user": 2},
}


def main() -> None:
    """Print, for each load, how much faster unified is (above 1) or slower, and the passes over the weights a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    with EngineChild() as child:
        for name, load in LOADS.items():
            ratios, passes = [], {True: [], False: []}
            for number in range(options.rounds):
                speed = {}
                for unified in (True, False) if number % 2 else (False, True):
                    done = measure(child, order(**load, unified=unified, threads=options.threads, seed=number))  # type: ignore[arg-type]
                    speed[unified] = done.tokens_per_second
                    passes[unified].append(float(done.steps["ubatches"].mean()))
                ratios.append(speed[True] / speed[False])
            told = ", ".join(
                f"{kind} {sum(passes[key]) / len(passes[key]):.2f}" for key, kind in ((True, "unified"), (False, "streams"))
            )
            print(f"{name}: unified / streams = {ratio_text(ratios)}; passes a step: {told}", flush=True)


if __name__ == "__main__":
    main()
