from dataclasses import replace
from pathlib import Path

import pytest

from profiler.exchange.findings.answer import answer, output_words
from profiler.exchange.findings.need_verdict import Verdict, check, overall
from profiler.exchange.findings.policy_comparison import compared_cells
from profiler.exchange.findings.session_view import CellView, SessionView, machine_words
from profiler.plan.slo import parse_slo
from profiler.records.axis import AXES, BY_NAME, AxisValue
from profiler.records.run_record import CellStatus, Figures

NEED = "ttft_ms.p95<=1000,tpot_ms.p95<=50"


def figures(ttft: float | None, tpot: float | None, output: float, n: int = 100) -> Figures:
    return {
        "ttft_ms": {"p95": ttft, "n": n},
        "tpot_ms": {"p95": tpot, "n": n},
        "output_tok_s": output,
        "user_tok_s": 20.0,
    }


def cell(number: int, users: int, values: Figures | None, slo: str = NEED, **changes: object) -> CellView:
    configuration = {**{axis.name: None for axis in AXES}, "quant": f"Q{number}", "arrival": "closed", "concurrency": users}
    title = f"Q{number} · {users} users"
    made = CellView(
        number,
        configuration,
        title,
        title,
        CellStatus.DONE if values else CellStatus.FAILED,
        "" if values else "It broke.",
        3 if values else 0,
        values,
        {},
        (),
        (),
        check(values, parse_slo(slo)) if values else (),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def session(*cells: CellView, slo: str = NEED, users: int | None = None) -> SessionView:
    return SessionView(
        Path("a.inferometer"), "A", "", "", "", (), {"need": {"slo": slo}}, parse_slo(slo), users, (), tuple(cells), 9, 0, 0
    )


def test_a_limit_is_held_against_the_stored_percentile() -> None:
    verdicts = [overall(check(figures(*values), parse_slo(NEED))) for values in ((1000, 50, 1), (1000.1, 50, 1), (900, 51, 1))]
    assert verdicts == [Verdict.MET, Verdict.BROKEN, Verdict.BROKEN]
    assert overall(check(figures(1, 1, 1), ())) is None
    (first, _) = check(figures(690.0, 20.0, 1, n=40), parse_slo(NEED))
    assert (first.sentence, first.is_stated) == ("First token p95: 690 ms, within 1000 ms", False)


def test_a_percentile_that_falls_on_a_lost_request_breaks_its_limit() -> None:
    (first, _) = check(figures(None, 20.0, 1), parse_slo(NEED))
    assert first.verdict is Verdict.BROKEN
    (first, _) = check({**figures(None, 20.0, 1), "ttft_ms": {"p95": None, "n": 0}}, parse_slo(NEED))
    assert first.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("view", "tone", "words"),
    [
        (
            session(
                cell(1, 4, figures(700, 20, 185)), cell(2, 4, figures(1240, 38, 217)), cell(3, 8, figures(800, 49, 199)), users=4
            ),
            "met",
            "**With 4 users, 1 of the two cells meets the need.** Of all 3 cells, 2 meet the need. "
            "Most output while meeting it: **Q3 · 8 users**, 199 tok/s.",
        ),
        (
            session(cell(1, 4, figures(700, 20, 185)), users=4),
            "met",
            "**With 4 users the measured cell meets the need.** Most output while meeting it: **Q1 · 4 users**, 185 tok/s.",
        ),
        (
            session(cell(1, 2, figures(700, 20, 185)), users=4),
            "broken",
            "**No cell with 4 users was measured.** The one measured cell meets the need. "
            "Most output while meeting it: **Q1 · 2 users**, 185 tok/s.",
        ),
        (
            session(cell(1, 2, figures(1700, 20, 185)), cell(2, 4, figures(1700, 20, 185))),
            "broken",
            "**None of the 2 measured cells meets the need.**",
        ),
        (
            session(cell(1, 2, figures(700, 20, 185)), cell(2, 4, figures(700, 20, 217))),
            "met",
            "**Both measured cells meet the need.** Most output while meeting it: **Q2 · 4 users**, 217 tok/s.",
        ),
        (
            session(cell(1, 2, figures(1, 1, 185), slo=""), cell(2, 4, figures(1, 1, 217), slo=""), slo=""),
            "muted",
            "**No limit was stated.** The most output: **Q2 · 4 users**, 217 tok/s.",
        ),
        (session(cell(1, 2, None)), "broken", "**No cell could be measured.** It broke."),
        (session(), "muted", "Nothing has been measured yet."),
    ],
)
def test_the_answer_claims_what_was_measured(view: SessionView, tone: str, words: str) -> None:
    said = answer(view)
    assert (said.tone, said.statement) == (tone, words)


