import pytest

from app.bridge.redraw_budget import (
    LEAST_PER_S,
    MOST_PER_S,
    MOST_PER_S_WITH_SPARE_CORES,
    RedrawBudget,
    usable_cores,
)


class Clocks:
    wall_s = 0.0
    cpu_s = 0.0


def budget_after(cores: int, threads: int, cost_s: float, period_s: float, updates: int = 6) -> RedrawBudget:
    clocks = Clocks()
    budget = RedrawBudget(cores, wall_s=lambda: clocks.wall_s, cpu_s=lambda: clocks.cpu_s)
    budget.begin(threads)
    for _ in range(updates):
        clocks.wall_s += period_s
        clocks.cpu_s += cost_s
        budget.note_update()
    return budget


def test_the_cost_is_cpu_time_over_wall_time() -> None:
    assert budget_after(2, 2, cost_s=0.004, period_s=0.5).cost_share == pytest.approx(0.008)


def test_without_spare_cores_the_rate_keeps_to_one_percent_within_bounds() -> None:
    assert budget_after(2, 2, cost_s=0.004, period_s=0.5).updates_per_s == pytest.approx(2.5)
    assert budget_after(2, 2, cost_s=0.001, period_s=0.5).updates_per_s == MOST_PER_S
    assert budget_after(2, 2, cost_s=0.2, period_s=0.5).updates_per_s == LEAST_PER_S


def test_spare_cores_allow_more() -> None:
    assert budget_after(8, 2, cost_s=0.001, period_s=0.1).updates_per_s == MOST_PER_S_WITH_SPARE_CORES
    assert budget_after(8, 8, cost_s=0.001, period_s=0.1).updates_per_s == MOST_PER_S


def test_old_costs_are_forgotten_and_a_new_run_starts_anew() -> None:
    clocks = Clocks()
    budget = RedrawBudget(2, wall_s=lambda: clocks.wall_s, cpu_s=lambda: clocks.cpu_s)
    budget.begin(2)
    assert budget.cost_share is None
    assert budget.updates_per_s == LEAST_PER_S
    clocks.wall_s, clocks.cpu_s = 0.5, 0.4
    budget.note_update()
    for _ in range(30):
        clocks.wall_s += 0.5
        budget.note_update()
    assert budget.cost_share == 0
    budget.begin(2)
    assert budget.cost_share is None


def test_this_machine_has_cores() -> None:
    assert usable_cores() >= 1
