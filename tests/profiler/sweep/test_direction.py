"""Which repetitions a grid gets: all, fewer where six were enough, more where a budget is left and the answer hangs on them."""

from types import SimpleNamespace

import pytest

from profiler.plan.plan import Plan
from profiler.sweep.direction import GridDirector
from profiler.sweep.stopping import CellEvidence


def figures(speed, ttft=500.0):
    return {"output_tok_s": speed, "ttft_ms": {"p95": ttft, "n": 40}}


class Bench:
    """Runs end with the figures that a cell's list holds, one after another."""

    def __init__(self, cells, **trust):
        need = {"slo": trust.pop("slo", "")}
        self.cells = cells
        self.runs = {cell: [] for cell in cells}
        self.told = []
        self.plan = Plan.from_document({"trust": trust, "need": need})
        self.director = GridDirector(self.plan, list(cells), self, self.tell)

    def evidence(self, cell_id):
        return CellEvidence(self.runs[cell_id], [{} for _ in self.runs[cell_id]])

    def tell(self, kind, sentence, cell_id=None, data=None):
        self.told.append((kind, sentence))

    def carry_out(self, seconds_left=None, run_seconds=1.0):
        """The planned runs in their order; what a cell does not need any more is left out, as the runner does."""
        done = []
        dropped = set()
        while more := self.director.more(seconds_left, run_seconds):
            for run in more:
                if run.cell_id in dropped:
                    continue
                values = self.cells[run.cell_id]
                ended = values[len(self.runs[run.cell_id]) % len(values)]
                if ended is not None:
                    self.runs[run.cell_id].append(ended)
                done.append(run)
                dropped |= set(self.director.ended(run, SimpleNamespace(figures=ended), was_skipped=False))
                if seconds_left is not None:
                    seconds_left -= run_seconds
            dropped = set()
        return done


STEADY = [figures(100.0), figures(100.4), figures(99.6)]
WILD = [figures(100.0), figures(140.0), figures(80.0), figures(120.0)]


def test_without_a_budget_every_cell_runs_as_often_as_the_plan_says():
    bench = Bench({1: WILD, 2: STEADY}, repetitions=4)
    assert bench.director.expected() == 8
    done = bench.carry_out()
    assert sorted(run.cell_id for run in done) == [1] * 4 + [2] * 4
    assert bench.director.expected() == 0
    assert bench.told == []


def test_a_cell_that_is_known_well_enough_stops_at_six():
    done = Bench({1: WILD, 2: STEADY}, repetitions=10).carry_out()
    counts = {cell: sum(run.cell_id == cell for run in done) for cell in (1, 2)}
    assert counts == {1: 10, 2: 6}


def test_a_budget_goes_to_the_cells_on_which_the_answer_hangs():
    """Cell 3 is far behind, cell 2 steady; cell 1 is wild and may be the best."""
    bench = Bench({1: WILD, 2: STEADY, 3: [figures(10.0), figures(10.5), figures(9.6)]}, repetitions=3, budget=600)
    done = bench.carry_out(seconds_left=600.0)
    counts = {cell: sum(run.cell_id == cell for run in done) for cell in (1, 2, 3)}
    assert counts[1] == 30, "the most that a cell may get"
    assert counts[3] <= 4
    assert bench.told[0] == ("more repetitions", bench.told[0][1])
    assert [run.repetition for run in done if run.cell_id == 1] == list(range(1, 31))
    assert len({(run.cell_id, run.block) for run in done}) == len(done), "a block holds each cell once"


def test_most_repetitions_and_the_budget_bound_it():
    assert len(Bench({1: WILD, 2: WILD}, repetitions=2, budget=600, most_repetitions=5).carry_out(seconds_left=600.0)) == 10
    assert len(Bench({1: WILD, 2: WILD}, repetitions=2, budget=7).carry_out(seconds_left=7.0)) <= 8


def test_an_open_limit_is_looked_into_first():
    """Cell 1's first token lies right at its limit, cell 2's far below."""
    at_limit = [figures(50.0, 990.0), figures(50.0, 1020.0), figures(50.0, 1000.0), figures(50.0, 985.0)]
    bench = Bench(
        {1: at_limit, 2: [figures(100.0, 100.0), figures(100.4, 101.0)]}, repetitions=2, budget=600, slo="ttft_ms.p95<=1000"
    )
    bench.director.more(600.0, 1.0)
    for cell in (1, 2):
        bench.runs[cell] = bench.cells[cell][:2]
    assert 1 in {run.cell_id for run in bench.director.more(600.0, 1.0)}


@pytest.mark.parametrize("was_skipped", [True, False])
def test_a_cell_that_failed_or_was_skipped_gets_no_more(was_skipped):
    bench = Bench({1: WILD, 2: WILD, 3: WILD}, repetitions=2, budget=600, most_repetitions=4)
    for run in bench.director.more(600.0, 1.0):
        is_bad = run.cell_id == 1 and run.repetition == 2
        ended = None if is_bad else figures(100.0 + 10 * run.repetition)
        if ended is not None:
            bench.runs[run.cell_id].append(ended)
        bench.director.ended(run, SimpleNamespace(figures=ended), was_skipped=was_skipped and is_bad)
    assert {run.cell_id for run in bench.director.more(600.0, 1.0)} == {2, 3}