def test_remarks_tell_what_weakens_the_answer() -> None:
    wide = cell(1, 4, figures(700, 20, 200, n=40), intervals={"output_tok_s": (180.0, 220.0)}, flags=("busy: 31 %",))
    narrow = cell(2, 4, figures(700, 20, 100), intervals={"output_tok_s": (99.0, 101.0)})
    view = replace(session(wide, narrow, cell(3, 4, None)), runs_left_out=1, notice="From a newer version.")
    told = {remark.sentence: remark.tone for remark in answer(view).remarks}
    assert told == {
        "From a newer version.": "caution",
        "1 cell failed": "broken",
        "3 repetitions, output ± 1.0 to 10 %": "caution",
        "p95 takes 90 requests, the cells have 40 to 100: greyed": "caution",
        "1 run was disturbed and left out": "caution",
        "flags: busy in 1 cell": "caution",
    }
    quiet = answer(session(replace(narrow, runs=6)))
    assert [(remark.sentence, remark.tone) for remark in quiet.remarks] == [("6 repetitions, output ± 1.0 %", "met")]
    one_run = answer(session(cell(1, 4, figures(700, 20, 200), runs=1)))
    assert one_run.remarks[0].sentence == "1 repetition: no intervals"


def test_a_machine_in_a_line_whatever_the_file_holds() -> None:
    machine = {
        "cpu": {"name": "Intel(R)  Core(TM) i9", "physical_cores": 8},
        "memory": {"total_bytes": 24_000_000_000},
        "devices": [{"kind": "gpu", "name": "RTX"}, {"kind": "cpu", "name": "x"}, 5],
    }
    assert machine_words(machine) == "Intel Core i9 · 8 cores · 24.0 GB · RTX"
    assert machine_words({"cpu": 5, "memory": {"total_bytes": "x"}, "devices": None}) == ""


UNSTABLE = "unstable: Requests came faster than they were served: the queue grew by 2.1 requests a second."


def open_cell(number: int, values: Figures, *, is_unstable: bool = False, **axes: AxisValue) -> CellView:
    slo = parse_slo(NEED)
    made = cell(number, 8, values, is_unstable=is_unstable, flags=(UNSTABLE,) if is_unstable else ())
    configuration = {**made.configuration, "arrival": "poisson", "slots": 8, **axes}
    return replace(made, configuration=configuration, checks=check(values, slo, is_unstable=is_unstable))


def open_session(*cells: CellView, varying: tuple[str, ...], slo: str = NEED) -> SessionView:
    return replace(session(*cells, slo=slo, users=4), varying=tuple(BY_NAME[name] for name in varying))


def test_policies_at_one_rate_stand_beside_each_other() -> None:
    view = open_session(
        open_cell(1, figures(910, 20, 50), rate=2.0, batching="static"),
        open_cell(2, figures(240, 20, 52), rate=2.0, batching="continuous"),
        varying=("batching",),
    )
    assert answer(view).statement == (
        "**Both measured cells meet the need.** "
        "**Continuous**: first token p95 240 ms at 52.0 tok/s; **static**: 910 ms at 50.0 tok/s."
    )


