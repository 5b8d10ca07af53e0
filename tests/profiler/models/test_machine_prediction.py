"""What is kept of a machine, put together."""

import pytest

from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import describe
from profiler.models import kernel_speeds, prediction_residuals
from profiler.models.machine_prediction import predict_speed, uncorrected
from profiler.records.kernel_speed import KernelSpeed
from profiler.records.memory_speed import MemorySpeed
from tests.helpers.small_models import write_small_model

MEMORY = MemorySpeed(1.0, None)
VERSION = "0.3.36"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))


@pytest.fixture
def model(tmp_path):
    return describe(write_small_model(tmp_path / "small.gguf"))


@pytest.fixture
def speeds():
    made = (
        KernelSpeed("wide", "f16", 1, 1, 1e-3, 0.0, 500_000, 1_000_000, 2),
        KernelSpeed("thin", "f16", 1, 1, 1e-3, 0.0, 500_000, 1_000_000, 32),
    )
    kernel_speeds._store(kernel_speeds._key(VERSION, 2, 0), made)
    return made


def test_without_a_calibration_the_ceilings_bound_it(model):
    assert predict_speed(model, MemorySpeed(None, None), threads=2) is None
    found = predict_speed(model, MEMORY, threads=2)
    assert found.tok_s is None
    assert found.tok_s_low < found.tok_s_high


def test_the_kept_kernels_and_residuals_of_these_threads_are_taken(model, speeds):
    plain = predict_speed(model, MEMORY, threads=2)
    assert plain == uncorrected(model, speeds, MEMORY, tokens=1, context_tokens=0)
    setting = prediction_residuals.Setting.of(model, speeds, VERSION, 2, 0)
    prediction_residuals.learn(setting, 1, 1.3 * plain.seconds, plain.seconds)
    assert predict_speed(model, MEMORY, threads=2).seconds == pytest.approx(1.3 * plain.seconds)
    assert predict_speed(model, MEMORY, threads=1).tok_s is None


def test_context_that_is_held_is_read_besides(model, speeds):
    """As many bytes a token as the costs of a step have it, at 1 GB/s."""
    a_token = step_costs(model, "f16", "f16").kv_bytes_per_token
    empty = predict_speed(model, MEMORY, threads=2)
    full = predict_speed(model, MEMORY, threads=2, context_tokens=1000)
    assert full.seconds - empty.seconds == pytest.approx(1000 * a_token / 1e9)


def test_main_memory_says_nothing_of_a_gpu(model):
    assert predict_speed(model, MEMORY, threads=2, n_gpu_layers=2) is None
