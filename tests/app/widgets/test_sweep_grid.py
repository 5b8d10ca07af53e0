from app.widgets.sweep_grid import arrange, cell_title
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


def test_titles_of_cells() -> None:
    assert cell_title({"quant": "Q4_K_M", "concurrency": 8, "threads": 2}) == "Q4_K_M · 8 users"
    assert cell_title({"quant": "Q4_K_M", "concurrency": 1, "threads": 2}, ("threads",)) == "Q4_K_M · 1 user · threads 2"
    assert cell_title({"quant": "Q8_0", "arrival": "offline", "concurrency": None}) == "Q8_0 · all at once"
    assert cell_title({"model": "Qwen3-8B", "quant": "as-is", "concurrency": 2}) == "Qwen3-8B · 2 users"
    assert cell_title({"model": "Qwen3-8B", "quant": "as-is", "concurrency": 2}, ("model",)) == "Qwen3-8B · as is · 2 users"
