"""The search on made-up machines whose answer is known, with and without noise."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.plan.slo import parse_slo
from profiler.records.run_record import RunPurpose
from profiler.sweep.search.bracket import between, bracket, doublings
from profiler.sweep.search.evidence import Evidence, Look, Verdict
from profiler.sweep.search.problem import Arm, Problem
from profiler.sweep.search.strategy import MOST_LOOKS, Strategy

SLO = parse_slo("ttft_ms.p95<=1000")


class Machine:
    """Output rises towards an arm's ceiling with users, waiting rises with them: `wait_ms(users) = slope × users`."""

    def __init__(self, ceilings, slopes, cv=0.0, seed=1, half=4.0):
        self.ceilings, self.slopes, self.cv, self.half = ceilings, slopes, cv, half
        self.random = random.Random(seed)
        self.runs = []

    def speed(self, arm, users):
        return self.ceilings[arm] * users / (users + self.half)

    def wait_ms(self, arm, users):
        return self.slopes[arm] * users

    def noise(self):
        return math.exp(self.random.gauss(0, self.cv)) if self.cv else 1.0

    def look(self, arm, users, share=1.0):
        self.runs.append((arm, users, share))
        speed = self.speed(arm, users) * self.noise()
        wait = self.wait_ms(arm, users) * self.noise()
        return Look(speed, (wait / 1000,), speed / wait)

    def best(self, ladder):
        """What a grid without noise would choose."""
        meeting = [
            (self.speed(arm, users), arm, users)
            for arm in range(len(self.ceilings))
            for users in ladder
            if self.wait_ms(arm, users) <= 1000
        ]
        return max(meeting) if meeting else None


def problem_of(machine, ladder=tuple(range(1, 17)), slo=SLO, groups=None, **known):
    arms = tuple(
        Arm(
            number if groups is None else groups[number],
            f"arm {number}",
            **{name: values[number] for name, values in known.items()},
        )
        for number in range(len(machine.ceilings))
    )
    return Problem(arms, tuple(map(float, ladder)), "concurrency", slo)


def solve(machine, problem, confirm=6):
    strategy = Strategy(problem, Evidence(), confirm)
    steps = []
    while (step := strategy.next_step()) is not None:
        steps.append(step)
        assert len(steps) < 200, "the search does not end"
        assert len(set(step.looks)) == len(step.looks)
        for arm, place in step.looks:
            users = problem.ladder[place]
            looks = [machine.look(arm, users, step.share) for _ in range(step.runs)]
            if step.purpose is RunPurpose.CONFIRM:
                strategy.evidence.confirm(arm, place, looks)
            elif step.purpose is RunPurpose.SHORT_LOOK:
                strategy.evidence.add_short(arm, step.share, looks[0].speed)
            else:
                for look in looks:
                    strategy.evidence.add(arm, place, look)
    return strategy, steps


def test_one_arm_holds_seven_users_not_eight():
    machine = Machine([100.0], [140.0])  # 7 × 140 = 980 ms
    strategy, steps = solve(machine, problem_of(machine))
    assert strategy.best_place(0) == 6
    known = bracket(strategy.problem, strategy.evidence, 0)
    assert (known.meets, known.breaks, known.has_order) == (6, 7, True)
    assert steps[0].looks == ((0, 15),)
    assert steps[-1].purpose is RunPurpose.CONFIRM
    explored = {place for step in steps[:-1] for _, place in step.looks}
    assert len(explored) <= 6  # 16, then four halvings; the boundary's two ends are among them


def test_what_meets_at_the_bound_is_not_looked_at_beyond():
    machine = Machine([100.0], [10.0])
    strategy, _ = solve(machine, problem_of(machine, ladder=range(2, 9)))
    assert strategy.best_place(0) == 6
    assert {users for _, users, _ in machine.runs} <= set(range(2, 9))


def test_nothing_meets():
    machine = Machine([100.0, 50.0], [2000.0, 3000.0])
    strategy, steps = solve(machine, problem_of(machine))
    assert strategy.ranking() == []
    assert all(step.purpose is RunPurpose.LOOK for step in steps), "there is nothing to confirm"


