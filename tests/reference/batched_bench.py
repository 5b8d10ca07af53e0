"""llama.cpp's own batched-bench, run on the installed library."""

import json
from pathlib import Path
from typing import NamedTuple

from tests.reference import llama_tools

TOOL = "llama-batched-bench"


class Speeds(NamedTuple):
    """Tokens a second as batched-bench defines them: S_PP = B·PP / T_PP and S_TG = B·TG / T_TG."""

    prefill: float
    decode: float


def run(tool: Path, model: Path, prompt: int, output: int, batch: int, threads: int, ctx_size: int) -> Speeds:
    """Measure one shape, in a process of its own; the first measurement of two only warms up."""
    arguments = {
        "-m": model,
        "-c": batch * ctx_size,
        "-b": 512,
        "-ub": 512,
        "-t": threads,
        "-tb": threads,
        "-npp": f"{prompt},{prompt}",
        "-ntg": output,
        "-npl": batch,
        "--output-format": "jsonl",
    }
    done = llama_tools.run(tool, ["-kvu", *(part for pair in arguments.items() for part in pair)])
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(rows) == 2, done.stdout + done.stderr
    row = rows[-1]
    assert (row["pp"], row["tg"], row["pl"], row["n_batch"], row["n_ubatch"]) == (prompt, output, batch, 512, 512)
    # Its own quotients are rounded to six digits, its seconds to microseconds: either will do.
    return Speeds(batch * prompt / row["t_pp"], batch * output / row["t_tg"])
