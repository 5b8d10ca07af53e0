from dataclasses import replace

import pytest

from profiler.analysis.comparison.matching import match_cells, match_within
from tests.profiler.analysis.comparison.measured import MODEL, cell, session


def test_cells_match_by_configuration_in_the_order_of_the_base():
    a = session(cell(concurrency=1), cell(concurrency=2), cell(concurrency=4))
    b = session(cell(concurrency=4), cell(concurrency=1), cell(concurrency=8))
    found, alone = match_cells(a, b)
    assert [(match.a.configuration["concurrency"], match.b.configuration["concurrency"]) for match in found] == [(1, 1), (4, 4)]
    assert [(each.side, each.cell.configuration["concurrency"]) for each in alone] == [("a", 2), ("b", 8)]
    assert alone[0].reason == "The other session has no such cell; the nearest differs in concurrency."


def test_an_axis_that_does_not_apply_is_as_good_as_absent():
    found, _ = match_cells(session(cell(rate=None)), session(cell()))
    assert len(found) == 1


def test_ignored_axes_may_differ_and_equal_ones_go_first():
    a, b = session(cell(threads=2), cell(threads=4)), session(cell(threads=4), cell(threads=8))
    assert len(match_cells(a, b)[0]) == 1
    found, alone = match_cells(a, b, ("threads",))
    assert [(match.a.configuration["threads"], match.b.configuration["threads"]) for match in found] == [(2, 8), (4, 4)]
    assert alone == ()


def test_several_possible_partners_are_none():
    a, b = session(cell(threads=2)), session(cell(threads=4), cell(threads=8))
    found, alone = match_cells(a, b, ("threads",))
    assert found == ()
    assert {each.reason for each in alone} == {"Several cells could be its partner."}


def test_one_file_under_two_labels_is_one_model():
    """A quantization that was made and the same bytes from a folder."""
    made = cell(model=replace(MODEL, name="small"), quant="Q8_0")
    found, _ = match_cells(session(made), session(cell(model=MODEL, quant="as-is")))
    assert [match.model_note for match in found] == [""]


def test_models_of_one_name_with_other_contents_match_with_a_note():
    other = replace(MODEL, sha256="cd" * 32)
    (match,), _ = match_cells(session(cell()), session(cell(model=other)))
    assert "differ in content" in match.model_note
    (match,), _ = match_cells(session(cell()), session(cell(model=replace(MODEL, sha256=""))))
    assert "not known" in match.model_note


def test_the_same_content_goes_before_the_same_name():
    other = replace(MODEL, sha256="cd" * 32)
    (match,), (left,) = match_cells(session(cell(model=MODEL)), session(cell(model=other), cell(model=MODEL)))
    assert match.b.model.sha256 == MODEL.sha256
    assert left.side == "b"


def test_another_model_is_told_as_such():
    other = replace(MODEL, name="Large", sha256="cd" * 32)
    found, alone = match_cells(session(cell()), session(cell(model=other)))
    assert found == ()
    assert {each.reason for each in alone} == {"The other session measured another model so."}
    found, _ = match_cells(session(cell()), session(cell(model=other)), ("model",))
    assert len(found) == 1


def test_ignoring_the_quantization_matches_two():
    other = replace(MODEL, quantization="Q4_K_M", sha256="cd" * 32)
    a, b = session(cell()), session(cell(model=other, quant="Q4_K_M"))
    assert match_cells(a, b)[0] == ()
    assert len(match_cells(a, b, ("quant",))[0]) == 1


@pytest.mark.parametrize("field", [{"timeout": 3.0}, {"rate_to": 2.0}, {"time_scale": 2.0}])
def test_loads_of_another_shape_do_not_match(field):
    found, alone = match_cells(session(cell(), plan={"load": field}), session(cell(), plan={"load": {"time_scale": 1.0}}))
    assert found == ()
    assert alone[0].reason == "The load differs beside its axes."


def test_mixes_match_by_their_classes():
    def mix(users):
        return session(cell(arrival="mix"), plan={"load": {"classes": [{"name": "chat", "users": users}]}})

    assert len(match_cells(mix(2), mix(2))[0]) == 1
    assert match_cells(mix(2), mix(3))[0] == ()


def test_within_a_session_cells_pair_that_differ_on_one_axis():
    cells = [cell(quant=quant, concurrency=users) for users in (1, 2) for quant in ("Q8_0", "Q4_0", "Q2_K")]
    found = match_within(session(*cells), "quant")
    told = [
        (match.a.configuration["quant"], match.b.configuration["quant"], match.a.configuration["concurrency"]) for match in found
    ]
    assert told == [("Q8_0", "Q4_0", 1), ("Q8_0", "Q2_K", 1), ("Q8_0", "Q4_0", 2), ("Q8_0", "Q2_K", 2)]
    assert all(match.a.configuration["concurrency"] == match.b.configuration["concurrency"] for match in found)


def test_axes_that_follow_may_follow():
    found = match_within(session(cell(concurrency=1, slots=1), cell(concurrency=4, slots=4)), "concurrency")
    assert len(found) == 1
