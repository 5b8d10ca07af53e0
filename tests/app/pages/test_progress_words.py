from dataclasses import replace
from pathlib import Path

import pytest

from app.pages.live.progress_words import ProgressWords
from profiler.plan.plan import Plan, Trust
from profiler.sweep.events import Preparing, Progress, RunEnded, RunMeasuring, RunStarted, SweepStarted
from tests.helpers.scripted_sweep import MACHINE, MODEL, figures, run_of, sweep_cells


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def words(clock: Clock) -> ProgressWords:
    return ProgressWords(Plan(trust=Trust(repetitions=6)), clock)


def started() -> SweepStarted:
    return SweepStarted(Path("a.inferometer"), MACHINE, (MODEL,), sweep_cells(), 36)


def test_preparing_tells_what_and_how_far(words: ProgressWords) -> None:
    assert (words.title, words.subtitle) == ("Preparing", "starting")
    words.follow(Preparing("making Q8_0", 0.42))
    assert (words.title, words.subtitle) == ("Preparing", "making Q8_0 · 42 %")


def test_a_run_is_placed_and_its_loading_is_timed(words: ProgressWords, clock: Clock) -> None:
    words.follow(started())
    cell = sweep_cells()[4]
    run = run_of(cell, 9, repetition=2)
    words.follow(RunStarted(run, cell))
    clock.now_s += 12
    assert words.title == "Q4_K_M · 2 users"
    assert words.subtitle == "cell 5 of 6 · run 2 of 6 · loading and warming up, 12 s"
    words.follow(RunMeasuring(run))
    assert words.subtitle == "cell 5 of 6 · run 2 of 6"
    words.follow(RunEnded(run, figures(20.0)))
    assert words.title == "Between two runs"


def test_the_time_left_runs_down_between_two_reports(words: ProgressWords, clock: Clock) -> None:
    words.follow(started())
    words.follow(Progress(3, 36, 60.0, 220.0, "running"))
    assert words.subtitle == "3 min 40 s left"
    clock.now_s += 40
    assert words.subtitle == "3 min left"
    clock.now_s += 1000
    assert words.subtitle == "nearly done"


def test_pausing_and_stopping_are_told(words: ProgressWords) -> None:
    words.follow(started())
    cell = sweep_cells()[0]
    words.follow(RunStarted(run_of(cell, 1), cell))
    words.follow(RunMeasuring(run_of(cell, 1)))
    paused = Progress(3, 36, 60.0, 220.0, "paused")
    words.follow(paused)
    assert words.is_paused
    assert words.subtitle.endswith("pauses after this run")
    words.follow(RunEnded(run_of(cell, 1), None))
    assert (words.title, words.subtitle) == ("Paused", "3 runs done")
    words.follow(replace(paused, state="stopping"))
    assert words.subtitle == "stopping, everything measured is kept"
