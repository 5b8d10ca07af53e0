"""Corrections by what runs took, reckoned by hand."""

import json
import math
from dataclasses import replace

import pytest

from profiler.models import prediction_residuals
from profiler.models.prediction_residuals import (
    MOST_ENTRIES,
    MOST_RATIOS,
    NARROWEST,
    Residual,
    Setting,
    corrected,
    known,
    learn,
    nearness,
)
from profiler.models.speed_prediction import StepPrediction

SETTING = Setting("llama 135000000 97000000", 135_000_000, (("Q4_1", 0.75), ("Q8_0", 0.25)), "0.3.36 threads 2 layers 0", "a1")
OTHER = replace(SETTING, model="llama 135000000 145000000", mix=(("Q8_0", 1.0),), calibration="b2")
PREDICTION = StepPrediction(0.010, 0.005, 0.020, "kernels")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))


def test_the_same_model_is_corrected_whole_by_its_own_runs():
    found = corrected(PREDICTION, SETTING, [Residual(SETTING, 1, (1.2, 1.2, 1.2)), Residual(OTHER, 1, (3.0,))])
    assert found.seconds == pytest.approx(0.012)
    # Three runs against a prior of one: a quarter of the interval is still the prediction's own, a factor of two.
    factor = NARROWEST**0.75 * 2**0.25
    assert (found.low_seconds, found.high_seconds) == pytest.approx((0.012 / factor, 0.012 * factor))
    assert "this model's own runs" in found.method


def test_the_interval_is_no_narrower_than_the_residuals_spread():
    ratios = (1.0, 4.0) * 4
    found = corrected(PREDICTION, SETTING, [Residual(SETTING, 1, ratios)])
    assert found.seconds == pytest.approx(0.020)
    assert found.high_seconds / found.seconds == pytest.approx(4 ** (8 / 9) * 2 ** (1 / 9))


def test_a_similar_model_draws_the_prediction_towards_its_residual_but_not_all_the_way():
    """A quarter of the bytes are of its type: a weight of an eighth against the prior's 1, so a ninth of the way to 1.8."""
    found = corrected(PREDICTION, SETTING, [Residual(OTHER, 1, (1.8,))])
    assert nearness(Residual(OTHER, 1, (1.8,)), SETTING, 1) == pytest.approx(1 / 8)
    assert found.seconds == pytest.approx(0.010 * 1.8 ** (1 / 9))
    assert "similar models" in found.method


def test_nothing_is_learned_from_another_machine_or_an_older_calibration_of_the_same_model():
    others = [
        Residual(replace(SETTING, machine="0.3.36 threads 1 layers 0"), 1, (3.0,)),
        Residual(replace(SETTING, calibration="z9"), 1, (3.0,)),
    ]
    assert corrected(PREDICTION, SETTING, others) is PREDICTION
    only_bounds = replace(PREDICTION, seconds=None)
    assert corrected(only_bounds, SETTING, [Residual(SETTING, 1, (1.2,))]) is only_bounds


def test_other_numbers_of_tokens_count_less_the_further_they_are():
    assert nearness(Residual(SETTING, 1, (1.2,)), SETTING, 2) == pytest.approx(math.exp(-1))
    assert nearness(Residual(SETTING, 8, (1.2,)), SETTING, 2) == pytest.approx(math.exp(-2))


def test_what_was_learned_is_there_again_and_the_oldest_goes():
    for number in range(MOST_RATIOS + 2):
        learn(SETTING, 1, 0.010 + 0.001 * number, 0.010)
    (only,) = known()
    assert (only.setting, only.tokens) == (SETTING, 1)
    assert only.ratios == pytest.approx([1 + 0.1 * number for number in range(2, MOST_RATIOS + 2)])
    learn(replace(SETTING, calibration="new"), 1, 0.011, 0.010)
    assert [each.setting.calibration for each in known()] == ["new"]


def test_the_file_is_bounded(monkeypatch):
    monkeypatch.setattr(prediction_residuals, "MOST_ENTRIES", 3)
    assert MOST_ENTRIES > 3
    for tokens in range(1, 6):
        learn(SETTING, tokens, 0.010, 0.010)
    assert [each.tokens for each in known()] == [3, 4, 5]


@pytest.mark.parametrize(("measured_s", "predicted_s"), [(0.0, 1.0), (1.0, 0.0), (math.nan, 1.0), (math.inf, 1.0), (1.0, 1e-6)])
def test_figures_that_make_no_sense_are_not_kept(measured_s, predicted_s):
    learn(SETTING, 1, measured_s, predicted_s)
    assert known() == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document.update(format=99),
        lambda document: document["residuals"][0].update(ratios=[]),
        lambda document: document["residuals"][0].update(ratios=[float("nan")]),
        lambda document: document["residuals"][0].update(tokens=0),
        lambda document: document["residuals"][0]["setting"].update(mix=[["Q8_0", 7]]),
        lambda document: document["residuals"][0]["setting"].pop("machine"),
        lambda document: document.update(residuals=3),
    ],
)
def test_a_file_that_is_not_as_we_write_it_is_not_believed(damage):
    learn(SETTING, 1, 0.012, 0.010)
    file = prediction_residuals._file()
    document = json.loads(file.read_text())
    damage(document)
    file.write_text(json.dumps(document))
    assert known() == ()
    file.write_text("[")
    assert known() == ()
