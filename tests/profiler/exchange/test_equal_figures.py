"""One session told by every format: the figures are the same to the last digit shown."""

import re

import numpy as np
import pytest

from profiler.records.metric import METRICS
from profiler.session.schema import SINGLE
from tests.helpers.metered_session import write_metered_session
from tests.helpers.roofline_session import write_roofline_session
from tests.helpers.search_session import write_search_session
from tests.helpers.told_figures import assert_equal_figures, figure, half_width, tell
from tests.helpers.written_session import write_session

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")


@pytest.fixture
def told(tmp_path, capsys):
    """The cells as each format tells them."""
    return tell(write_session(tmp_path / "a.inferometer"), tmp_path, capsys)


def test_every_format_holds_the_same_figures(told):
    assert [cell["status"] for cell in told.show] == ["done"] * 5 + ["failed"]
    assert assert_equal_figures(told) > 5 * len(METRICS), "a session that has figures"


@pytest.mark.parametrize("write", [write_metered_session, write_roofline_session, write_search_session])
def test_also_where_there_is_energy_memory_or_a_search(write, tmp_path, capsys):
    assert assert_equal_figures(tell(write(tmp_path / "a.inferometer"), tmp_path, capsys)) > len(METRICS)


def test_markdown_rounds_the_same_figures_as_the_table_of_show(told):
    rows = [line[2:-2].split(" | ") for line in told.markdown.splitlines() if line.startswith("| ")]
    titles = next(row for row in rows if "ttft\\_ms p50" in row)
    cells = [dict(zip(titles, row, strict=True)) for row in rows[rows.index(titles) + 1 :]]
    lines = [line.split() for line in told.text.splitlines() if re.match(r"Q8_0|Q4_K_M", line)]
    for cell, record, words in zip(told.show, cells, lines, strict=True):
        assert [record["quant"].replace("\\", ""), record["concurrency"], record["status"]] == words[:3]
        for place, name in enumerate(("ttft\\_ms p50", "ttft\\_ms p95", "itl\\_ms p50", "tpot\\_ms p95")):
            assert record[name].split(" ")[0].strip("()") == words[4 + place]
        output = "–" if figure(cell, "output_tok_s", SINGLE) is None else record["output\\_tok\\_s"].split(" ")[0]
        assert (
            f"{output}{half_width(cell, 'output_tok_s')}".split() == words[8 : 8 + (3 if half_width(cell, "output_tok_s") else 1)]
        )
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
    requests = parquet.read_table(told.folder / "parquet" / "requests.parquet").to_pylist()
    runs = parquet.read_table(told.folder / "parquet" / "runs.parquet").to_pylist()
    for run in runs:
        of_run = [row for row in requests if row["run_id"] == run["run_id"]]
        ttft_ms = sorted((row["first_token_ns"] - row["due_ns"]) / 1e6 for row in of_run)
        assert run["ttft_ms_max"] in ttft_ms
        assert run["ttft_ms_n"] <= len(of_run)
        if run["ttft_ms_n"] == len(of_run):
            assert run["ttft_ms_p50"] == ttft_ms[int(np.ceil(0.5 * len(ttft_ms))) - 1]
