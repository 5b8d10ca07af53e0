"""One session told by every format: the figures are the same to the last digit shown."""

import csv
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from profiler.cli.application import application
from profiler.exchange.csv_export import export_csv
from profiler.exchange.json_export import export_json
from profiler.exchange.markdown_export import export_markdown
from profiler.exchange.parquet_export import export_parquet
from profiler.records.metric import METRICS
from profiler.session.reader import SessionReader
from profiler.session.schema import SINGLE, metric_columns
from tests.helpers.written_session import write_session

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The cells as each format tells them."""
    folder = tmp_path_factory.mktemp("told")
    path = write_session(folder / "a.inferometer")
    with SessionReader.open(path) as reader:
        export_csv(reader, folder / "csv")
        export_parquet(reader, folder / "parquet")
        export_json(reader, folder / "a.json")
        export_markdown(reader, folder / "a.md")
    shown = CliRunner().invoke(application, ["show", str(path), "--json"])
    table = CliRunner().invoke(application, ["show", str(path)])
    with (folder / "csv" / "cells.csv").open(encoding="utf-8", newline="") as stream:
        in_csv = list(csv.DictReader(stream))
    return {
        "show": json.loads(shown.stdout)["cells"],
        "json": json.loads((folder / "a.json").read_text())["cells"],
        "csv": in_csv,
        "parquet": parquet.read_table(folder / "parquet" / "cells.parquet").to_pylist(),
        "md": (folder / "a.md").read_text(encoding="utf-8"),
        "table": table.stdout,
        "folder": folder,
    }


def figure(cell, metric, statistic):
    value = cell["metrics"][metric]
    return value if statistic == SINGLE else None if value is None else value[statistic]


def column(record, name):
    """The value of a column with or without its unit in brackets."""
    (found,) = [value for key, value in record.items() if re.sub(r" \(.*\)$", "", key) == name]
    return found


def test_json_is_what_show_prints(told):
    for cell, shown in zip(told["json"], told["show"], strict=True):
        assert cell == {name: shown[name] for name in cell}
    assert [cell["status"] for cell in told["show"]] == ["done"] * 5 + ["failed"]


def test_csv_and_parquet_hold_the_same_figures(told):
    compared = 0
    for cell, record, row in zip(told["show"], told["csv"], told["parquet"], strict=True):
        for name, metric, statistic in metric_columns():
            value = figure(cell, metric, statistic)
            text = column(record, name)
            assert (None if text == "" else float(text)) == column(row, name) == value
            compared += value is not None
            ends = cell["intervals"].get(metric if statistic == SINGLE else f"{metric}.{statistic}")
            if ends is not None:
                assert [float(column(record, f"{name}_{end}")) for end in ("ci_low", "ci_high")] == ends
                assert [column(row, f"{name}_{end}") for end in ("ci_low", "ci_high")] == ends
        for count in ("completed", "failed", "refused", "timed_out", "unfinished"):
            assert int(record[f"requests_{count}"]) == row[f"requests_{count}"] == cell["requests"][count]
        for count in ("prompt", "cached", "output"):
            assert int(record[f"tokens_{count}"]) == row[f"tokens_{count}"] == cell["tokens"][count]
    assert compared > 5 * len(METRICS), "a session that has figures"


def test_markdown_rounds_the_same_figures_as_the_table_of_show(told):
    rows = [line[2:-2].split(" | ") for line in told["md"].splitlines() if line.startswith("| ")]
    titles = next(row for row in rows if "ttft\\_ms p50" in row)
    cells = [dict(zip(titles, row, strict=True)) for row in rows[rows.index(titles) + 1 :]]
    lines = [line.split() for line in told["table"].splitlines() if re.match(r"Q8_0|Q4_K_M", line)]
    for cell, record, words in zip(told["show"], cells, lines, strict=True):
        assert [record["quant"].replace("\\", ""), record["concurrency"], record["status"]] == words[:3]
        for place, name in enumerate(("ttft\\_ms p50", "ttft\\_ms p95", "itl\\_ms p50", "tpot\\_ms p95")):
            assert record[name].split(" ")[0].strip("()") == words[4 + place]
        for title, metric, statistic in (("output\\_tok\\_s", "output_tok_s", SINGLE), ("ttft\\_ms p95", "ttft_ms", "p95")):
            value = figure(cell, metric, statistic)
            numbers = re.findall(r"[\d.]+", record[title])
            expected = [] if value is None else [value]
            expected += cell["intervals"].get(metric if statistic == SINGLE else f"{metric}.{statistic}", [])
            assert len(numbers) == len(expected)
            for text, exact in zip(numbers, expected, strict=True):
                assert float(text) == pytest.approx(exact, abs=0.5 * 10 ** -len(text.partition(".")[2]), rel=1e-12)


def test_raw_rows_give_the_stored_figures(told):
    """From the Parquet files alone: the latencies of a run, by hand, as the file's own figures have them."""
    requests = parquet.read_table(told["folder"] / "parquet" / "requests.parquet").to_pylist()
    runs = parquet.read_table(told["folder"] / "parquet" / "runs.parquet").to_pylist()
    for run in runs:
        of_run = [row for row in requests if row["run_id"] == run["run_id"]]
        ttft_ms = sorted((row["first_token_ns"] - row["due_ns"]) / 1e6 for row in of_run)
        assert run["ttft_ms_max"] in ttft_ms
        assert run["ttft_ms_n"] <= len(of_run)
        if run["ttft_ms_n"] == len(of_run):
            assert run["ttft_ms_p50"] == ttft_ms[int(np.ceil(0.5 * len(ttft_ms))) - 1]
