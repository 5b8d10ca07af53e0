import math
import threading
from dataclasses import replace
from pathlib import Path

import pyqtgraph
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.pages.results_page import ResultsPage
from app.settings import Settings
from profiler.analysis.roofline import Phase, Roofs
from profiler.errors import Interrupted
from profiler.exchange.findings import roofline_reading
from profiler.exchange.findings.roofline_reading import UNKNOWN_FLOPS, UNKNOWN_MODEL, read_roofline, roofs_of
from profiler.exchange.findings.roofline_words import not_drawn, paths_of
from profiler.exchange.findings.session_view import read_session
from profiler.plan.cells import ALL_LAYERS
from profiler.records.fingerprint import Ceilings
from profiler.records.run_record import CellRecord, RunRecord
from profiler.session.reader import SessionReader
from tests.helpers.roofline_session import CEILINGS, COSTS, write_roofline_session
from tests.helpers.scripted_sweep import MACHINE

GO_ON = threading.Event()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roofline_session(tmp_path_factory.mktemp("sessions") / "roofs.inferometer")


@pytest.fixture
def page(qtbot: QtBot, settings: Settings) -> ResultsPage:
    made = ResultsPage(settings)
    qtbot.addWidget(made)
    made.resize(1300, 850)
    made.show()
    return made


def opened(qtbot: QtBot, page: ResultsPage, path: Path) -> ResultsPage:
    page.open_session(path)
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)
    return page


def test_each_cell_is_all_its_counted_steps(session: Path) -> None:
    found = read_roofline(session, {}, GO_ON)
    assert found.roofs == Roofs(24.0, 100.0)
    assert sorted(found.cells) == [1, 2, 3, 4, 5, 6]
    # 200 MB and 240 MFLOP a user each 20, 20 and 40 ms; the disturbed third run of the first cell would read 200 GB/s.
    for cell_id, users, step_ms in ((1, 1, 20), (2, 2, 20), (3, 4, 40), (4, 1, 10)):
        decode = found.cells[cell_id].works[Phase.DECODE]
        assert decode.steps == 30
        assert decode.gb_s == pytest.approx(0.2 / (step_ms / 1e3))
        assert decode.gflop_s == pytest.approx(0.24 * users / (step_ms / 1e3))
        assert decode.intensity == pytest.approx(1.2 * users)
        assert found.cells[cell_id].roofs == Roofs(24.0, 100.0, 32_000_000)
    prefill = found.cells[2].works[Phase.PREFILL]
    assert prefill.steps == 4  # of two users in two runs
    assert prefill.gflop_s == pytest.approx((64 * 0.2 + 0.04) / 0.2)


