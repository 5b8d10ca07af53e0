"""A search as the runner carries it out, its repetitions answered by a made-up machine."""

import math
from types import SimpleNamespace

import pytest

from profiler.plan.slo import parse_slo
from profiler.records.run_record import RunPurpose, RunStatus
from profiler.sweep.search.director import SearchDirector, look_of
from profiler.sweep.search.problem import Arm, Problem

SLO = parse_slo("ttft_ms.p95<=1000,tpot_ms.p95<=80")


def figures(speed=100.0, ttft=500.0, tpot=20.0, gaps=10):
    return {
        "output_tok_s": speed,
        "ttft_ms": {"p95": ttft, "mean": ttft, "n": 4},
        "tpot_ms": {"p95": tpot, "n": gaps},
        "e2e_ms": {"mean": (ttft or 0) + 16 * (tpot or 0), "n": 4},
    }


class Bench:
    """Cells numbered as they are asked for; each run's figures come from `speed` and `ttft` by arm and users."""

    def __init__(self, names, speed, ttft, ladder=range(1, 9), slo=SLO, confirm=3):
        self.speed, self.ttft = speed, ttft
        self.cells, self.forgotten, self.told, self.runs = {}, [], [], []
        self.problem = Problem(
            tuple(Arm(number, name) for number, name in enumerate(names)), tuple(map(float, ladder)), "concurrency", slo
        )
        self.director = SearchDirector(
            self.problem, self.cell_of, self.forgotten.append, self.tell, seed=1, confirm_repetitions=confirm
        )

    def cell_of(self, arm, place):
        return self.cells.setdefault((arm, place), len(self.cells) + 1)

    def tell(self, kind, sentence, cell_id=None, data=None):
        self.told.append((kind, sentence, cell_id, data))

    def carry_out(self, seconds_left=None, run_seconds=None, status=RunStatus.DONE):
        while runs := self.director.more(seconds_left, run_seconds):
            for run in runs:
                self.runs.append(run)
                arm, place = next(key for key, cell in self.cells.items() if cell == run.cell_id)
                users = self.problem.ladder[place]
                known = figures(self.speed(arm, users), self.ttft(arm, users)) if status is RunStatus.DONE else None
                self.director.ended(run, SimpleNamespace(run=SimpleNamespace(status=status), figures=known), was_skipped=False)
        return self

    def sentences(self, kind):
        return [sentence for each, sentence, _, _ in self.told if each == kind]


@pytest.fixture
def bench():
    return Bench(
        ["as-is", "Q8_0"], lambda arm, users: (100, 80)[arm] * users / (users + 4), lambda arm, users: users * (150, 240)[arm]
    )


def test_the_answer_names_winner_runner_up_and_evidence(bench):
    bench.carry_out()
    assert bench.sentences("search boundary")[0] == "as-is holds 6 users; whether it holds 7 users is too close to tell."
    (answer,) = bench.sentences("search answer")
    assert answer.startswith(
        "Use as-is with 6 users: 60.0 ± 0 tok/s, first token p95 900 of the 1000 ms allowed, each token p95 20.0 of the 80 ms "
        "allowed, in 3 fresh runs."
    )
    assert "Runner-up: Q8_0 with 4 users, 40.0 ± 0 tok/s; the winner gives 50.0 % more" in answer
    *_, (_, _, cell_id, data) = bench.told
    assert cell_id == data["winner_cell_id"] == bench.cells[0, 5]
    assert data["confirmed_cell_ids"] == [bench.cells[0, 5], bench.cells[1, 3]]


