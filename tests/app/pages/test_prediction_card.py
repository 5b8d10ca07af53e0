"""Predicted and measured on Results: the rows, what is missing with its reason, and the card's ways."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.pages.results.prediction_words import rows_of
from app.pages.results_page import ResultsPage
from app.settings import Settings
from profiler.errors import Interrupted
from profiler.exchange.findings import prediction_reading
from profiler.exchange.findings.prediction_reading import PredictionReading, SpeedBeside, read_prediction
from profiler.modelfile.description import describe
from profiler.models.fit import BufferBytes
from profiler.models.speed_prediction import StepPrediction
from tests.helpers.roofline_session import write_roofline_session
from tests.helpers.scripted_sweep import MACHINE, MODEL
from tests.profiler.modelfile.conftest import write_dense, write_gguf  # noqa: F401 - fixtures

GO_ON = threading.Event()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roofline_session(tmp_path_factory.mktemp("sessions") / "roofs.inferometer")


def test_speeds_are_those_of_most_steps_and_predicted_here_only(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_prediction(session, 2, GO_ON)
    assert found is not None
    assert found.decode is not None
    # Two users at 20 ms a step.
    assert found.decode.tokens == 2
    assert found.decode.measured_tok_s == pytest.approx(100.0)
    assert found.decode.predicted is None
    assert "cannot be read any more" in found.no_memory
    assert "another one's" in found.no_speed
    monkeypatch.setattr("profiler.hardware.cpu.read", lambda: MACHINE.cpu)
    here = read_prediction(session, 2, GO_ON)
    assert here is not None
    assert here.no_speed == ""


def test_the_file_of_today_must_be_the_one_that_was_measured(
    session: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_dense: Callable[..., Path],  # noqa: F811
) -> None:
    other = describe(write_dense())
    monkeypatch.setattr(prediction_reading, "describe", lambda path: other)
    monkeypatch.setattr("profiler.hardware.cpu.read", lambda: MACHINE.cpu)
    found = read_prediction(session, 1, GO_ON)
    assert found is not None
    assert "another file" in found.no_memory
    assert found.predicted == {}
    same = dataclasses.replace(other, file_bytes=MODEL.file_bytes)
    monkeypatch.setattr(prediction_reading, "describe", lambda path: same)
    found = read_prediction(session, 1, GO_ON)
    assert found is not None
    assert found.no_memory == ""
    assert found.predicted[""].total_bytes
    assert found.decode is not None
    assert found.decode.predicted is not None, "the session's own bandwidth bounds it"
    assert found.decode.predicted.tok_s is None


def test_reading_can_be_stopped(session: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        read_prediction(session, 1, stop)


def test_rows() -> None:
    predicted = {"": BufferBytes(100, 50, 10), "CUDA0": BufferBytes(200, None, 10)}
    measured = {"": BufferBytes(110, 50, 12), "CUDA0": BufferBytes(200, 70, 10)}
    likely = StepPrediction(0.02, 0.01, 0.04, "kernels", tokens=2)
    bounds = StepPrediction(None, 0.01, 0.04, "bandwidth", tokens=64)
    reading = PredictionReading(Path("s"), 1, predicted, measured, SpeedBeside(2, 125.0, likely), SpeedBeside(64, 9000.0, bounds))
    rows = {row.name: row for row in rows_of(reading)}
    assert rows["Weights"].ratio == pytest.approx(310 / 300)
    assert (rows["KV cache"].predicted, rows["KV cache"].ratio) == ("not available", None)
    assert rows["In main memory"].ratio == pytest.approx(172 / 160)
    assert rows["CUDA0"].predicted == "not available"
    decode = rows["Decode, 2 tokens a step"]
    assert (decode.ratio, decode.interval, decode.is_inside) == (1.25, "50 to 200 tok/s", True)
    prefill = rows["Prefill, 64 tokens a step"]
    assert (prefill.predicted, prefill.ratio, prefill.is_inside) == ("bounds only", None, False)
    empty = rows_of(PredictionReading(Path("s"), 1))
    assert {row.measured for row in empty} == {"not available"}


def test_the_card_follows_the_chosen_cell(qtbot: QtBot, settings: Settings, session: Path) -> None:
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.resize(1300, 850)
    page.show()
    page.open_session(session)
    qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)
    for row, name in ((1, "Decode, 2 tokens a step"), (2, "Decode, 4 tokens a step")):
        page.view.select_rows([row])
        qtbot.waitUntil(lambda: not page.is_busy, timeout=5000)
        assert page.prediction.isVisibleTo(page)
        assert name in [each.name for each in page.prediction.table.records]
    assert "cannot be read any more" in page.prediction.remark.accessibleName()
