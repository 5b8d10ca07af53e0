from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from app.pages.results.answer import answer
from app.pages.results.need_verdict import Verdict, check, overall
from app.pages.results.session_view import CellView, SessionView, machine_words
from app.pages.results_page import date_words
from profiler.plan.slo import parse_slo
from profiler.records.axis import AXES
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


def test_dates_are_as_short_as_they_can_be() -> None:
    now = datetime(2026, 11, 24, 23, 30)
    assert date_words(datetime(2026, 11, 24, 23, 1), now) == "today 23:01"
    assert date_words(datetime(2026, 3, 4, 9, 5), now) == "4 Mar 09:05"
    assert date_words(datetime(2025, 3, 4, 9, 5), now) == "4 Mar 2025 09:05"
