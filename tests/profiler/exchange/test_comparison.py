import math
from dataclasses import replace

import pytest

from profiler.analysis.comparison.result import Options
from profiler.errors import UnusableArguments
from profiler.exchange.comparison import compare, compare_sessions, compare_within, comparison_document, read_session
from profiler.hardware import session_spread
from profiler.records.run_record import CellStatus, RunStatus
from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession
from profiler.session.writer import SessionWriter

MACHINE = {"cpu": {"name": "Some CPU", "logical_cores": 2}, "engine": {"llama_cpp_python": "0.3.36"}}
SIX = (1.00, 1.01, 0.99, 1.005, 0.995, 1.0)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))


@pytest.fixture
def write(records, tmp_path):
    """Writes a session: a cell for each typical speed, from one user on, with a repetition for each factor."""

    def written(name, *speeds, factors=SIX, machine=MACHINE, plan=None, spoilt=False, disturbed=0):
        path = tmp_path / f"{name}.inferometer"
        with SessionWriter.create(path, plan=plan or {}, machine=machine, title=name) as writer:
            writer.add_model(records.model)
            run_id = 0
            for cell_id, speed in enumerate(speeds, 1):
                writer.add_cell(records.cell(cell_id))
                for block, factor in enumerate(factors, 1):
                    run_id += 1
                    run = records.run(run_id, cell_id, repetition=block, block=block)
                    writer.start_run(run)
                    is_valid = not (spoilt and block == 1)
                    flags = ("short window: it is short",) if block == 2 else ()
                    flags += ("foreign load: others took 40 %",) if block > len(factors) - disturbed else ()
                    writer.update_run(replace(run, status=RunStatus.DONE, is_valid=is_valid, flags=flags))
                    value = speed * factor * (1 if is_valid else 9)
                    writer.set_run_figures(run_id, records.figures(output_tok_s=value, ttft_ms=1e3 / value))
                writer.update_cell(records.cell(cell_id, status=CellStatus.DONE))
        return path

    return written


def test_reading_takes_valid_runs_only(write, records):
    session = read_session(write("a", 100.0, spoilt=True))
    (cell,) = session.cells
    assert [run.block for run in cell.runs] == [2, 3, 4, 5, 6]
    assert cell.left_out == 1
    assert cell.runs[0].figures == pytest.approx({"output_tok_s": 101.0, "ttft_ms.p95": 1e3 / 101})
    assert cell.flags == ("short window: it is short",)
    assert cell.model.sha256 == records.model.sha256


def test_disturbed_runs_stay_out_although_the_session_keeps_them(write):
    (cell,) = read_session(write("a", 100.0, disturbed=2)).cells
    assert [run.block for run in cell.runs] == [1, 2, 3, 4]
    assert (cell.left_out, cell.disturbed) == (2, 2)
    row = compare([write("b", 100.0), write("c", 900.0, disturbed=5)], Options()).figures[0]
    assert row.verdict == "not enough data"
    assert "has 1 undisturbed runs of this cell, 5 were disturbed" in row.reason
    assert any("foreign load" in flag for flag in row.flags)


def test_runs_that_did_not_end_or_have_no_figures_stay_out(session_file):
    """Of the known session's first cell runs 1 and 4 count; the second cell failed."""
    session = read_session(session_file)
    assert [run.figures["output_tok_s"] for run in session.cells[0].runs] == [101.0, 104.0]
    assert session.cells[1].runs == ()
    assert session.cells[1].left_out == 1


def test_the_document_has_the_keys_of_the_design(write):
    a, b = write("a", 100.0, 50.0), write("b", 150.0, machine=MACHINE | {"app_version": "9"})
    document = comparison_document(compare([a, b], Options()))
    first = document["matched"][0]
    assert first["metric"] == "output_tok_s"
    assert first["config"]["concurrency"] == 1
    assert (first["a"], first["b"], first["b_file"]) == (100.0, 150.0, str(b))
    assert first["shift_percent"] == pytest.approx(50)
    assert first["ci_low_percent"] < 50 < first["ci_high_percent"]
    assert (first["n_a"], first["n_b"]) == (6, 6)
    assert first["verdict"] == "faster"
    assert not first["exploratory"]
    assert first["session_spread_is_assumed"]
    explored = [row for row in document["matched"] if row["exploratory"]]
    # Logarithms: ln 1.5 is 0.41, and latencies are assumed to reach 2.78 · √2 · 10 % = 0.39, without the repetitions' part.
    assert [(row["metric"], row["verdict"]) for row in explored] == [("ttft_ms.p95", "faster")]
    (left,) = document["unmatched"]
    assert (left["file"], left["config"]["concurrency"]) == (str(a), 2)
    (fact,) = document["machine_differences"]
    assert (fact["fact"], fact["b"]) == ("Inferometer", "9")


