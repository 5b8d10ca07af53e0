"""The card of the speed to expect: words, looking, calibrating, stopping."""

import threading

import pytest
from pytestqt.qtbot import QtBot

from app.bridge.job import JobLine
from app.pages.models.fit import Service
from app.pages.models.speed_card import SpeedCard
from app.pages.models.speed_outlook import SpeedOutlook, residual_words, speed_text
from profiler.errors import EnvironmentFault, Interrupted
from profiler.modelfile.description import ModelDescription, describe
from profiler.models.prediction_residuals import Residual, Setting
from profiler.models.sample import sample_model_path
from profiler.models.speed_prediction import StepPrediction

LIKELY = StepPrediction(0.02, 0.01, 0.04, "kernels", tokens=4)
BOUNDS = StepPrediction(None, 0.01, 0.04, "bandwidth", tokens=4)


@pytest.fixture(scope="module")
def sample() -> ModelDescription:
    return describe(sample_model_path())


def outlook(*, is_calibrated: bool = False, last: Residual | None = None) -> SpeedOutlook:
    return SpeedOutlook(4, LIKELY if is_calibrated else BOUNDS, None, last, is_calibrated)


def residual(ratio: float) -> Residual:
    return Residual(Setting("m", 1, (), "here", "c"), 4, (1.0, ratio))


def test_words() -> None:
    assert speed_text(LIKELY) == "200 tok/s (100 to 400)"
    assert speed_text(BOUNDS) == "100 to 400 tok/s"
    assert speed_text(None) == "not available"
    assert "with 4 users: a step took 3.0 % longer" in residual_words(outlook(last=residual(1.03)))
    assert "3.0 % less" in residual_words(outlook(last=residual(0.97)))
    assert "as long as" in residual_words(outlook(last=residual(1.001)))
    assert residual_words(outlook()) == ""


def test_calibrating_makes_bounds_a_figure(qtbot: QtBot, sample: ModelDescription) -> None:
    done: list[str] = []

    def calibrate(line: JobLine, description: ModelDescription) -> None:
        done.append(description.architecture)

    card = SpeedCard(lambda description, service: outlook(is_calibrated=bool(done)), calibrate)
    qtbot.addWidget(card)
    card.show()
    card.show_model(sample, Service(4096, 4))
    qtbot.waitUntil(lambda: not card.is_busy)
    assert card.facts[0].value == "100 to 400 tok/s"
    assert card.basis.accessibleName() == "On the processor, from bandwidth."
    card.calibrate_button.click()
    qtbot.waitUntil(lambda: not card.is_busy)
    assert (done, card.facts[0].value) == (["llama"], "200 tok/s (100 to 400)")
    assert card.calibrate_button.text() == "Calibrate again"
    assert card.strip.words.startswith("Calibrated")


def test_it_can_be_stopped_and_does_not_run_beside_a_sweep(qtbot: QtBot, sample: ModelDescription) -> None:
    started = threading.Event()

    def endless(line: JobLine, description: ModelDescription) -> None:
        started.set()
        assert line.cancel.wait(5)
        raise Interrupted("stopped")

    card = SpeedCard(lambda description, service: outlook(), endless)
    qtbot.addWidget(card)
    card.show()
    card.show_model(sample, Service())
    qtbot.waitUntil(lambda: not card.is_busy)
    card.calibrate_button.click()
    assert started.wait(5)
    assert not card.calibrate_button.isEnabled()
    card.strip.cancel_button.click()
    qtbot.waitUntil(lambda: not card.is_busy)
    assert card.strip.words.startswith("Stopped")
    card.calibrate_button.click()
    card.set_measuring(True)
    qtbot.waitUntil(lambda: not card.is_busy)
    assert not card.calibrate_button.isEnabled()
    card.set_measuring(False)
    assert card.calibrate_button.isEnabled()
    qtbot.waitUntil(lambda: not card.is_busy)


def test_a_failure_is_told(qtbot: QtBot, sample: ModelDescription) -> None:
    def broken(line: JobLine, description: ModelDescription) -> None:
        raise EnvironmentFault("The engine did not start.")

    card = SpeedCard(lambda description, service: outlook(), broken)
    qtbot.addWidget(card)
    card.show()
    card.show_model(sample, Service())
    qtbot.waitUntil(lambda: not card.is_busy)
    card.calibrate_button.click()
    qtbot.waitUntil(lambda: not card.is_busy)
    assert card.strip.words == "The engine did not start."