def test_a_slower_arm_is_dropped_before_its_boundary_is_found():
    machine = Machine([100.0, 40.0], [20.0, 200.0])
    strategy, _ = solve(machine, problem_of(machine))
    assert strategy.out[1].startswith("gives at most 3")
    assert [run for run in machine.runs if run[0] == 1] == [(1, 16.0, 1.0)]


def test_a_slower_arm_with_less_memory_or_less_loss_stays():
    for known in ({"memory_bytes": (10.0, 5.0)}, {"loss": (0.2, 0.1)}):
        machine = Machine([100.0, 40.0], [20.0, 200.0])
        strategy, _ = solve(machine, problem_of(machine, **known))
        assert strategy.out == {}
        assert bracket(strategy.problem, strategy.evidence, 1).is_closed


def test_out_of_order_limits_are_noticed_and_all_doublings_looked_at():
    class Odd(Machine):
        def wait_ms(self, arm, users):
            return 100.0 if users in (2, 16) else 2000.0 if users > 2 else 50.0

    machine = Odd([100.0], [1.0])
    problem = problem_of(machine)
    strategy = Strategy(problem, Evidence())
    for users in (16, 7):
        strategy.evidence.add(0, users - 1, machine.look(0, users))
    assert not bracket(problem, strategy.evidence, 0).has_order
    strategy, _ = solve(machine, problem)
    assert strategy.best_place(0) == 15


def test_less_output_with_more_users_is_noticed():
    class Collapsing(Machine):
        def speed(self, arm, users):
            return 100.0 if users <= 4 else 20.0

    machine = Collapsing([100.0], [100.0])
    strategy, _ = solve(machine, problem_of(machine))
    assert not bracket(strategy.problem, strategy.evidence, 0).has_order
    assert strategy.problem.ladder[strategy.best_place(0)] <= 4


def test_settings_are_halved_within_their_group():
    ceilings = [50.0 + 5 * number for number in range(8)] + [80.0]
    machine = Machine(ceilings, [50.0] * 9)
    strategy, steps = solve(machine, problem_of(machine, groups=[0] * 8 + [1]))
    short = [step for step in steps if step.purpose is RunPurpose.SHORT_LOOK]
    assert [(len(step.looks), step.share) for step in short] == [(8, 0.25), (4, 0.5)]
    assert strategy.ranking()[0][0] == 7
    assert 8 not in strategy.out or "at most" in strategy.out[8], "a group of one is not halved"


def test_the_winner_that_breaks_its_limit_afresh_is_not_the_winner():
    class Lucky(Machine):
        """The first arm at 8 users looks good until it is run afresh."""

        def look(self, arm, users, share=1.0):
            look = super().look(arm, users, share)
            count = sum(run[:2] == (0, 8.0) for run in self.runs)
            return Look(look.speed, (0.9 if arm == 0 and users == 8 and count <= MOST_LOOKS else look.limits[0],), look.power)

    machine = Lucky([100.0, 70.0], [135.0, 70.0])  # truly 7 users; the other 14
    strategy, steps = solve(machine, problem_of(machine))
    assert len([step for step in steps if step.purpose is RunPurpose.CONFIRM]) > 1
    assert strategy.problem.ladder[strategy.best_place(0)] == 7


def test_the_knee_of_a_curve_without_limits():
    """Power is output over waiting; here users / (users + 4) over users + 2: largest at √8, between 2 and 3 users."""

    class Curve(Machine):
        def wait_ms(self, arm, users):
            return users + 2.0

    machine = Curve([100.0], [1.0])
    strategy, _ = solve(machine, problem_of(machine, slo=()))
    assert strategy.problem.ladder[strategy.best_place(0)] in (2, 3, 4)