def test_three_files_are_each_held_against_the_first(write):
    a, b, c = write("a", 100.0), write("b", 200.0), write("c", 50.0)
    comparison = compare([a, b, c], Options(figures=("ttft_ms.p95",)))
    told = [(row.b_name, row.figure, str(row.verdict)) for row in comparison.figures]
    assert told == [
        (str(b), "output_tok_s", "faster"),
        (str(b), "ttft_ms.p95", "faster"),
        (str(c), "output_tok_s", "slower"),
        (str(c), "ttft_ms.p95", "slower"),
    ]
    assert comparison.family_size == 2
    assert comparison.has_regression


def session(name, speed):
    runs = tuple(MeasuredRun(block, {"output_tok_s": speed * factor}) for block, factor in enumerate(SIX, 1))
    return MeasuredSession(name, name, (MeasuredCell({"concurrency": 1}, None, runs),), MACHINE)


def test_the_spread_is_learned_from_others_and_kept():
    base, other = session("2026-01-01", 100.0), session("2026-01-02", 104.0)
    first = compare_sessions([("a", (base,)), ("b", (other,))], Options()).figures[0]
    assert first.spread_a.is_assumed
    assert len(session_spread.kept(MACHINE)) == 2
    # Three more sessions that differ by 0.3 %: now a shift of 4 % is told.
    more = [session(f"2026-02-0{day}", 90.0 * (1 + day / 333)) for day in (1, 2, 3)]
    compare_sessions([(each.name, (each,)) for each in more], Options())
    again = compare_sessions([("a", (base,)), ("b", (other,))], Options()).figures[0]
    assert not again.spread_a.is_assumed
    assert again.spread_a.degrees == 2
    assert again.spread_a.log_std < 0.005
    assert again.verdict == "faster"


def test_how_two_sides_differ_teaches_nothing_about_the_spread():
    """Four kept sessions, of which two are compared: the other two alone are learned from, one degree of freedom."""
    days = [session(f"2026-01-0{day}", 100.0 * 1.5 ** (day % 2)) for day in (1, 2, 3, 4)]
    for pair in (days[:2], days[2:]):
        compare_sessions([(each.name, (each,)) for each in pair], Options())
    row = compare_sessions([("a", (days[0],)), ("b", (days[1],))], Options()).figures[0]
    assert row.spread_a.is_assumed
    assert row.verdict == "slower"


def test_a_folder_is_one_side(write, tmp_path):
    for side, speeds in (("before", (100, 101, 99, 100.5)), ("after", (130, 131, 129, 132))):
        (tmp_path / side).mkdir()
        for number, speed in enumerate(speeds):
            path = write(f"{side}{number}", float(speed))
            path.rename(tmp_path / side / path.name)
    row = compare([tmp_path / "before", tmp_path / "after"], Options()).figures[0]
    assert (row.sessions_a, row.sessions_b, row.n_a) == (4, 4, 24)
    assert row.shift.method == "rank-sum"
    assert row.shift.p_value == pytest.approx(2 / 70)
    assert row.verdict == "faster"
    (tmp_path / "none").mkdir()
    with pytest.raises(UnusableArguments, match="no session files"):
        compare([tmp_path / "before", tmp_path / "none"], Options())


def test_within_one_session_cells_are_compared(write):
    result = compare_within(write("a", 100.0, 110.0), "concurrency", Options())
    row = result.figures[0]
    assert row.verdict == "faster"
    assert row.shift_percent == pytest.approx(10)
    assert comparison_document(result)["matched"][0]["b_config"]["concurrency"] == 2
    with pytest.raises(UnusableArguments, match="no two cells"):
        compare_within(write("b", 100.0), "concurrency", Options())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(ignored=("speed",)), "no axis 'speed'"),
        (Options(figures=("ttft_ms",)), r"ttft_ms\.p50"),
        (Options(figures=("nonsense",)), "no figure 'nonsense'"),
        (Options(figures=("batch_occupancy",)), "no direction"),
        (Options(same_within_percent=0), "above 0"),
        (Options(same_within_percent=math.nan), "above 0"),
    ],
)
def test_unusable_options_are_told(write, options, told):
    a = write("a", 100.0)
    with pytest.raises(UnusableArguments, match=told):
        compare([a, a], options)


def test_one_side_is_none(write):
    with pytest.raises(UnusableArguments, match="--between"):
        compare([write("a", 1.0)], Options())
