"""What is said of the cause: named only when one thing differs, and never where no figure does."""

import pytest

from profiler.analysis.comparison.cause import causes
from profiler.analysis.comparison.comparison import compare
from profiler.analysis.comparison.result import Options, Side
from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession, ModelIdentity

MACHINE = {"cpu": {"name": "Some CPU", "physical_cores": 2}, "kernel": "6.1", "engine": {"llama_cpp_python": "0.3.36"}}
FACTORS = (1.00, 1.01, 0.99, 1.005, 0.995, 1.0)
BIG = {"cpu": {"name": "Big CPU", "physical_cores": 16, "logical_cores": 32}}


def side(name, speed=100.0, *, machine=None, plan=None, model=None, **axes):
    runs = tuple(MeasuredRun(block, {"output_tok_s": speed * factor}) for block, factor in enumerate(FACTORS, 1))
    cell = MeasuredCell({"model": "m", "concurrency": 1, "threads": 2, "threads_batch": 2} | axes, model, runs)
    return Side(name, (MeasuredSession(name, name, (cell,), MACHINE | (machine or {}), plan or {}),))


def cause(a, b, *ignored):
    (found,) = causes(compare([(a, b)], Options(ignored=ignored)))
    return found


def test_one_fact_is_the_likely_cause():
    found = cause(side("a"), side("b", 50.0, machine={"kernel": "6.8"}))
    assert found.things == ("kernel 6.1 → 6.8",)
    assert found.is_likely
    assert found.sentence == "The likely cause: kernel 6.1 → 6.8. Nothing else that is known differs."


def test_parts_of_one_thing_are_one_thing():
    found = cause(side("a"), side("b", 300.0, machine=BIG))
    assert found.things == ("processor Some CPU → Big CPU",)
    alone = cause(side("a"), side("b", 50.0, machine={"cpu": {"name": "Some CPU", "physical_cores": 4}}))
    assert alone.things == ("physical cores 2 → 4",)


def test_two_things_leave_the_cause_open():
    found = cause(side("a"), side("b", 50.0, machine={"kernel": "6.8"}, plan={"load": {"requests": 8}}))
    assert not found.is_likely
    assert found.sentence == "2 things differ, any of which may be the cause: kernel 6.1 → 6.8; requests not set → 8."


def test_an_ignored_axis_is_a_thing_and_its_follower_is_none():
    found = cause(side("a"), side("b", 50.0, threads=4, threads_batch=4), "threads", "threads_batch")
    assert found.things == ("threads 2 → 4",)
    assert found.is_likely


def test_another_model_file_is_a_thing():
    a, b = (ModelIdentity("m", quant, digest) for quant, digest in (("Q8_0", "aa"), ("Q4_0", "bb")))
    found = cause(side("a", model=a, quant="Q8_0"), side("b", 50.0, model=b, quant="Q4_0"), "quant")
    assert found.things == ("model m Q8_0 → m Q4_0",)


def test_other_limits_cause_nothing():
    found = cause(side("a"), side("b", 50.0, plan={"need": {"slo": "ttft_ms.p95<=100"}}))
    assert found.things == ()
    assert found.sentence.startswith("Nothing that is known")
    assert not found.is_likely


@pytest.mark.parametrize("speed", [100.0, 101.0])
def test_without_a_difference_no_cause_is_named(speed):
    found = cause(side("a"), side("b", speed, machine={"kernel": "6.8"}))
    assert found.things == ("kernel 6.1 → 6.8",)
    assert found.sentence == ""
