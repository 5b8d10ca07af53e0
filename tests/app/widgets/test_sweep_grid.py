from app.widgets.sweep_grid import arrange
from profiler.records.axis import AXES, Configuration

BLANK: Configuration = {axis.name: None for axis in AXES}


def cells(**axes: list[object]) -> list[Configuration]:
    made: list[Configuration] = [BLANK]
    for name, values in axes.items():
        made = [{**cell, name: value} for cell in made for value in values]  # type: ignore[dict-item]
    return made


def test_users_go_across_and_quantizations_down() -> None:
    grid = arrange(cells(quant=["Q8_0", "as-is"], concurrency=[8, 1, 2]))
    assert (grid.row_title, grid.column_title) == ("Quantization", "Users")
    assert grid.rows == ("Q8_0", "as is")
    assert grid.columns == ("1", "2", "8")
    assert grid.positions == ((0, 2), (0, 0), (0, 1), (1, 2), (1, 0), (1, 1))


def test_an_axis_that_follows_from_others_is_no_row() -> None:
    configurations: list[Configuration] = [
        {**BLANK, "quant": "as-is", "concurrency": users, "slots": users, "threads": threads, "threads_batch": threads}
        for users in (1, 2)
        for threads in (1, 2)
    ]
    grid = arrange(configurations)
    assert grid.rows == ("1", "2")
    assert grid.row_title == "Threads"


def test_several_row_axes_say_what_they_are() -> None:
    grid = arrange(cells(quant=["Q8_0"], concurrency=[1, 2], threads=[1, 2], flash_attn=["on", "off"]))
    assert grid.rows[0] == "threads 1 · flash attention on"
    assert len(grid.rows) == 4
    assert len(set(grid.positions)) == 8


def test_a_single_cell_is_one_row_and_one_column() -> None:
    grid = arrange(cells(quant=["Q4_1"], concurrency=[4]))
    assert (grid.rows, grid.columns, grid.positions) == (("Q4_1",), ("4",), ((0, 0),))


def test_without_users_slots_go_across() -> None:
    grid = arrange(cells(quant=["Q4_1"], arrival=["offline"], concurrency=[None], slots=[4, 8]))
    assert (grid.column_title, grid.columns) == ("Slots", ("4", "8"))


def test_rates_go_across() -> None:
    grid = arrange(cells(arrival=["poisson"], concurrency=[8], slots=[8], batching=["static", "continuous"], rate=[8.0, 0.5]))
    assert (grid.column_title, grid.columns) == ("Rate, req/s", ("0.5", "8"))
    assert (grid.row_title, grid.rows) == ("Batching", ("static", "continuous"))
    users = arrange(cells(arrival=["closed"], concurrency=[1, 2], rate=[1.0, 2.0]))
    assert (users.column_title, users.rows) == ("Users", ("1", "2"))


def test_where_nobody_comes_back_concurrency_is_slots() -> None:
    assert arrange(cells(arrival=["offline"], concurrency=[2, 4])).column_title == "Slots"
    assert arrange(cells(arrival=["offline", "closed"], concurrency=[2, 4])).column_title == "Users or slots"
    assert arrange(cells(arrival=["closed"], concurrency=[2, 4])).column_title == "Users"


def test_lengths_that_are_no_numbers_come_behind_those_that_are() -> None:
    lengths = ["uniform:8:16", 64, 16, "normal:64:8"]
    assert arrange(cells(prompt_tokens=lengths, concurrency=[1, 2])).rows == ("16", "64", "uniform:8:16", "normal:64:8")


def test_policies_and_arrivals_by_their_names() -> None:
    policies: list[Configuration] = [
        {**BLANK, "batching": batching, "static_batch_size": size, "prefix_cache": cache, "concurrency": users}
        for batching, size in (("sequential", None), ("static", 4), ("static", 8), ("continuous", None))
        for cache in ("off", "on")
        for users in (1, 2)
    ]
    assert arrange(policies).rows[:5] == (
        "cache off · sequential",
        "cache off · static 4",
        "cache off · static 8",
        "cache off · continuous",
        "cache on · sequential",
    )
    arrivals = arrange(cells(arrival=["closed", "poisson", "gamma", "burst", "spike", "mix"], concurrency=[1, 2]))
    assert arrivals.rows == ("users in a loop", "Poisson", "clumps", "bursts", "spike", "mix")
    several = arrange(cells(turns=[1, 3], think_time=[0.0, 1.5], shared_prefix=[0.5], concurrency=[1, 2]))
    assert several.rows[-1] == "think time 1.5 s · 3 turns"


def test_a_value_that_does_not_apply_is_left_out_of_a_row() -> None:
    configurations: list[Configuration] = [
        {**BLANK, "arrival": arrival, "rate": rate, "concurrency": users}
        for arrival, rate in (("closed", None), ("poisson", 2.0), ("poisson", 4.0))
        for users in (1, 2)
    ]
    assert arrange(configurations).rows == ("users in a loop", "Poisson · rate 2 req/s", "Poisson · rate 4 req/s")
