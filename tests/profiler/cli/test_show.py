from rich.console import Console

from profiler.analysis.model_ranking import RankedModel
from profiler.cli.main import main
from profiler.cli.show import ranking_table, summary_table
from profiler.exchange.summary import NO_FIGURES
from profiler.plan.plan import Need
from profiler.records.axis import AXES
from tests.helpers.metered_session import write_metered_session
from tests.helpers.search_session import write_search_session
from tests.helpers.written_session import PLAN, write_session


def drawn(table):
    console = Console(width=200, record=True, file=None, quiet=False, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_an_interval_as_wide_as_its_figure_takes_little_room():
    cell = {
        "config": {axis.name: None for axis in AXES},
        "status": "done",
        "runs": 2,
        "metrics": {**NO_FIGURES, "output_tok_s": 10.0, "user_tok_s": 10.0},
        "intervals": {"output_tok_s": [1.0, 91.0], "user_tok_s": [9.0, 11.0]},
    }
    text = drawn(summary_table({"cells": [cell]}))
    assert "10.0 ±>100%" in text
    assert "10.0 ± 1.0" in text


def test_the_ranking_shows_each_figure_with_its_place():
    known = RankedModel(
        1, "Small\x1b[2J", "Q8_0", 98_000_000, 101.5, 25.0, None, 1.25, {"file_bytes": 1, "output_tok_s": 2}, True
    )
    failed = RankedModel(2, "Large", "F16", 300_000_000, None, None, None, None, {"file_bytes": 2}, None)
    _, first, second = drawn(ranking_table([known, failed])).splitlines()
    assert first.split() == ["Small�[2J", "Q8_0", "98.0", "MB", "#1", "102", "#2", "25.0", "–", "1.25", "✓"]
    assert second.split() == ["Large", "F16", "300", "MB", "#2", "–", "–", "–", "–", "–"]


def test_the_answer_for_a_stated_need_stands_under_the_table(tmp_path, capsys):
    assert main(["show", str(write_session(tmp_path / "a.inferometer"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    (place,) = [number for number, line in enumerate(lines) if "✓ With 2 users, both cells meet the need." in line]
    assert max(number for number, line in enumerate(lines) if line.startswith("Q4_K_M")) < place
    told = " ".join(lines[place:])
    assert "Most output while meeting it: Q4_K_M · 2 users, 42.4 ± 3.6 tok/s." in told
    assert "Holds: 2 users; 4 could not be measured." in told
    assert "**" not in told


def test_without_a_need_there_is_no_answer_and_a_search_tells_its_own(tmp_path, capsys):
    plan = PLAN.model_copy(update={"need": Need()})
    assert main(["show", str(write_session(tmp_path / "a.inferometer", plan))]) == 0
    assert "No limit was stated" not in capsys.readouterr().out
    assert main(["show", str(write_search_session(tmp_path / "s.inferometer"))]) == 0
    out = capsys.readouterr().out
    assert "Holds:" not in out
    assert main(["show", str(write_metered_session(tmp_path / "m.inferometer"))]) == 0
    assert "meets the need" in capsys.readouterr().out
