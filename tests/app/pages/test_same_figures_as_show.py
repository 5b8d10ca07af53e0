"""What the Results page shows of a session is what `show --json` prints of it, to the last digit shown."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.pages.results.heatmap_card import HeatmapCard
from app.pages.results_page import ResultsPage
from app.settings import Settings
from profiler.analysis.figure_name import figure_value
from profiler.cli.main import main
from profiler.exchange.energy_words import ENERGY_COLUMNS, energy_text
from profiler.exchange.findings.figure_words import known_figures
from profiler.records.metric import BY_NAME, METRICS
from profiler.units import bytes_text, half_width_text, significant
from tests.helpers.metered_session import write_metered_session
from tests.helpers.roofline_session import write_roofline_session
from tests.helpers.search_session import write_search_session
from tests.helpers.written_session import write_session

_IN_TABLE = {
    "TTFT p95 ms": "ttft_ms.p95",
    "TPOT p95 ms": "tpot_ms.p95",
    "tok/s": "output_tok_s",
    "Each user": "user_tok_s",
    "Each answer": "user_tok_s",
    "Good %": "attainment",
    "Growth req/s": "queue_growth_s",
    "Memory": "rss_peak_bytes",
}


@pytest.fixture(params=[write_session, write_metered_session, write_roofline_session, write_search_session])
def shown(
    request: pytest.FixtureRequest, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[ResultsPage, list[dict[str, Any]]]:
    """The page with a session, and the cells that the command line tells of it."""
    write: Callable[[Path], Path] = request.param
    path = write(tmp_path / "a.inferometer")
    capsys.readouterr()
    assert main(["show", str(path), "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    page = ResultsPage(Settings(tmp_path / "w.ini"))
    qtbot.addWidget(page)
    page.resize(1400, 900)
    page.show()
    page.open_session(path)
    qtbot.waitUntil(lambda: page.session is not None and not page.is_busy, timeout=20_000)
    return page, cells


def told(name: str, value: float) -> str:
    return bytes_text(value) if BY_NAME[name.partition(".")[0]].unit == "bytes" else significant(value)


def test_all_that_the_page_tells(shown: tuple[ResultsPage, list[dict[str, Any]]]) -> None:
    page, cells = shown
    check_the_table(page, cells)
    check_the_cards(page, cells)
    check_the_heatmaps(page, cells)
    check_the_energy(page, cells)


def check_the_table(page: ResultsPage, cells: list[dict[str, Any]]) -> None:
    seen = 0
    for view, cell in zip(page.table.records, cells, strict=True):
        for column in page.table.columns:
            name = _IN_TABLE.get(column.title)
            if name is None or column.raw(view) is None:
                continue
            value = figure_value(cell["metrics"], name)
            assert value is not None
            assert column.raw(view) == value
            assert column.text(column.raw(view)) == told(name, value)
            ends = cell["intervals"].get(name)
            if column.interval(view) is not None:
                assert column.interval(view) == tuple(ends)
            seen += 1
    assert seen >= 4


def check_the_cards(page: ResultsPage, cells: list[dict[str, Any]]) -> None:
    for cell in cells:
        if not any(value.get("n") if isinstance(value, dict) else value is not None for value in cell["metrics"].values()):
            continue
        page.selection.choose([cell["cell_id"]])
        facts = {fact.label.partition(" p50 ")[0]: fact.value for fact in page.side.cell.facts}
        for metric in METRICS:
            value = cell["metrics"][metric.name]
            if metric.is_distribution:
                if value and value["n"] and metric.label in facts and "not stated" not in facts[metric.label]:
                    numbers = facts[metric.label].rpartition(" ms, n ")
                    wanted = [value[statistic] for statistic in ("p50", "p95", "p99")]
                    texts = ["–" if each is None else significant(each) for each in wanted]
                    assert re.sub(r"[()]", "", numbers[0]).split(" · ") == texts
                    assert numbers[2] == f"{value['n']}"
            elif value is not None:
                text, ends = told(metric.name, value), cell["intervals"].get(metric.name)
                half = f" {half_width_text(value, tuple(ends))}" if ends and metric.unit != "bytes" else ""
                unit = "" if metric.unit == "bytes" else f" {metric.unit}"
                label = "Each answer" if metric.name == "user_tok_s" and metric.label not in facts else metric.label
                assert facts[label] == f"{text}{half}{unit}".rstrip(), metric.name


def check_the_heatmaps(page: ResultsPage, cells: list[dict[str, Any]]) -> None:
    card: HeatmapCard = page.heatmap
    if card.isHidden():
        return
    assert page.session is not None
    by_id = {cell["cell_id"]: cell for cell in cells}
    names = known_figures(page.session.measured)
    for name in names:
        card.figure.choose(name)
        for place in card.plot.shown.cells:
            if place.value is not None:
                value = figure_value(by_id[place.cell_id]["metrics"], name)
                assert place.value == value
                assert value is not None
                assert place.text.split(" ✕")[0].split(" ▲")[0].strip("()") == told(name, value)


def check_the_energy(page: ResultsPage, cells: list[dict[str, Any]]) -> None:
    for cell in cells:
        if not cell["energy"]["meters"]:
            continue
        page.selection.choose([cell["cell_id"]])
        texts = [fact.value for fact in page.energy.facts]
        assert texts
        known = {energy_text(found) for each in ENERGY_COLUMNS if (found := each.interval(cell["energy"])) is not None}
        for text in texts:
            number = re.match(r"[\d.]+(?: ± [\d.]+)?", text)
            assert number is None or number[0] in known
