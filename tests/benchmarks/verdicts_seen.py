"""What a comparison says of real sweeps: `python tests/benchmarks/verdicts_seen.py [--sessions N] [FOLDER]`.

Sweeps of one plan are made in turn for two sides, "before" and "after", between which nothing changed, and one more with half the
threads: the verdicts are to be "same" and "slower". A side is several sessions, since one says nothing of how far sessions differ
by themselves; on a machine that wanders, seven a side can be too few for "same", and the comparison then says "not enough data".
Then a run is written as a file with llama-bench's fields, which is imported and compared with another run. Takes two and a half
minutes of a machine that does nothing else.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from profiler.hardware.cpu import default_threads

_INFEROMETER = [sys.executable, "-m", "app"]
_LOAD = ("--concurrency", "1", "--prompt-tokens", "32", "--output-tokens", "32", "--requests", "16", "--repetitions", "3")


def inferometer(*arguments: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run([*_INFEROMETER, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"inferometer {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def sweep(path: Path, threads: int) -> None:
    """One session of the plan."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inferometer("run", "sample", *_LOAD, "--threads", str(threads), "-o", str(path))


def verdicts(*arguments: str) -> list[dict[str, Any]]:
    """The primary rows of a comparison, after its table was printed."""
    print(inferometer("compare", *arguments))
    rows: list[dict[str, Any]] = json.loads(inferometer("compare", *arguments, "--json"))["matched"]
    return [row for row in rows if not row["exploratory"]]


def main() -> None:
    """Make the sweeps, compare, and exit with 1 where a verdict is another one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--sessions", type=int, default=7)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="verdicts-"))
    threads = default_threads()
    for number in range(options.sessions):
        for side in ("before", "after")[:: 1 if number % 2 else -1]:  # neither side is always the first
            sweep(folder / side / f"{number}.inferometer", threads)
    sweep(folder / "fewer-threads.inferometer", max(1, threads // 2))

    print("Nothing was changed:")
    unchanged = verdicts(str(folder / "before"), str(folder / "after"))
    print(f"{max(1, threads // 2)} thread instead of {threads}:")
    fewer = verdicts(str(folder / "before"), str(folder / "fewer-threads.inferometer"), "--ignore", "threads,threads_batch")
    print("An imported llama-bench file against a run:")
    rows, imported = folder / "llama-bench.jsonl", folder / "llama-bench.inferometer"
    inferometer("export", str(folder / "after" / "0.inferometer"), "--to", "llama-bench", "-o", str(rows), "--force")
    inferometer("import", str(rows), "-o", str(imported), "--force")
    print(inferometer("compare", str(imported), str(folder / "before" / "0.inferometer")))
    found = [row["verdict"] for row in unchanged], [row["verdict"] for row in fewer]
    print(f"Verdicts: unchanged {', '.join(found[0])}; with fewer threads {', '.join(found[1])}.")
    if found != (["same"], ["slower"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
