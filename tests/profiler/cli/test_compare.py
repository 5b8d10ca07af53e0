"""The command in this process, on sessions written for it; `main` is what the program's entry calls."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from profiler.cli.main import VERBS, main
from profiler.records.run_record import CellStatus, RunStatus
from profiler.session.writer import SessionWriter

FACTORS = (1.00, 1.01, 0.99, 1.005, 0.995, 1.0)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))


@pytest.fixture
def write(records, tmp_path):
    def written(name, *speeds, threads=2, cpu="Some CPU"):
        path = tmp_path / f"{name}.inferometer"
        with SessionWriter.create(path, plan={}, machine={"cpu": {"name": cpu}}, title=name) as writer:
            writer.add_model(records.model)
            run_id = 0
            for cell_id, speed in enumerate(speeds, 1):
                cell = records.cell(cell_id)
                cell = replace(cell, configuration=cell.configuration | {"threads": threads})
                writer.add_cell(cell)
                for block, factor in enumerate(FACTORS, 1):
                    run_id += 1
                    run = records.run(run_id, cell_id, repetition=block, block=block)
                    writer.start_run(run)
                    writer.update_run(replace(run, status=RunStatus.DONE, flags=(f"short window: only {run_id} s",)))
                    writer.set_run_figures(run_id, records.figures(output_tok_s=speed * factor))
                writer.set_cell_figures(cell_id, records.figures(output_tok_s=speed), {})
                writer.update_cell(replace(cell, status=CellStatus.DONE))
        return str(path)

    return written


def test_it_is_a_verb():
    assert "compare" in VERBS


def test_one_document_on_standard_output(write, capsys):
    assert main(["compare", write("a", 100.0, 50.0), write("b", 150.0, 50.0), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(row["config"]["concurrency"], row["verdict"]) for row in document["matched"]] == [
        (1, "faster"),
        (2, "not enough data"),
    ]
    assert document["unmatched"] == document["machine_differences"] == []


def test_the_table_says_shift_interval_and_verdict(write, capsys):
    assert main(["compare", write("a", 100.0), write("b", 150.0, 70.0)]) == 0
    told = capsys.readouterr().out
    assert "+50.0 %" in told
    assert "faster" in told
    assert "+23.3 %" in told  # the lower end, 1.5 / e^(2.776 · √2 · 5 %), and a little for the repetitions
    assert "Sessions of one machine differ by 5.0 % in output_tok_s (assumed" in told
    assert "(5 more such)" in told
    assert "Only in" in told


def test_what_is_needed_is_told(write, capsys):
    a, b = write("a", 100.0), write("b", 102.0)
    assert main(["compare", a, b]) == 0
    assert "three other sessions of this plan teaches how far its sessions differ" in " ".join(capsys.readouterr().out.split())
    others = [write(name, speed) for name, speed in (("c", 91.0), ("d", 97.0), ("e", 104.0))]
    assert main(["compare", *others]) == 0
    capsys.readouterr()
    assert main(["compare", a, b]) == 0
    told = capsys.readouterr().out
    assert "(learned)" in told
    assert "sessions a side would find a shift of 5 % in 95 of 100 cases" in told


def test_a_regression_against_the_baseline_is_exit_1(write):
    slow, fast = write("slow", 100.0), write("fast", 150.0)
    assert main(["compare", slow, "--baseline", fast]) == 1
    assert main(["compare", fast, slow, "--baseline", fast, "--json"]) == 1
    assert main(["compare", fast, "--baseline", slow]) == 0
    assert main(["compare", fast, slow]) == 0


def test_what_decides_is_said_and_bytes_are_told_in_units(write, records, capsys):
    paths = [write("a", 100.0), write("b", 150.0)]
    for path in paths:
        with SessionWriter.open(Path(path)) as writer:
            for run_id in range(1, 7):
                writer.set_run_figures(run_id, records.figures(output_tok_s=100.0 + run_id, rss_peak_bytes=308_000_000 + run_id))
    assert main(["compare", *paths]) == 0
    told = capsys.readouterr().out
    assert "308 MB" in told
    assert "308000" not in told
    assert "Judged by output_tok_s (primary); the others are exploratory" in told


def test_the_only_difference_is_called_the_likely_cause_and_machines_are_ranked(write, capsys):
    a, b = write("a", 100.0), write("b", 200.0, cpu="Other CPU")
    assert main(["compare", a, b]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "The likely cause: processor Some CPU → Other CPU. Nothing else that is known differs." in told
    assert told.index("1 Other CPU") < told.index("2 Some CPU")
    assert main(["compare", a, b, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["causes"][0]["is_likely"]
    assert [row["file"] for row in document["ranking"]["machines"]] == [b, a]


def test_a_price_is_given_kept_and_forgotten(write, capsys):
    fast, slow = write("fast", 150.0), write("slow", 100.0, cpu="Another CPU")
    assert main(["compare", fast, slow, "--machine-price", "fast.inferometer=3000EUR", "--machine-price", f"{slow}=500 EUR"]) == 0
    text = capsys.readouterr().out
    assert "tok/s for the price" in text
    assert "50.0 per 1000 EUR" in text
    assert "200 per 1000 EUR" in text
    assert main(["compare", fast, slow, "--json", "--machine-price", "slow=0"]) == 0
    ranked = {row["machine"]: row for row in json.loads(capsys.readouterr().out)["ranking"]["machines"]}
    assert ranked["Some CPU"]["price"] == {"amount": 3000.0, "currency": "EUR"}  # kept
    assert ranked["Some CPU"]["tok_s_per_1000"] == pytest.approx(50.0)
    assert ranked["Another CPU"]["price"] is None


@pytest.mark.parametrize("price", ["fast", "=5", "other=5EUR", "fast=-5", "fast=x", "fast=1e999"])
def test_a_price_that_makes_no_sense_is_refused(write, price, capsys):
    assert main(["compare", write("fast", 150.0), write("slow", 100.0), "--machine-price", price]) == 2
    assert "fast.inferometer=1200EUR" in capsys.readouterr().err


def test_sessions_of_one_machine_are_not_ranked_in_the_table(write, capsys):
    assert main(["compare", write("a", 100.0), write("b", 200.0)]) == 0
    assert "Machines for the need" not in capsys.readouterr().out


def test_cells_of_one_session(write, capsys):
    assert main(["compare", write("a", 100.0, 110.0), "--between", "concurrency"]) == 0
    told = capsys.readouterr().out
    assert "1 → 2" in told
    assert "+10.0 %" in told


def test_ignored_axes(write, capsys):
    a, b = write("a", 100.0), write("b", 150.0, threads=4)
    main(["compare", a, b])
    assert "the nearest differs in threads" in capsys.readouterr().out
    for given in (["--ignore", "threads,n-gpu-layers"], ["--ignore", "threads", "--ignore", "n-gpu-layers"]):
        main(["compare", a, b, *given])
        told = capsys.readouterr().out
        assert "2 → 4" in told
        assert "faster" in told


@pytest.mark.parametrize(
    "arguments", [["A"], ["A", "A", "--between", "threads"], ["A", "A", "--metric", "x"], ["A", "A", "--ignore", "x"], []]
)
def test_unusable_arguments_are_exit_2(write, arguments, capsys):
    file = write("a", 100.0)
    assert main(["compare", *(file if each == "A" else each for each in arguments)]) == 2
    assert capsys.readouterr().err


def test_a_missing_file_is_exit_1(write, capsys):
    assert main(["compare", write("a", 1.0), "nowhere.inferometer"]) == 1
    assert "nowhere.inferometer" in capsys.readouterr().err
