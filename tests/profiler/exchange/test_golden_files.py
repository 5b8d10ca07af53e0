"""Each text format that no other golden file holds: JSON, the tables of CSV, the report as it is read, and figures as SVG."""

import html
import json
import re

import pytest

from profiler.exchange.csv_export import FILES, export_csv
from profiler.exchange.figure_export import export_svg
from profiler.exchange.json_export import export_json
from profiler.exchange.report import report
from profiler.session.reader import SessionReader
from tests.helpers.golden import assert_golden
from tests.helpers.search_session import write_search_session
from tests.helpers.written_session import write_session

_BLOCKS = "section|figure|figcaption|div|p|li|dt|tr|h1|h2|h3|caption|summary|option|footer|table|thead|tbody|ul|dl|header"


def read_text(page: str) -> str:
    """What a reader of the page gets to read, a block a line; cells of tables are separated by bars, drawings left out."""
    body = page[page.index("<body>") : page.index('<script type="application/json"')]
    body = body[: body.index("What each figure means")]  # the definitions are those of the metrics, which are tested there
    body = re.sub(r"<svg.*?</svg>", "", body, flags=re.DOTALL)
    body = re.sub(r"</(td|th|dt)>", " | ", body)
    body = re.sub(rf"</?({_BLOCKS})\b[^>]*>", "\n", body)
    lines = (" ".join(html.unescape(re.sub(r"<[^>]+>", "", line)).split()) for line in body.splitlines())
    return "\n".join(line for line in lines if line.strip(" |")) + "\n"


def test_json(session_file, tmp_path):
    with SessionReader.open(session_file) as reader:
        export_json(reader, tmp_path / "a.json")
    text = json.dumps(json.loads((tmp_path / "a.json").read_text(encoding="utf-8")), indent=1)
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + " ".join(found[1].split()) + "]", text)  # columns in a line
    assert_golden(text + "\n", "known.json", ignored=("date", "version", "path"))


@pytest.mark.parametrize("name", FILES)
def test_csv(session_file, tmp_path, name):
    with SessionReader.open(session_file) as reader:
        export_csv(reader, tmp_path / "csv")
    with (tmp_path / "csv" / name).open(encoding="utf-8", newline="") as stream:
        text = stream.read().replace("\r\n", "\n")
    assert_golden(text, f"known.{name}", ignored=("date",))


@pytest.mark.parametrize(("name", "write"), [("sweep", write_session), ("search", write_search_session)])
def test_report(tmp_path, name, write):
    with SessionReader.open(write(tmp_path / f"{name}.inferometer")) as reader:
        page = report(reader)
    assert_golden(read_text(page), f"{name}.report.txt", ignored=("date", "version", "minute"))


def test_svg(tmp_path):
    with SessionReader.open(write_session(tmp_path / "sweep.inferometer")) as reader:
        export_svg(reader, tmp_path / "svg")
    for key in ("speed-frontier", "heatmap", "where-the-time-went", "first-token-percentiles"):
        text = (tmp_path / "svg" / f"{key}.svg").read_text(encoding="utf-8").replace("><", ">\n<")
        assert_golden(text, f"sweep.{key}.svg")
