"""A search as the runner sees it: asks the strategy for blocks, makes their cells, and tells each step and why."""

import math
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from profiler.analysis.figure_name import figure_value
from profiler.plan.slo import Limit
from profiler.records.run_record import Figures, RunPurpose, RunStatus
from profiler.sweep.direction import Tell
from profiler.sweep.order import PlannedRun
from profiler.sweep.search.conclusion import boundary_sentence, conclusion, winner_first
from profiler.sweep.search.evidence import Evidence, Look
from profiler.sweep.search.problem import Problem
from profiler.sweep.search.strategy import Step, Strategy

if TYPE_CHECKING:
    from profiler.sweep.repetition import EndedRun

CellOf = Callable[[int, int], int | None]
"""The cell of an arm at a place of the ladder, made when there is none; None when its model cannot be had."""


class SearchDirector:
    """Turns the strategy's steps into repetitions, and what they found into its evidence."""

    def __init__(
        self,
        problem: Problem,
        cell_of: CellOf,
        forget_looks: Callable[[int], None],
        tell: Tell,
        *,
        seed: int,
        confirm_repetitions: int,
    ) -> None:
        """Args: `forget_looks` takes a cell's runs so far out of its figures, before fresh ones."""
        self._strategy = Strategy(problem, Evidence(), confirm_repetitions)
        self._cell_of, self._forget_looks, self._tell = cell_of, forget_looks, tell
        self._random = random.Random(seed)
        self._place_of: dict[int, tuple[int, int]] = {}
        self._repetitions: dict[int, int] = {}
        self._fresh: dict[tuple[int, int], dict[int, Figures]] = {}
        self._fresh_looks: dict[tuple[int, int], list[Look]] = {}
        self._block = 0
        self._told_out: set[int] = set()
        self._is_over = False

    def more(self, seconds_left: float | None, run_seconds: float | None) -> list[PlannedRun]:
        """The next block; tells what it is for."""
        self._take_fresh()
        runs: list[PlannedRun] = []
        while not runs:
            step = self._strategy.next_step(is_hurried=self._is_hurried(seconds_left, run_seconds))
            self._tell_out()
            if step is None:
                self._conclude()
                return []
            runs = self._runs(step)
            if runs:
                self._tell(
                    "search step",
                    step.sentence,
                    data={"purpose": str(step.purpose), "cells": sorted({run.cell_id for run in runs}), "runs": len(runs)},
                )
        return runs

    def ended(self, planned: PlannedRun, run: "EndedRun", *, was_skipped: bool) -> Sequence[int]:
        """Take its figures as evidence."""
        arm, place = self._place_of[planned.cell_id]
        if was_skipped:
            self._strategy.fail(arm, "skipped by you")
            return ()
        if run.run.status is RunStatus.PARTIAL:
            return ()
        evidence, figures = self._strategy.evidence, run.figures
        look = look_of(figures, self._strategy.problem.slo)
        if planned.purpose is RunPurpose.SHORT_LOOK:
            evidence.add_short(arm, planned.load_share, look.speed)
        elif planned.purpose is RunPurpose.CONFIRM:
            self._fresh_looks.setdefault((arm, place), []).append(look)
            if figures is not None:
                self._fresh.setdefault((arm, place), {})[planned.block] = figures
        else:
            evidence.add(arm, place, look)
        return ()

    def conclude(self) -> None:
        """The sweep ends, perhaps early: say what is known; nothing is told twice."""
        self._take_fresh()
        self._conclude()

    def expected(self) -> int:
        """What the strategy guesses."""
        return 0 if self._is_over else self._strategy.runs_left()

    def _is_hurried(self, seconds_left: float | None, run_seconds: float | None) -> bool:
        """Whether the budget leaves no more than the fresh runs and one block before them."""
        if seconds_left is None or run_seconds is None:
            return False
        fresh = 2 * self._strategy.confirm_repetitions
        return seconds_left < (fresh + len(self._strategy.live())) * run_seconds

    def _runs(self, step: Step) -> list[PlannedRun]:
        cells = []
        for arm, place in step.looks:
            cell_id = self._cell_of(arm, place)
            if cell_id is None:
                self._strategy.fail(arm, "its model cannot be had")
            else:
                self._place_of[cell_id] = (arm, place)
                cells.append(cell_id)
        if step.purpose is RunPurpose.CONFIRM:
            for cell_id in cells:
                self._forget_looks(cell_id)
        runs = []
        for _ in range(step.runs):
            self._block += 1
            self._random.shuffle(cells)
            for cell_id in cells:
                self._repetitions[cell_id] = repetition = self._repetitions.get(cell_id, 0) + 1
                runs.append(PlannedRun(cell_id, repetition, self._block, purpose=step.purpose, load_share=step.share))
        return runs

    def _take_fresh(self) -> None:
        for (arm, place), looks in self._fresh_looks.items():
            self._strategy.evidence.confirm(arm, place, looks)
        self._fresh_looks.clear()

    def _tell_out(self) -> None:
        for arm, reason in self._strategy.out.items():
            if arm not in self._told_out:
                self._told_out.add(arm)
                name = self._strategy.problem.arms[arm].name
                self._tell("search out", f"{name} is looked at no further: {reason}.", data={"name": name, "reason": reason})

    def _conclude(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        problem, evidence = self._strategy.problem, self._strategy.evidence
        if problem.slo:
            for arm in range(len(problem.arms)):
                if evidence.places(arm):
                    self._tell("search boundary", boundary_sentence(problem, evidence, arm))
        ranked = winner_first(self._strategy, self._fresh)
        cells = [cell_id for each in ranked for cell_id, place in self._place_of.items() if place == each]
        is_good = bool(ranked) and evidence.likely_meets(*ranked[0])
        self._tell(
            "search answer",
            conclusion(self._strategy, self._fresh),
            cells[0] if is_good else None,
            {"winner_cell_id": cells[0] if is_good else None, "confirmed_cell_ids": cells},
        )


def look_of(figures: Figures | None, slo: Sequence[Limit]) -> Look:
    """A run's figures as evidence; a run that failed breaks every limit."""
    if figures is None:
        return Look(None, tuple(math.inf for _ in slo) or (math.inf,))
    speed = figure_value(figures, "output_tok_s")
    response_ms = figure_value(figures, "e2e_ms.mean")
    power = speed / response_ms if speed is not None and response_ms else None
    return Look(speed, tuple(_of_limit(figures, limit) for limit in slo), power)


def _of_limit(figures: Figures, limit: Limit) -> float:
    """The limit's figure over its threshold; infinite when some request never got there or the queue grew without end."""
    value = figure_value(figures, f"{limit.metric}.{limit.statistic}")
    if value is not None:
        return value / limit.threshold if limit.threshold else (math.inf if value else 0.0)
    # Answers of one token have no gaps that a limit could be broken with.
    has_none = not figure_value(figures, f"{limit.metric}.n")
    return 0.0 if has_none and limit.metric in ("itl_ms", "tpot_ms") and figure_value(figures, "output_tok_s") else math.inf
