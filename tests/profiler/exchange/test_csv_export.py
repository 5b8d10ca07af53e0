import csv
import shutil
import sqlite3

import numpy as np
import pytest

from profiler.errors import BadFile, UnusableArguments
from profiler.exchange.csv_export import FILES, export_csv
from profiler.exchange.session_document import session_document
from profiler.records.timing import Samples
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.metered_session import write_metered_session


def _exported(path, target):
    with SessionReader.open(path) as reader:
        export_csv(reader, target)
    tables = {}
    for name in FILES:
        if name == "classes.csv" and not (target / name).exists():
            continue
        with (target / name).open(encoding="utf-8", newline="") as stream:
            tables[name] = list(csv.DictReader(stream))
    return tables


@pytest.fixture
def tables(tmp_path, session_file):
    return _exported(session_file, tmp_path / "x.csv")


def test_cells_with_their_figures(tables):
    done, failed, mix = tables["cells.csv"]
    assert (done["cell_id"], done["status"], done["concurrency"], done["think_time (s)"]) == ("1", "done", "1", "0.5")
    assert (done["runs"], done["requests_completed"], done["requests_failed"], done["tokens_output"]) == ("2", "3", "1", "24")
    assert (done["requests_refused"], done["requests_timed_out"], done["requests_unfinished"]) == ("1", "0", "0")
    assert (mix["requests_timed_out"], mix["ttft_ms_p95"]) == ("1", "33.5")
    assert (done["ttft_ms_p95"], done["ttft_ms_p95_ci_low"], done["ttft_ms_p95_ci_high"]) == ("42.5", "40", "45")
    assert (done["ttft_ms_n"], done["ttft_ms_p50"]) == ("4", "")
    assert (done["output_tok_s"], done["output_tok_s_ci_low"]) == ("103.0", "99.5")
    assert (failed["status"], failed["reason"], failed["ttft_ms_p95"], failed["output_tok_s_ci_low"]) == (
        "failed",
        "It did not fit.",
        "",
        "",
    )


def test_cells_with_their_energy_where_a_meter_was_read(tables, tmp_path):
    assert not [name for name in tables["cells.csv"][0] if "joules" in name and name.startswith(("metered", "above", "wall"))]
    path = write_metered_session(tmp_path / "m.inferometer")
    with SessionReader.open(path) as reader:
        energy = session_document(reader)["cells"][0]["energy"]
    (cell,) = _exported(path, tmp_path / "m.csv")["cells.csv"]
    assert cell["energy_meters"] == "gpu0"
    # 200 W for 80 tokens a second, 50 W of them at rest.
    assert float(cell["metered_watts"]) == pytest.approx(200, rel=1e-3)
    assert float(cell["metered_joules_per_output_token"]) == pytest.approx(2.5, rel=0.02)
    assert float(cell["above_idle_joules_per_output_token"]) == pytest.approx(1.875, rel=0.02)
    for name, account, figure in (
        ("metered_joules_per_request", "gross", "joules_per_request"),
        ("above_idle_watts", "above_idle", "watts"),
    ):
        told = [float(cell[f"{name}{end}"]) for end in ("", "_ci_low", "_ci_high")]
        assert told == [energy[account][figure][end] for end in ("value", "low", "high")]
    assert float(cell["output_tokens_per_joule"]) == energy["tokens_per_joule"]["value"]
    assert not [name for name in cell if name.startswith("wall")]


def test_classes_with_their_figures(tables):
    chat, paste = tables["classes.csv"]
    assert (chat["cell_id"], chat["class"], chat["ttft_ms_p95"], chat["output_tok_s"]) == ("3", "chat", "5.5", "60.0")
    assert (paste["class"], paste["ttft_ms_p95"], paste["output_tok_s"], paste["requests_s (req/s)"]) == ("paste", "77.5", "", "")


def test_runs_tell_which_raw_rows_count(tables):
    assert [(row["run_id"], row["status"], row["is_valid"]) for row in tables["runs.csv"]] == [
        ("1", "done", "True"),
        ("2", "done", "False"),
        ("3", "failed", "True"),
        ("4", "done", "True"),
        ("5", "done", "True"),
    ]
    assert [row["ttft_ms_p95"] for row in tables["runs.csv"]] == ["10.5", "21.0", "", "42.0", "33.0"]
    assert tables["runs.csv"][1]["flags"] == "foreign load: 40 % of the CPU | short: the window is short"
    assert tables["cells.csv"][0]["flags"] == "short: the window is short | foreign load: 40 % of the CPU"