def test_of_several_rates_the_heaviest_that_all_kept_up_with_is_told() -> None:
    unstable = {**figures(None, 20, 60), "requests_s": 3.0}
    view = open_session(
        open_cell(1, {**figures(910, 20, 50), "requests_s": 2.0}, rate=2.0, batching="static"),
        open_cell(2, {**figures(240, 20, 52), "requests_s": 2.0}, rate=2.0, batching="continuous"),
        open_cell(3, unstable, rate=4.0, batching="static", is_unstable=True),
        open_cell(4, {**figures(700, 20, 99), "requests_s": 3.9}, rate=4.0, batching="continuous"),
        varying=("rate", "batching"),
    )
    said = answer(view)
    assert [item.cell_id for item in compared_cells(view)] == [2, 1]
    assert said.statement == (
        "**Of 4 cells, 3 meet the need.** "
        "With 2 req/s, **continuous**: first token p95 240 ms at 52.0 tok/s; **static**: 910 ms at 50.0 tok/s. "
        "Most requests while meeting it: **continuous batching at 4 req/s**, 3.90 req/s completed."
    )
    told = {remark.sentence: remark.more for remark in said.remarks}
    lighter = [replace(item, configuration={**item.configuration, "rate": 1.0}) for item in view.cells[:2]]
    assert [item.cell_id for item in compared_cells(replace(view, cells=(*lighter, *view.cells)))] == [2, 1]
    assert compared_cells(replace(view, cells=(*lighter, *view.cells)))[0].configuration["rate"] == 2.0
    title = view.cells[2].title
    assert told["1 cell is unstable: requests came faster than they were served"] == f"{title}: {UNSTABLE.partition(': ')[2]}"
    assert not any(sentence.startswith("flags") for sentence in told)


def test_an_unstable_policy_is_called_so() -> None:
    view = open_session(
        open_cell(1, figures(None, 20, 44), rate=2.0, batching="sequential", is_unstable=True),
        open_cell(2, figures(240, 20, 52), rate=2.0, batching="continuous"),
        varying=("batching",),
        slo="",
    )
    assert answer(view).statement == (
        "**No limit was stated.** **Continuous**: first token p95 240 ms at 52.0 tok/s; **sequential**: unstable at 44.0 tok/s."
    )


def test_an_unstable_cell_breaks_even_a_need_about_its_tokens() -> None:
    checks = check(figures(None, 20, 44), parse_slo("tpot_ms.p95<=50,ttft_ms.p95<=1000"), is_unstable=True)
    assert [item.verdict for item in checks] == [Verdict.MET, Verdict.BROKEN]
    assert checks[1].sentence == "First token p95: not stated, since it grew with the queue; 1000 ms allowed"
    assert overall(checks[:1], is_unstable=True) is Verdict.BROKEN
    assert overall((), is_unstable=True) is None


def test_sessions_about_other_things_compare_no_policies() -> None:
    cells = [open_cell(number, figures(240, 20, 52), batching=name) for number, name in enumerate(("static", "continuous"), 1)]
    assert compared_cells(open_session(*cells, varying=("quant", "batching"))) == ()
    assert compared_cells(open_session(*cells, varying=("rate",))) == ()
    assert compared_cells(open_session(cells[0], varying=("batching",))) == ()


def test_rates_are_told_in_requests_a_second() -> None:
    view = open_session(
        open_cell(1, {**figures(240, 20, 52), "requests_s": 2.0}, rate=2.0),
        open_cell(2, {**figures(640, 20, 99), "requests_s": 3.9}, rate=4.0),
        varying=("rate",),
    )
    assert answer(view).statement == (
        "**Both measured cells meet the need.** Most requests while meeting it: **at 4 req/s**, 3.90 req/s completed."
    )
    unstable = open_cell(3, figures(None, 20, 120), rate=8.0, is_unstable=True)
    free = replace(view, slo=(), cells=(*view.cells, unstable))
    assert answer(free).statement == "**No limit was stated.** The most output: **at 4 req/s**, 99.0 tok/s."
    assert answer(free).detail == "Each of its answers came at 20.0 tok/s."


def test_a_need_of_which_nothing_was_measured_is_not_judged() -> None:
    said = answer(session(cell(1, 4, figures(None, None, 10, n=0))))
    assert (said.tone, said.statement) == (
        "muted",
        "**Whether the need is met is not known**: no cell has what its limits are about.",
    )


def test_a_width_of_rounding_errors_is_none() -> None:
    values = {**figures(1, 1, 31.5), "output_tok_s": 31.5}
    assert output_words(cell(1, 4, values, intervals={"output_tok_s": (31.5 - 4e-14, 31.5 + 4e-14)})) == "31.5 ± 0.0 tok/s"
    assert output_words(cell(1, 4, values, intervals={"output_tok_s": (31.496, 31.504)})) == "31.5 ± 0.004 tok/s"
