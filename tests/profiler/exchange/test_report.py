import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from profiler.analysis.figure_name import figure_value
from profiler.errors import UnusableArguments
from profiler.exchange.energy_words import energy_text
from profiler.exchange.findings.answer import answer
from profiler.exchange.findings.session_view import read_session
from profiler.exchange.report import export_report, report
from profiler.exchange.session_document import session_document
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from profiler.units import half_width_text, significant
from tests.helpers.hostile_session import HOSTILE, write_hostile_session
from tests.helpers.metered_session import write_metered_session
from tests.helpers.roofline_session import write_roofline_session
from tests.helpers.search_session import write_search_session
from tests.helpers.written_session import write_session


class Page(HTMLParser):
    """The elements of a page and the texts of its table rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.data = ""
        self._in_cell = self._in_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._in_cell = True
        self._in_data = tag == "script" and dict(attrs).get("id") == "data"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False
        if tag == "script":
            self._in_data = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data
        if self._in_data:
            self.data += data


def page_of(path: Path) -> str:
    with SessionReader.open(path) as reader:
        return report(reader)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("report") / "chat.inferometer")


def test_the_answer_is_the_windows(written: Path) -> None:
    view, text = read_session(written), page_of(written)
    told = answer(view)
    statement = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(told.statement))
    assert statement in text
    assert text.index(statement) < text.index("<table")
    assert all(html.escape(remark.sentence) in text for remark in told.remarks)


def test_figures_are_those_of_show_to_the_last_digit(written: Path) -> None:
    text = page_of(written)
    page = Page(text)
    with SessionReader.open(written) as reader:
        document = session_document(reader)
    data = json.loads(page.data)
    assert data["session"] == json.loads(json.dumps(document))
    view = read_session(written)
    for cell, shown in zip(document["cells"], view.cells, strict=True):
        if shown.figures is None:
            continue
        row = next(row for row in page.rows if row[0] == shown.title and len(row) > 6)
        output, ends = cell["metrics"]["output_tok_s"], cell["intervals"]["output_tok_s"]
        assert f"{significant(output)} {half_width_text(output, tuple(ends))}" in row
        assert significant(cell["metrics"]["ttft_ms"]["p95"]) in row
        twins = text[text.index('id="figure-first-token-shares"') :]
        twin = next(row for row in Page(twins).rows if row[0] == shown.title)
        assert twin[1] == significant(figure_value(cell["metrics"], "ttft_ms.p50") or 0)


@pytest.mark.parametrize("write", [write_session, write_search_session, write_roofline_session])
def test_nothing_is_fetched_and_nothing_else_runs(write: Any, tmp_path: Path) -> None:
    text = page_of(write(tmp_path / "a.inferometer"))
    assert not re.findall(r"https?:|//[a-z]|url\(|@import|\bsrc=|\bhref=\"(?!#)", text)
    policy = next(attrs["content"] for tag, attrs in Page(text).elements if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not any(name.startswith("on") or name == "style" for _, attrs in Page(text).elements for name in attrs)


def test_hostile_text_is_inert(tmp_path: Path) -> None:
    text = page_of(write_hostile_session(tmp_path / "h.inferometer"))
    page = Page(text)
    assert not any(tag in ("img", "iframe", "object", "a") and "src" in attrs for tag, attrs in page.elements)
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert "<!--" not in text
    assert not re.search("[\x00\u202e\u200f]", text)
    assert "alert(1)" in text  # shown, as text
    assert json.loads(page.data)["session"]["title"] == HOSTILE
    assert text.count("${title}") > 10  # not filled in
    for _, attrs in page.elements:
        assert not any(name.startswith("on") for name in attrs)


def test_a_chart_has_a_name_a_legend_and_a_twin(written: Path) -> None:
    text = page_of(written)
    figures = re.findall(r"<figure id=\"figure-([\w-]+)\">(.*?)</figure>", text, re.DOTALL)
    keys = ["speed-frontier", "first-token-against-output", "heatmap", "where-the-time-went", "timeline", "first-token-shares"]
    assert [key for key, _ in figures][:6] == keys
    for _, figure in figures:
        assert re.search(r"<svg class=\"chart\"[^>]* role=\"img\" aria-label=\"[^\"]{10,}\"", figure)
        assert "aria-pressed" in figure or "<select" in figure or 'class="legend parts"' in figure
        assert "<table>" in figure
    assert '<html lang="en">' in text
    headings = [tag for tag, _ in Page(text).elements if re.fullmatch(r"h\d", tag)]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1


def test_roofline_and_search_are_told_where_there_are_some(tmp_path: Path) -> None:
    roofline = page_of(write_roofline_session(tmp_path / "r.inferometer"))
    assert 'id="figure-roofline"' in roofline
    assert "memory 24.0 GB/s" in roofline
    searched = page_of(write_search_session(tmp_path / "s.inferometer"))
    assert "What was done, and why" in searched
    assert "★ confirmed" in searched


def test_the_reasons_of_the_answer_are_told(written: Path, tmp_path: Path) -> None:
    text = page_of(written)
    told = answer(read_session(written)).reasons
    assert [reason.about for reason in told][:2] == ["Not enough data", "Holds"]
    for reason in told:
        assert f"<dt>{reason.about}</dt><dd>{html.escape(reason.sentence)}</dd>" in text
    limited = page_of(write_roofline_session(tmp_path / "r.inferometer"))
    assert "<dt>Limit</dt>" in limited


def test_the_heatmap_shows_every_figure_in_turn(written: Path) -> None:
    text = page_of(written)
    figure = text[text.index('id="figure-heatmap"') : text.index('id="figure-where-the-time-went"')]
    options = re.findall(r"<option value=\"(\d+)\">([^<]+)</option>", figure)
    assert options[0] == ("0", "Output, tok/s")
    assert len(options) == figure.count('<div class="map"') == figure.count('<svg class="chart"') > 5
    assert figure.count('<div class="map" hidden>') == len(options) - 1
    rows = Page(figure).rows
    view = read_session(written)
    place = {(cell.configuration["quant"], cell.configuration["concurrency"]): cell for cell in view.measured}
    cell = place["Q8_0", 1]
    value, ends = figure_value(cell.figures or {}, "output_tok_s"), cell.intervals["output_tok_s"]
    assert value is not None
    assert rows[0] == ["Quantization ↓ Users →", "1", "2", "4"]
    assert rows[1][:2] == ["Q8_0", f"{significant(value)} {half_width_text(value, ends)}"]
    assert rows[2][3] == "✕ failed"


def test_where_the_time_went_adds_up(written: Path) -> None:
    text = page_of(written)
    rows = Page(text[text.index('id="figure-where-the-time-went"') :]).rows
    assert rows[0][1:] == ["queue, ms", "own prefill, ms", "others' prefill, ms", "decode, ms", "stall, ms", "whole, ms"]
    # One user: 110 ms on average to the first token, then 15 gaps of 20 ms; the steps are 10 ms long and all decode.
    assert rows[1] == ["Q8_0 · 1 user", "0", "0", "0", "160", "255", "415"]


def test_energy_is_told_where_it_was_measured_and_why_where_not(tmp_path: Path) -> None:
    metered, bare = tmp_path / "m.inferometer", tmp_path / "n.inferometer"
    text = page_of(write_metered_session(metered))
    section = text[text.index('<section id="energy"') :]
    rows = Page(section).rows
    with SessionReader.open(metered) as reader:
        energy = session_document(reader)["cells"][0]["energy"]
    told = dict(zip(rows[0], rows[1], strict=True))
    # 200 W while 2 users get 80 tokens a second: 2.5 J a token, 1.88 J above the 50 W at rest.
    assert told["Meters, W"].startswith("200")
    assert told["J/output token"].startswith("2.5")
    assert told["J/output token above rest"].startswith("1.88")
    assert told["J/output token"] == energy_text(energy["gross"]["joules_per_output_token"])
    without = page_of(write_metered_session(bare, has_meter=False))
    assert "Energy: not available." in without


def test_models_are_held_against_each_other(tmp_path: Path) -> None:
    text = page_of(write_search_session(tmp_path / "q.inferometer"))
    figure = text[text.index('id="figure-quality-over-speed"') : text.index('id="figure-quality-over-memory"')]
    assert "KL divergence from sample-F16.gguf, nat" in figure
    assert "The base, whose divergence is 0" in figure
    rows = {row[1]: row for row in Page(figure).rows[1:]}
    assert set(rows) == {"Q4_K_M ▲", "Q8_0", "F16 · base"}  # Q2_K had short looks only
    assert rows["F16 · base"][3] == "0"
    # 1.96 standard errors of a tenth of it.
    assert rows["Q8_0"][3].startswith("0.000900 ± 0.000176")


def test_a_session_without_figures_says_so(tmp_path: Path) -> None:
    text = page_of(write_session(tmp_path / "e.inferometer", measured=0, has_failure=False))
    assert "Nothing has been measured yet." in text
    assert "<figure" not in text


def test_a_plan_of_a_newer_version_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "n.inferometer"
    with SessionWriter.create(path, plan={"load": {"hop": 1}, "need": {"slo": 5}}, machine={"cpu": 3}, title="New"):
        pass
    assert "of a newer version" in page_of(path)


def test_it_is_written_whole_and_not_over_another(written: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    with SessionReader.open(written) as reader:
        export_report(reader, target)
        with pytest.raises(UnusableArguments, match="exists"):
            export_report(reader, target)
    assert target.read_text(encoding="utf-8").rstrip().endswith("</html>")