def test_headers_say_their_units(tables):
    header = list(tables["cells.csv"][0])
    assert {"think_time (s)", "prompt_tokens", "ttft_ms_p95", "ttft_ms_n", "output_tok_s", "requests_s (req/s)"} <= set(header)
    assert {"kv_occupancy (%)", "batch_occupancy (sequences)", "rss_peak_bytes", "energy_j", "perplexity"} <= set(header)
    assert len(header) == len(set(header))


def test_raw_rows_of_every_run(tables):
    assert [row["run_id"] for row in tables["requests.csv"]] == ["1"] * 3 + ["2"] * 3 + ["4"] * 2 + ["5"] * 4
    assert [row["class"] for row in tables["requests.csv"]] == [""] * 8 + ["chat", "paste"] * 2
    assert {row["turn"] for row in tables["requests.csv"]} == {"1"}
    third = tables["requests.csv"][2]
    assert (third["cell_id"], third["due_ns"], third["first_token_ns"], third["status"]) == ("1", "3000000", "", "failed")
    assert len(tables["tokens.csv"]) == 4 + 8 + 16
    assert tables["tokens.csv"][3] == {
        "cell_id": "1",
        "run_id": "1",
        "request": "1",
        "step": "1",
        "time_ns": "1000000",
        "token": "103",
    }
    assert len(tables["steps.csv"]) == 2 + 4 + 8
    assert tables["steps.csv"][1]["end_ns"] == "1900000"
    assert tables["samples.csv"][1] == {
        "cell_id": "1",
        "run_id": "1",
        "time_ns": "250000000",
        "process_rss_bytes": "150000000.0",
    }


def test_samples_of_differing_channels_share_a_table(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
        for run_id, channel in ((1, "process_rss_bytes"), (2, "gpu0_power_watts")):
            writer.start_run(records.run(run_id, 1))
            writer.add_samples(run_id, records.samples(5.0, np.nan, channel=channel))
    tables = _exported(path, tmp_path / "x")
    assert tables.keys() == set(FILES) - {"classes.csv"}, "there is but one class"
    samples = tables["samples.csv"]
    assert [(row["process_rss_bytes"], row["gpu0_power_watts"]) for row in samples] == [
        ("5.0", ""),
        ("", ""),
        ("", "5.0"),
        ("", ""),
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_is_never_a_formula(tmp_path, records, text):
    path = tmp_path / "a.inferometer"
    cell = records.cell(1, reason=text)
    cell.configuration["model"] = text
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(cell)
        writer.start_run(records.run(1, 1))
        writer.add_samples(1, Samples(np.array([0]), {text: np.array([-5.0])}))
    tables = _exported(path, tmp_path / "x")
    assert tables["cells.csv"][0]["reason"] == tables["cells.csv"][0]["model"] == f"'{text}"
    assert tables["samples.csv"][0][f"'{text}"] == "-5.0"


def test_a_damaged_session_leaves_no_folder(tmp_path, session_file):
    path = tmp_path / "damaged.inferometer"
    shutil.copy(session_file, path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE chunk SET data = x'00' WHERE kind = 'step' AND run_id = 4")
    connection.commit()
    connection.close()
    with SessionReader.open(path) as reader, pytest.raises(BadFile):
        export_csv(reader, tmp_path / "x")
    assert list(tmp_path.iterdir()) == [path]


def test_an_earlier_export_is_replaced_only_with_force(tmp_path, session_file):
    target = tmp_path / "x"
    with SessionReader.open(session_file) as reader:
        export_csv(reader, target)
        (target / "cells.csv").write_text("mine")
        with pytest.raises(UnusableArguments, match="--force"):
            export_csv(reader, target)
        assert (target / "cells.csv").read_text() == "mine"
        export_csv(reader, target, force=True)
    assert (target / "cells.csv").read_text() != "mine"
    assert list(tmp_path.iterdir()) == [target]