def test_known_runs_are_not_read_again(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    works = roofline_reading._works

    def noted(reader: SessionReader, run: RunRecord, cell: CellRecord) -> object:
        read.append(run.run_id)
        return works(reader, run, cell)

    monkeypatch.setattr(roofline_reading, "_works", noted)
    first = read_roofline(session, {}, GO_ON)
    assert len(read) == 12  # the one that was left out is not
    read.clear()
    known = {run_id: of_run for run_id, of_run in first.of_runs.items() if run_id != 5}
    assert read_roofline(session, known, GO_ON) == first
    assert read == [5]
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        read_roofline(session, {}, stop)


def test_what_has_no_place_is_told_with_its_reason(tmp_path: Path) -> None:
    no_flops = replace(COSTS, matmul_flops_per_token=None)
    session = write_roofline_session(tmp_path / "a.inferometer", costs=(COSTS, no_flops, COSTS, None, None, COSTS))
    found = read_roofline(session, {}, GO_ON)
    assert [found.cells[number].why_not_drawn for number in range(1, 7)] == [
        "",
        UNKNOWN_FLOPS,
        "",
        UNKNOWN_MODEL,
        UNKNOWN_MODEL,
        "",
    ]
    view = read_session(session)
    assert not_drawn(view, found.cells) == (
        f"Not drawn, since {UNKNOWN_FLOPS}: Q8_0 · 2 users. Not drawn, since {UNKNOWN_MODEL}: Q4_K_M · 1 user, Q4_K_M · 2 users."
    )
    paths = paths_of(view, found)
    assert [(path.name, sorted({mark.cell_id for mark in path.marks})) for path in paths] == [("Q8_0", [1, 3]), ("Q4_K_M", [6])]
    nothing = write_roofline_session(tmp_path / "b.inferometer", costs=(None,) * 6)
    assert not_drawn(read_session(nothing), read_roofline(nothing, {}, GO_ON).cells) == f"No cell can be drawn: {UNKNOWN_MODEL}."


def test_roofs_hold_for_the_devices_that_were_used() -> None:
    document = replace(MACHINE, ceilings=CEILINGS).to_json()
    assert roofs_of(document, 0) == Roofs(24.0, 100.0, 32_000_000)
    # Without a GPU the layers lie in main memory whatever was asked.
    assert roofs_of(document, ALL_LAYERS) == Roofs(24.0, 100.0, 32_000_000)
    gpu = {**document, "devices": [{"kind": "gpu", "name": "Example"}]}
    assert roofs_of(gpu, ALL_LAYERS) == Roofs(None, 100.0)
    assert roofs_of(gpu, 10) == Roofs(None, None)
    assert roofs_of(gpu, 0) == Roofs(24.0, None, 32_000_000)


@pytest.mark.parametrize("value", [None, "fast", -1, 0, math.nan, math.inf, True, [1]])
def test_a_file_may_hold_anything(value: object) -> None:
    assert roofs_of({"ceilings": {"bandwidth_gb_s": value, "compute_gflop_s": value}, "cpu": value, "devices": 3}, 0) == Roofs(
        None, None
    )
    assert roofs_of({}, 0) == Roofs(None, None)


def test_the_chosen_cell_has_its_verdicts(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    page.view.select_rows([3])
    assert page.roofline.sentences == [
        "Decode at Q4_K_M · 1 user uses 83 % of the memory bandwidth: a smaller quantization helps, more compute does not.",
        "Prefill at Q4_K_M · 1 user uses 64 % of the compute: more compute helps, more memory bandwidth does not.",
    ]
    page.view.setFocus()
    page.view.select_rows([1])
    qtbot.keyClick(page.view, Qt.Key.Key_Down)
    assert page.roofline.sentences[0] == (
        "Decode at Q8_0 · 4 users uses 21 % of the memory bandwidth and 24 % of the compute: "
        "it is limited by its kernels or by overhead, not by either."
    )
    assert page.roofline.plot._selected == {3}
    assert page.roofline.isVisible()


def test_a_point_chooses_its_cell(qtbot: QtBot, page: ResultsPage, session: Path) -> None:
    opened(qtbot, page, session)
    plot = page.roofline.plot
    (last,) = [mark for path in plot._paths for mark in path.marks if mark.cell_id == 3 and mark.phase is Phase.DECODE]
    qtbot.waitUntil(lambda: plot.plot.vb.width() > 100)
    place = plot.plot.vb.mapViewToScene(pyqtgraph.Point(math.log10(last.intensity), math.log10(last.gflop_s)))
    qtbot.mouseClick(plot._view.viewport(), Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert page.view.selected_rows() == [2]
    assert last.words == (
        "Q8_0 · 4 users, decode\n5.00 GB/s (21 %) · 24.0 GFLOP/s (24 %) · 4.80 FLOP/byte\nlimited by kernel or overhead"
    )


def test_without_a_compute_ceiling_it_is_said_how_to_measure(qtbot: QtBot, page: ResultsPage, tmp_path: Path) -> None:
    session = write_roofline_session(tmp_path / "slope.inferometer", ceilings=Ceilings(bandwidth_gb_s=24.0))
    opened(qtbot, page, session)
    page.view.select_rows([0])
    decode, prefill, remark = page.roofline.sentences
    assert decode == "What limits decode at Q8_0 · 1 user cannot be told: its share of the compute is not known."
    assert prefill == "What limits prefill at Q8_0 · 1 user cannot be told: its share of the compute is not known."
    assert remark.startswith("The compute ceiling was not measured")
    assert "inferometer machine --refresh" in remark
    assert page.roofline.plot._roofs == Roofs(24.0, None)


def test_without_costs_there_is_no_plot_but_a_reason(qtbot: QtBot, page: ResultsPage, tmp_path: Path) -> None:
    opened(qtbot, page, write_roofline_session(tmp_path / "none.inferometer", costs=(None,) * 6))
    assert page.roofline.plot.isHidden()
    assert page.roofline.sentences == [f"No cell can be drawn: {UNKNOWN_MODEL}."]


def test_another_session_takes_its_place(qtbot: QtBot, page: ResultsPage, session: Path, tmp_path: Path) -> None:
    opened(qtbot, page, session)
    other = write_roofline_session(tmp_path / "other.inferometer", ceilings=Ceilings(bandwidth_gb_s=30.0))
    page.open_session(session)
    opened(qtbot, page, other)
    assert page.roofline.plot._roofs == Roofs(30.0, None)
    page.refresh()
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)
    assert page.roofline.plot._roofs == Roofs(30.0, None)
