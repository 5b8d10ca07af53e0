import pytest

from profiler.exchange.findings.heatmap import heatmap, other_axes, values_on
from profiler.exchange.findings.session_view import SessionView, read_session
from profiler.records.axis import AXES, BY_NAME
from profiler.records.run_record import CellStatus
from tests.helpers.imagined_session import cell, session
from tests.helpers.written_session import write_session


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SessionView:
    return read_session(write_session(tmp_path_factory.mktemp("heat") / "chat.inferometer"))


def test_every_cell_has_its_place_and_its_own_value(view: SessionView) -> None:
    shown = heatmap(view, "output_tok_s", "concurrency", "quant", {})
    assert (shown.columns, shown.rows) == (("1", "2", "4"), ("Q8_0", "Q4_K_M"))
    assert len(shown.cells) == len(view.cells)
    by_id = {each.cell_id: each for each in view.cells}
    for place in shown.cells:
        of = by_id[place.cell_id]
        assert str(of.configuration["concurrency"]) == shown.columns[place.column]
        assert of.configuration["quant"] == shown.rows[place.row]
        assert place.value == (of.figures or {}).get("output_tok_s")
    values = [place.value for place in shown.cells if place.value is not None]
    assert {place.share for place in shown.cells if place.value in (min(values), max(values))} == {0.0, 1.0}
    assert shown.better == "more is better"


def test_what_is_doubtful_is_told(view: SessionView) -> None:
    places = {(place.row, place.column): place for place in heatmap(view, "ttft_ms.p95", "concurrency", "quant", {}).cells}
    assert (places[0, 0].text, places[0, 0].is_few, places[0, 0].is_broken) == ("(120)", True, False)
    assert (places[0, 2].text, places[0, 2].is_broken) == ("(420) ✕", True)
    failed = places[1, 2]
    assert (failed.text, failed.is_failed, failed.value, failed.share) == ("✕ failed", True, None, None)
    assert "could not allocate" in failed.words
    assert "over 250 ms" in places[0, 2].words


def test_one_value_alone_is_no_scale_of_zero_width() -> None:
    view = session(cell(1, 2, 100, 50), cell(2, 2, 100, 50, quant="Q4_K_M"))
    assert [place.share for place in heatmap(view, "output_tok_s", "concurrency", "quant", {}).cells] == [1.0, 1.0]


def test_other_axes_are_held_not_averaged() -> None:
    cells = [cell(1, 2, 100, 50), cell(2, 2, 100, 70, threads=1), cell(3, 4, 100, 60), cell(4, 4, 100, 90, threads=1)]
    view = session(*cells)
    assert [axis.name for axis in other_axes(view, "concurrency", "quant")] == ["threads"]
    assert other_axes(view, "concurrency", "threads") == ()
    held = heatmap(view, "output_tok_s", "concurrency", "quant", {"threads": 1})
    assert [place.cell_id for place in held.cells] == [2, 4]


def test_an_axis_that_goes_with_a_chosen_one_need_not_be_held() -> None:
    cells = [cell(1, 2, 100, 50), cell(2, 4, 100, 70, threads=4)]
    assert other_axes(session(*cells), "concurrency", "quant") == ()


def test_an_unstable_cell_has_no_latency_from_due() -> None:
    view = session(cell(1, 2, 100, 50, is_unstable=True), cell(2, 4, 100, 50))
    first = heatmap(view, "ttft_ms.p95", "concurrency", "quant", {}).cells[0]
    assert (first.text, first.value) == ("▲ unstable", None)
    assert heatmap(view, "output_tok_s", "concurrency", "quant", {}).cells[0].value == 50


def test_numbers_are_ordered_by_size_and_what_does_not_apply_comes_first() -> None:
    cells = [cell(1, 8, 1, 1, threads=4), cell(2, 2, 1, 1, threads=None), cell(3, 4, 1, 1, status=CellStatus.PENDING)]
    assert values_on(session(*cells), "concurrency") == (2, 4, 8)
    assert values_on(session(*cells), "threads") == (None, 2, 4)
    assert BY_NAME["threads"] in AXES
