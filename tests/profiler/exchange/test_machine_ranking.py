"""Who serves a need: by cells that were measured, against the need of the base, with what a watt and money buy."""

import pytest

from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.machine_ranking import Contestant, machine_ranking, ranking_document, remarks
from profiler.plan.slo import parse_slo
from profiler.records.axis import AXES, BY_NAME
from profiler.records.machine_price import MachinePrice
from profiler.records.run_record import CellStatus

SLO = "ttft_ms.p95<=500"


def cell(users, output, ttft_ms, *, tokens_per_joule=None, interval=None, doubts=()):
    figures = {
        "output_tok_s": output,
        "user_tok_s": output / users,
        "tokens_per_joule": tokens_per_joule,
        "ttft_ms": {"p95": ttft_ms, "n": 100},
    }
    configuration = {axis.name: None for axis in AXES} | {"concurrency": users, "arrival": "closed"}
    return CellView(
        users, configuration, f"{users} users", f"{users} users",
        CellStatus.DONE, "", 6, figures, {"output_tok_s": interval} if interval else {}, (), (), (), doubts=doubts,
    )  # fmt: skip


def contestant(name, *cells, slo=SLO, users=None, tmp="x"):
    plan = {"need": {"slo": slo}}
    view = SessionView(
        tmp, name, "", f"machine of {name}", "", (), plan, parse_slo(slo), users, (BY_NAME["concurrency"],), cells, 6, 0, 0
    )
    return Contestant(name, view, f"key of {name}")


def ranked(*contestants, prices=None):
    ranking = machine_ranking(contestants, prices)
    return ranking, {row.name: row for row in ranking.rows}


def test_the_fastest_cell_that_meets_the_need_of_the_base_counts():
    slow = contestant("slow", cell(1, 100.0, 100.0), cell(4, 220.0, 400.0), cell(8, 300.0, 900.0))
    fast = contestant("fast", cell(4, 400.0, 200.0), cell(8, 600.0, 490.0), slo="ttft_ms.p95<=100")
    none = contestant("none", cell(1, 900.0, 501.0), slo="")
    ranking, rows = ranked(slow, none, fast)
    assert [row.name for row in ranking.rows] == ["fast", "slow", "none"]
    assert (rows["fast"].users, rows["fast"].output_tok_s, rows["fast"].user_tok_s) == (8, 600.0, 75.0)
    assert (rows["slow"].users, rows["slow"].output_tok_s) == (4, 220.0)  # holds 4, not 8
    assert rows["none"].verdict is Verdict.BROKEN
    assert rows["none"].output_tok_s is None
    assert rows["none"].reason == "Its one measured cell does not meet the need."
    assert ranking.has_machines
    assert ranking.need == "a first token within 500 ms for 95 % of requests"


def test_the_users_of_the_need_must_have_been_measured():
    _, rows = ranked(contestant("a", cell(8, 300.0, 100.0), users=8), contestant("b", cell(4, 900.0, 100.0)))
    assert (rows["a"].verdict, rows["a"].output_tok_s) == (Verdict.MET, 300.0)
    assert rows["b"].verdict is Verdict.UNKNOWN
    assert rows["b"].reason == "No cell with 8 users or more was measured."


def test_without_a_limit_the_most_output_counts():
    ranking, rows = ranked(contestant("a", cell(1, 100.0, 9e9), slo=""), contestant("b", cell(1, 200.0, 9e9), slo=""))
    assert [row.name for row in ranking.rows] == ["b", "a"]
    assert rows["a"].verdict is None
    assert ranking.need == ""


def test_overlapping_intervals_leave_the_order_open():
    a = contestant("a", cell(1, 100.0, 1.0, interval=(95.0, 105.0)), slo="")
    b = contestant("b", cell(1, 108.0, 1.0, interval=(104.0, 112.0)), slo="")
    c = contestant("c", cell(1, 80.0, 1.0, interval=(79.0, 81.0)), slo="")
    ranking, rows = ranked(a, b, c)
    assert (rows["b"].is_close, rows["a"].is_close, rows["c"].is_close) == (False, True, False)
    assert "a may be as fast as b: their intervals overlap." in remarks(ranking)


def test_watts_and_money_where_they_are_known():
    a = contestant("a", cell(1, 100.0, 1.0, tokens_per_joule=2.5))
    b = contestant("b", cell(1, 50.0, 1.0))
    ranking, rows = ranked(a, b, prices={"key of a": MachinePrice(2000.0, "EUR")})
    assert rows["a"].tok_s_per_watt == 2.5
    assert rows["a"].tok_s_per_1000 == pytest.approx(50.0)  # 100 tok/s for 2000: 50 for each 1000
    assert rows["b"].tok_s_per_watt is None
    assert rows["b"].tok_s_per_1000 is None
    document = ranking_document(ranking)
    assert [row["rank"] for row in document["machines"]] == [1, 2]
    assert document["machines"][1]["tok_s_per_watt"] is None


def test_doubts_and_nothing_measured_are_told():
    ranking, rows = ranked(contestant("a", cell(1, 100.0, 1.0, doubts=("foreign load: x",))), contestant("b"))
    assert rows["b"].reason == "Nothing was measured."
    assert "a: ▲ foreign load in its runs." in remarks(ranking)