def test_fresh_runs_are_interleaved_and_looks_before_them_forgotten(bench):
    bench.carry_out()
    fresh = [run for run in bench.runs if run.purpose is RunPurpose.CONFIRM]
    assert {run.cell_id for run in fresh} == set(bench.forgotten) == {bench.cells[0, 5], bench.cells[1, 3]}
    blocks = {run.block for run in fresh}
    assert all(len({run.cell_id for run in fresh if run.block == block}) == 2 for block in blocks)
    assert len(blocks) == 3
    looks = [run.repetition for run in bench.runs if run.cell_id == bench.cells[0, 5]]
    assert looks == list(range(1, len(looks) + 1)), "each run of a cell has a number, and so a seed, of its own"


def test_every_step_says_why(bench):
    bench.carry_out()
    steps = bench.sentences("search step")
    assert steps[0] == "All 2 candidates with 8 users, the most allowed."
    assert steps[-1].startswith("Fresh runs, which took no part in the choice: ")
    assert all(step.endswith(".") for step in steps)


def test_nothing_that_meets_the_limits():
    bench = Bench(["as-is"], lambda arm, users: 10.0, lambda arm, users: 5000.0).carry_out()
    assert bench.sentences("search answer") == ["Nothing that was allowed meets ttft_ms.p95<=1000,tpot_ms.p95<=80."]
    assert bench.told[-1][2] is None


def test_a_machine_on_which_every_run_fails():
    bench = Bench(["as-is", "Q8_0"], lambda arm, users: 1.0, lambda arm, users: 1.0).carry_out(status=RunStatus.FAILED)
    assert bench.sentences("search answer")[0].startswith("Nothing that was allowed meets")
    assert len(bench.runs) < 20


def test_one_arm_at_one_load_has_no_rival():
    bench = Bench(["as-is"], lambda arm, users: 100.0, lambda arm, users: 100.0, ladder=[4]).carry_out()
    assert bench.sentences("search answer")[0].endswith("There was nothing else to choose from.")


def test_a_budget_that_is_nearly_used_leaves_the_fresh_runs():
    bench = Bench(["as-is", "Q8_0"], lambda arm, users: 10.0 * users, lambda arm, users: 100.0 * users)
    first = bench.director.more(100.0, None)
    for run in first:
        arm = next(key for key, cell in bench.cells.items() if cell == run.cell_id)[0]
        ended = SimpleNamespace(run=SimpleNamespace(status=RunStatus.DONE), figures=figures(80.0 + arm, 800.0))
        bench.director.ended(run, ended, was_skipped=False)
    fresh = bench.director.more(7.9, 1.0)  # six fresh runs and a look at two arms take eight
    assert {run.purpose for run in fresh} == {RunPurpose.CONFIRM}


def test_a_search_that_ends_early_claims_nothing():
    bench = Bench(["as-is", "Q8_0"], lambda arm, users: 10.0 * users, lambda arm, users: 100.0 * users)
    for run in bench.director.more(None, None):
        ended = SimpleNamespace(run=SimpleNamespace(status=RunStatus.DONE), figures=figures(80.0 + run.cell_id, 800.0))
        bench.director.ended(run, ended, was_skipped=False)
    bench.director.conclude()
    bench.director.conclude()
    (answer,) = bench.sentences("search answer")
    assert answer == (
        "The search ended before anything was confirmed by fresh runs. Q8_0 with 8 users looked best so far, in 1 of the runs "
        "that it was chosen by."
    )
    assert bench.told[-1][2] is None


def test_looks_hold_limits_as_shares_of_their_thresholds():
    assert look_of(figures(), SLO) == look_of(figures(), SLO)
    look = look_of(figures(speed=50.0, ttft=500.0, tpot=20.0), SLO)
    assert look.limits == (0.5, 0.25)
    assert look.power == pytest.approx(50.0 / 820.0)
    assert look_of(None, SLO).limits == (math.inf, math.inf)
    assert look_of(figures(ttft=None), SLO).limits[0] == math.inf, "some request never got its first token"
    assert look_of(figures(tpot=None, gaps=0), SLO).limits[1] == 0.0, "answers of one token have no gaps"
    assert look_of(figures(tpot=None, gaps=5), SLO).limits[1] == math.inf
