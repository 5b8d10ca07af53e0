from dataclasses import replace

from profiler.analysis.roofline import Phase, Roofs, Work
from profiler.exchange.findings.answer import answer
from profiler.exchange.findings.answer_reasons import limit_reasons
from profiler.exchange.findings.roofline_reading import CellWork
from profiler.exchange.findings.session_view import SessionView
from profiler.records.run_record import CellStatus
from tests.helpers.imagined_session import cell, session


def told(view: SessionView) -> dict[str, str]:
    return {reason.about: reason.sentence for reason in answer(view).reasons}


def test_it_holds_what_was_measured_and_not_the_next() -> None:
    said = told(session(cell(1, 2, 100, 60), cell(2, 4, 300, 90), cell(3, 8, 900, 120)))
    assert said["Holds"] == "4 users, not 8 (First token p95: 900 ms, over 500 ms)."
    assert said["Over a limit"] == (
        "Q8_0 · 8 users · threads 2 gives 120 ± 2 tok/s and breaks the need: First token p95: 900 ms, over 500 ms."
    )


def test_nothing_is_said_of_loads_that_were_not_measured() -> None:
    assert told(session(cell(1, 2, 100, 60), cell(2, 4, 300, 90)))["Holds"] == "4 users; more was not measured with it."
    failed = cell(3, 8, 0, 0, figures=None, checks=(), status=CellStatus.FAILED)
    assert told(session(cell(1, 2, 100, 60), failed))["Holds"] == "2 users; 8 could not be measured."
    pending = replace(failed, status=CellStatus.PENDING)
    assert told(session(cell(1, 2, 100, 60), pending))["Holds"] == "2 users; whether 8 is not known."


def test_a_need_that_is_met_again_beyond_is_no_clear_limit() -> None:
    said = told(session(cell(1, 2, 100, 60), cell(2, 4, 800, 70), cell(3, 8, 400, 90)))
    assert said["Holds"].startswith("2 users, not 4, though it meets the need at a higher load again")


def test_the_runner_up_and_by_how_much_it_lost() -> None:
    said = told(session(cell(1, 2, 100, 100), cell(2, 2, 100, 80, quant="Q4_K_M"), cell(3, 2, 100, 50, threads=1)))
    assert said["Runner-up"] == "Q4_K_M · 2 users · threads 2, 80.0 ± 2.0 tok/s: lost by 20 % less output."
    assert said["What mattered"] == "threads: 1 instead of 2 gave 50 % less output."


def test_intervals_that_overlap_tell_none_apart() -> None:
    said = told(session(cell(1, 2, 100, 100), cell(2, 2, 100, 97, quant="Q4_K_M")))
    assert said["Runner-up"].endswith("their intervals overlap: not enough data to tell them apart.")
    assert "What mattered" not in said
    bare = cell(2, 2, 100, 50, quant="Q4_K_M", intervals={})
    assert "without intervals there is not enough data" in told(session(cell(1, 2, 100, 100), bare))["Runner-up"]


def test_too_few_requests_are_not_enough_data() -> None:
    said = told(session(cell(1, 2, 100, 100, n=89)))
    assert said["Not enough data"] == "p95 is certain from 90 requests on, it has 89: give it more requests or repetitions."
    assert "Not enough data" not in told(session(cell(1, 2, 100, 100, n=90)))


def test_without_a_winner_there_are_no_reasons() -> None:
    assert answer(session(cell(1, 2, 900, 100))).reasons == ()
    assert answer(session(cell(1, 2, 900, 100))).winner_id is None
    assert answer(session(cell(7, 2, 100, 100))).winner_id == 7


def test_the_limit_is_the_roofline_s_the_longer_phase_first() -> None:
    roofs = Roofs(10.0, 1000.0)
    decode = Work(Phase.DECODE, 10, 1_000_000_000, 8e9, 0.0, 1e9)
    prefill = Work(Phase.PREFILL, 2, 2_000_000_000, 1e9, 0.0, 1.9e12)
    first, second = limit_reasons(CellWork(roofs, {Phase.DECODE: decode, Phase.PREFILL: prefill}))
    assert first.sentence.startswith("Prefill uses 95 % of the compute: more compute helps")
    assert second.sentence.startswith("Decode uses 80 % of the memory bandwidth: a smaller quantization helps")
    assert limit_reasons(None) == ()
