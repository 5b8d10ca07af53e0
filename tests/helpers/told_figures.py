"""One session told by every format, and the check that all of them tell the same figures, to the last digit shown."""

import csv
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from profiler.cli.main import main
from profiler.exchange.csv_export import export_csv
from profiler.exchange.energy_words import ENERGY_COLUMNS, energy_text
from profiler.exchange.findings.session_view import SessionView, read_session
from profiler.exchange.json_export import export_json
from profiler.exchange.markdown_export import export_markdown
from profiler.exchange.parquet_export import export_parquet
from profiler.exchange.report import report
from profiler.records.metric import BY_NAME
from profiler.session.reader import SessionReader
from profiler.session.schema import SINGLE, metric_columns
from profiler.units import bytes_text, half_width_text, significant

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")

Cell = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """The cells as each format tells them; `page` is the report, `text` what `show` prints as a table."""

    show: list[Cell]
    json: list[Cell]
    csv: list[dict[str, str]]
    parquet: list[dict[str, Any]]
    embedded: list[Cell]
    markdown: str
    page: str
    text: str
    window: SessionView
    folder: Path


def tell(path: Path, folder: Path, capsys: Any) -> Told:
    """Export to everything that `folder` shall hold; `capsys` is pytest's."""
    with SessionReader.open(path) as reader:
        export_csv(reader, folder / "csv")
        export_parquet(reader, folder / "parquet")
        export_json(reader, folder / "a.json")
        export_markdown(reader, folder / "a.md")
        page = report(reader)
    capsys.readouterr()
    assert main(["show", str(path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["cells"]
    assert main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    with (folder / "csv" / "cells.csv").open(encoding="utf-8", newline="") as stream:
        in_csv = list(csv.DictReader(stream))
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    return Told(
        shown,
        json.loads((folder / "a.json").read_text(encoding="utf-8"))["cells"],
        in_csv,
        parquet.read_table(folder / "parquet" / "cells.parquet").to_pylist(),
        json.loads(data[1])["session"]["cells"],
        (folder / "a.md").read_text(encoding="utf-8"),
        page,
        text,
        read_session(path),
        folder,
    )


def figure(cell: Cell, metric: str, statistic: str) -> float | None:
    """A figure of a document's cell."""
    value: Any = cell["metrics"][metric]
    found: float | None = value if statistic == SINGLE else None if value is None else value[statistic]
    return found


def column(record: dict[str, Any], name: str) -> Any:
    """The value of a column with or without its unit in brackets."""
    (found,) = [value for key, value in record.items() if re.sub(r" \(.*\)$", "", key) == name]
    return found


def number(metric: str, value: float) -> str:
    """With the digits that are shown to people."""
    return bytes_text(value) if BY_NAME[metric].unit == "bytes" else significant(value)


def assert_equal_figures(told: Told) -> int:
    """Each figure of each cell, exactly where digits are whole, else to the last digit shown. Returns how many there were."""
    assert told.json == told.embedded == [{name: shown[name] for name in told.json[0]} for shown in told.show]
    compared = 0
    for shown, record, row, view in zip(told.show, told.csv, told.parquet, told.window.cells, strict=True):
        for name, metric, statistic in metric_columns():
            value = figure(shown, metric, statistic)
            text = column(record, name)
            assert (None if text == "" else float(text)) == column(row, name) == value, name
            ends = shown["intervals"].get(metric if statistic == SINGLE else f"{metric}.{statistic}")
            if ends is not None:
                assert [float(column(record, f"{name}_{end}")) for end in ("ci_low", "ci_high")] == ends
                assert [column(row, f"{name}_{end}") for end in ("ci_low", "ci_high")] == ends
                assert view.intervals[metric if statistic == SINGLE else f"{metric}.{statistic}"] == tuple(ends)
            if view.figures is not None:
                assert figure({"metrics": view.figures}, metric, statistic) == value
            compared += value is not None
        for count, amount in shown["requests"].items():
            assert int(record[f"requests_{count}"]) == row[f"requests_{count}"] == view.requests[count] == amount
        for count, amount in shown["tokens"].items():
            assert int(record[f"tokens_{count}"]) == row[f"tokens_{count}"] == view.tokens[count] == amount
        _assert_energy(shown, record, row)
        if view.figures is not None:
            _assert_page(told.page, shown, view.is_unstable)
    return compared


def _assert_energy(shown: Cell, record: dict[str, str], row: dict[str, Any]) -> None:
    for each in ENERGY_COLUMNS:
        found = each.interval(shown["energy"])
        if found is None:
            assert not record.get(each.name)
            continue
        for end, name in (("value", each.name), ("low", f"{each.name}_ci_low"), ("high", f"{each.name}_ci_high")):
            text = record[name]
            assert (None if text == "" else float(text)) == row[name] == found[end]


def _assert_page(page: str, shown: Cell, is_unstable: bool) -> None:
    """What a reader of the report sees of a cell, under "All figures of each cell"."""
    start = page.index(f'<details data-cell="{shown["cell_id"]}">')
    part = page[start : page.index("</details>", start)]
    rows = [
        [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", part)
    ]
    for metric, value in shown["metrics"].items():
        label, unit = BY_NAME[metric].label, BY_NAME[metric].unit
        if isinstance(value, dict):
            if not value["n"]:
                continue
            titles = next(row for row in rows if row[0] == "Latency, ms")
            row = next(row for row in rows if row[0] == f"{label} ({metric.removesuffix('_ms').upper()})")
            for statistic, text in zip(titles[1:], row[1:], strict=True):
                known = value[statistic]
                if statistic == "n":
                    assert text == f"{known:.0f}"
                elif text == "▲ unstable":
                    assert is_unstable
                else:
                    assert text == ("–" if known is None else significant(known)), (metric, statistic)
        elif value is not None:
            row = next(row for row in rows if row[0] == label)
            assert row[1] == (number(metric, value) if unit == "bytes" else f"{significant(value)} {unit}"), metric
            ends = shown["intervals"].get(metric)
            assert row[2] == ("–" if ends is None else f"{number(metric, ends[0])} to {number(metric, ends[1])}")
    for each in ENERGY_COLUMNS:
        if (found := each.interval(shown["energy"])) is not None:
            section = page[page.index('<section id="energy"') :]
            assert f">{html.escape(energy_text(found))}</td>" in section[: section.index("</section>")]


def half_width(cell: Cell, metric: str) -> str:
    """Behind a figure, where an interval is known."""
    value, ends = cell["metrics"][metric], cell["intervals"].get(metric)
    return "" if ends is None or value is None else f" {half_width_text(value, (ends[0], ends[1]))}"