def test_a_hurried_search_only_confirms():
    machine = Machine([100.0, 90.0], [50.0, 50.0])
    strategy = Strategy(problem_of(machine), Evidence())
    assert strategy.next_step(is_hurried=True) is None
    for arm in (0, 1):
        strategy.evidence.add(arm, 15, machine.look(arm, 16))
        strategy.evidence.add(arm, 7, machine.look(arm, 8))
    step = strategy.next_step(is_hurried=True)
    assert step.purpose is RunPurpose.CONFIRM
    assert len(step.looks) == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(20, 200), st.floats(20, 1500)), min_size=1, max_size=6),
    st.integers(1, 4),
    st.integers(4, 32),
)
def test_without_noise_it_finds_what_a_grid_finds(arms, low, high):
    machine = Machine([ceiling for ceiling, _ in arms], [slope for _, slope in arms])
    ladder = range(low, high + 1)
    strategy, _ = solve(machine, problem_of(machine, ladder=ladder))
    expected = machine.best(ladder)
    ranked = strategy.ranking()
    assert bool(ranked) == (expected is not None)
    assert all(low <= users <= high for _, users, _ in machine.runs)
    if expected is not None:
        arm, place = ranked[0]
        assert machine.speed(arm, strategy.problem.ladder[place]) == pytest.approx(expected[0])


def test_with_noise_it_finds_the_best_within_five_percent_in_a_third_of_the_runs():
    """Six quantizations, 1 to 16 users in five steps, six repetitions: a grid takes 180 runs. Noise: 3 % a run."""
    shortfalls, counts = [], []
    for seed in range(40):
        draw = random.Random(1000 + seed)
        ceilings = [draw.uniform(150, 300) for _ in range(6)]
        slopes = [20000 / ceiling * draw.uniform(0.5, 1.5) for ceiling in ceilings]
        machine = Machine(ceilings, slopes, cv=0.03, seed=seed)
        strategy, _ = solve(machine, problem_of(machine))
        counts.append(len(machine.runs))
        best = max(
            (machine.speed(a, u) for a in range(6) for u in (1, 2, 4, 8, 16) if machine.wait_ms(a, u) <= 1000), default=None
        )
        ranked = strategy.ranking()
        if best is not None and ranked:
            arm, place = ranked[0]
            users = strategy.problem.ladder[place]
            met = machine.wait_ms(arm, users) <= 1000 * 1.05
            shortfalls.append(1 - machine.speed(arm, users) / best if met else 1.0)
    assert sum(shortfall <= 0.05 for shortfall in shortfalls) >= 0.95 * len(shortfalls)
    assert sum(counts) / len(counts) <= 60
    assert max(counts) <= 90


def test_places_between_halve_the_ratio_of_loads():
    machine = Machine([1.0], [1.0])
    problem = problem_of(machine)
    assert problem.ladder[between(problem, 0, 15)] == 4  # √(1 × 16)
    assert problem.ladder[between(problem, 7, 15)] == 11  # √(8 × 16) = 11.3
    assert between(problem, 6, 8) == 7
    assert between(problem, -1, 1) == 0
    assert [problem.ladder[place] for place in doublings(problem)] == [1, 2, 4, 8, 16]


def test_an_interval_over_the_threshold_is_open_and_looked_at_again_at_most_three_times():
    evidence = Evidence()
    evidence.add(0, 0, Look(100.0, (0.98,)))
    assert evidence.verdict(0, 0) is Verdict.OPEN
    assert evidence.likely_meets(0, 0)
    machine = Machine([100.0], [1000.0])
    _, steps = solve(machine, problem_of(machine, ladder=[1]))
    assert sum((0, 0) in step.looks for step in steps if step.purpose is RunPurpose.LOOK) <= MOST_LOOKS


def test_confirming_looks_replace_the_others():
    evidence = Evidence()
    evidence.add(0, 0, Look(100.0, (0.5,)))
    evidence.confirm(0, 0, [Look(50.0, (2.0,))] * 6)
    assert evidence.speed(0, 0).middle == pytest.approx(50.0)
    assert not evidence.likely_meets(0, 0)


def test_pooled_spread():
    """Two cells with two looks each, logs ±0.1 apart from their means: SS = 4 × 0.01, 2 degrees, with 4 × 0.05² in 4."""
    evidence = Evidence()
    for arm in (0, 1):
        for sign in (-1, 1):
            evidence.add(arm, 0, Look(math.exp(arm + sign * 0.1)))
    evidence.add(2, 0, Look(100.0))
    deviation = math.sqrt((4 * 0.05**2 + 4 * 0.1**2) / 6)
    estimate = evidence.speed(2, 0)
    assert estimate.high / 100.0 == pytest.approx(math.exp(1.9432 * deviation), rel=1e-4)  # t at 95 % with 6 degrees
