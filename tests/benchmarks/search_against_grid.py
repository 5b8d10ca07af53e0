"""A search beside the grid that it replaces: `python tests/benchmarks/search_against_grid.py [loads|settings]`.

Both are run one after the other; then the winner of each runs again, in turn. Printed are the runs, the ratio of the times, and
the ratio of the winners' outputs: the search is to find the grid's best within 5 % in a third of its time.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine_runs import ratio_text

from profiler.analysis.figure_name import figure_value
from profiler.exchange.summary import summary_document
from profiler.plan.plan import Plan
from profiler.plan.slo import parse_slo
from profiler.records.axis import Configuration
from profiler.session.reader import SessionReader
from profiler.sweep.events import Happened, SweepEvent
from profiler.sweep.runner import Runner

SLO = "ttft_ms.p95<=1500,tpot_ms.p95<=80"
SPEED = "output_tok_s"

PLANS: dict[str, dict[str, Any]] = {
    "loads": {
        "need": {"slo": SLO},
        "models": {"quant": ["as-is", "Q8_0", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K"]},
        "load": {"concurrency": [1, 2, 4, 8, 16], "prompt_tokens": 32, "output_tokens": 16},
    },
    "settings": {
        "need": {"slo": SLO},
        "load": {"concurrency": [2, 8], "prompt_tokens": 32, "output_tokens": 16},
        "engine": {
            "threads": [1, 2],
            "ubatch_size": [32, 512],
            "flash_attn": ["on", "off"],
            "cache_type_k": ["f16", "q8_0"],
        },
    },
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sweep chose, and what it took."""

    seconds: float
    runs: int
    configuration: Configuration
    speed: float
    words: str


def sweep(document: dict[str, Any], folder: Path, name: str) -> tuple[float, Path]:
    """Run a plan; returns its seconds, without making models, and its session."""
    path = folder / f"{name}.inferometer"
    begin = 0.0

    def hear(event: SweepEvent) -> None:
        nonlocal begin
        if isinstance(event, Happened) and event.event.kind == "start":
            begin = time.perf_counter()
        if isinstance(event, Happened) and event.event.kind.startswith("search"):
            print(f"    {event.event.sentence}", flush=True)

    Runner(Plan.from_document(document), path, hear, force=True).run()
    return time.perf_counter() - begin, path


def outcome(seconds: float, path: Path) -> Outcome:
    """A search's confirmed winner, or a grid's fastest cell within the limits."""
    with SessionReader.open(path) as reader:
        document, runs = summary_document(reader), len(reader.runs())
    cells = {cell["cell_id"]: cell for cell in document["cells"]}
    search = document["search"]
    if search is not None:
        best = cells[search["winner_cell_id"]]
    else:
        best = max((cell for cell in cells.values() if meets(cell)), key=lambda cell: cell["metrics"][SPEED])
    return Outcome(seconds, runs, best["config"], best["metrics"][SPEED], search["answer"] if search else "")


def meets(cell: dict[str, Any]) -> bool:
    """Whether a cell's figures keep every limit."""
    values = [(figure_value(cell["metrics"], f"{limit.metric}.{limit.statistic}"), limit.threshold) for limit in parse_slo(SLO)]
    return all(value is not None and value <= threshold for value, threshold in values)


def alone(document: dict[str, Any], configuration: Configuration) -> dict[str, Any]:
    """The plan with nothing but one cell, once."""
    load = {**document["load"], "concurrency": [configuration["concurrency"]]}
    engine = {name: [configuration[name]] for name in document.get("engine", {})}
    models = {"quant": [configuration["quant"]]}
    return {**document, "models": models, "load": load, "engine": engine, "trust": {"repetitions": 2}}


def main() -> None:
    """Print the comparison of each plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plans", nargs="*", default=list(PLANS), help=f"of {', '.join(PLANS)}")
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    for name in options.plans:
        document = PLANS[name]
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            print(f"{name}: search", flush=True)
            found = outcome(*sweep({**document, "search": {"enabled": True}}, folder, "search"))
            print(f"{name}: grid", flush=True)
            grid = outcome(*sweep(document, folder, "grid"))
            ratios = []
            for number in range(options.rounds):
                pair = []
                for which in (found, grid) if number % 2 else (grid, found):
                    _, path = sweep(alone(document, which.configuration), folder, "alone")
                    with SessionReader.open(path) as reader:
                        pair.append((which is found, reader.cell_figures(1)[0][SPEED]))
                speeds = dict(pair)
                ratios.append(speeds[True] / speeds[False])
        varying = [*document.get("engine", {}), "quant", "concurrency"]
        for told, which in (("search", found), ("grid", grid)):
            words = " · ".join(f"{axis} {which.configuration[axis]}" for axis in varying)
            print(f"{name}: {told}: {which.runs} runs, {which.seconds:.0f} s, chose {words}: {which.speed:.1f} tok/s")
        print(f"{name}: time of the search / of the grid = {found.seconds / grid.seconds:.2f}")
        print(f"{name}: output of the search's winner / of the grid's, in turn = {ratio_text(ratios)}", flush=True)


if __name__ == "__main__":
    main()
