"""Runs mutants in processes of their own, each watched for its time and its memory.

python -m tests.fuzz.running TARGET NUMBER [--seed N]     makes one mutant again, keeps it, and reads it here
"""

import argparse
import contextlib
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.corpus import corpus_of
from tests.fuzz.targets import TARGETS, outcome_of, write_mutant

LONGEST_S = 5.0
MOST_BYTES = 500_000_000
"""What a refused file may cost, beside what the program itself takes."""

SEED = 20251125


@dataclass(slots=True)
class Tally:
    """What came of the mutants of one target.

    Attributes:
        outcomes: how often what.
        slowest_s: of one mutant.
        faults: of each that went wrong its number and what happened.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    faults: dict[int, str] = field(default_factory=dict)

    def line(self, target: str) -> str:
        told = ", ".join(f"{count} {what}" for what, count in sorted(self.outcomes.items()))
        return f"{target}: {sum(self.outcomes.values())} mutants, {told}; slowest {self.slowest_s:.2f} s"


def run(target: str, numbers: range, seed: int = SEED) -> Tally:
    """Read these mutants, in two processes at once."""
    tally, waiting = Tally(), [range(numbers.start + lane, numbers.stop, 2) for lane in range(2)]
    lanes = [_Lane(target, seed, each) for each in waiting]
    try:
        for lane in lanes:
            lane.start()
        while sum(lane.step(tally) for lane in lanes):  # not any(): each of them goes on
            pass
    finally:
        for lane in lanes:
            lane.close()
    return tally


class _Lane:
    """One process after another, over its share of the numbers."""

    def __init__(self, target: str, seed: int, numbers: range) -> None:
        self._target, self._seed, self._left = target, seed, numbers
        self._began_s = 0.0
        self._process: multiprocessing.process.BaseProcess | None = None
        self._ear: Connection | None = None

    def step(self, tally: Tally) -> bool:
        """Hear the next outcome, or end a process that takes too long; returns whether there is more to do."""
        if not self._left:
            return False
        if self._process is None:
            self.start()
        assert self._ear is not None
        number, began_s = self._left[0], time.monotonic()
        try:
            if self._ear.poll(self._patience_s()):
                outcome, took_s, memory_bytes = self._ear.recv()
            else:
                outcome, took_s, memory_bytes = "hang", time.monotonic() - began_s, 0
                self.close()
        except EOFError:
            assert self._process is not None
            self._process.join()
            outcome, took_s, memory_bytes = f"death with {self._process.exitcode}", time.monotonic() - began_s, 0
            self.close()
        self._left = self._left[1:]
        if outcome in ("refused", "read") and memory_bytes > MOST_BYTES:
            outcome = f"memory: {memory_bytes} bytes"
        if outcome in ("refused", "read") and took_s > LONGEST_S:
            outcome = f"slow: {took_s:.1f} s"
        kind = outcome if outcome in ("refused", "read", "hang") else outcome.split("\n")[0].split(" ")[0]
        tally.outcomes[kind] += 1
        tally.slowest_s = max(tally.slowest_s, took_s)
        if kind not in ("refused", "read"):
            tally.faults[number] = outcome
        return bool(self._left)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _patience_s(self) -> float:
        patience_s = LONGEST_S + (20.0 if self._is_new else 0.0)
        self._is_new = False
        return patience_s

    def start(self) -> None:
        """Begin a process with what is left."""
        self._is_new = True
        context = multiprocessing.get_context("spawn")
        self._ear, mouth = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(mouth, self._target, self._seed, self._left), daemon=True)
        self._process.start()
        mouth.close()


def _work(mouth: Connection, target: str, seed: int, numbers: Iterable[int]) -> None:
    """Read one mutant after another, and tell of each what came of it, how long it took and how much the memory grew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = corpus_of(target, folder / "corpus")
        most_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in numbers:
            place = folder / "mutant"
            place.mkdir()
            path = place / f"mutant{TARGETS[target].suffix}"
            write_mutant(target, corpus, seed, number, path)
            began_s = time.monotonic()
            try:
                outcome = outcome_of(TARGETS[target], path)
            except BaseException:
                outcome = f"crash\n{traceback.format_exc()}"
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            mouth.send((outcome, time.monotonic() - began_s, 1024 * (most - most_before)))
            most_before = max(most, most_before)
            shutil.rmtree(place, ignore_errors=True)


def main() -> None:
    """Make a mutant again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("number", type=int)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    path = folder / f"mutant{TARGETS[options.target].suffix}"
    write_mutant(options.target, corpus_of(options.target, folder / "corpus"), options.seed, options.number, path)
    print(path)
    with contextlib.suppress(KeyboardInterrupt):
        print(outcome_of(TARGETS[options.target], path))


if __name__ == "__main__":
    sys.exit(main())
