"""Steps predicted from made-up kernels, reckoned by hand."""

import pytest

from profiler.modelfile.description import describe
from profiler.models.speed_prediction import (
    CALIBRATED,
    SLOWEST_UNDER_ROOF,
    STOOD_IN,
    matmul_bytes,
    predicted_step,
)
from profiler.records.kernel_speed import KernelSpeed
from tests.helpers.small_models import write_small_model


def kernel(shape, type_name, tokens, seconds, *, sequences=None, size=1_000_000, layers=2, bits=16):
    return KernelSpeed(shape, type_name, tokens, sequences or tokens, seconds, 1.0, size * 8 // bits, size, layers)


@pytest.fixture
def model(tmp_path):
    """Two layers of 41 216 weights in F16 and a tied embedding of 96 × 64: 2 × 73 728 + 12 288 bytes for a step."""
    return describe(write_small_model(tmp_path / "small.gguf"))


@pytest.fixture
def layer_bytes():
    return 2 * (64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 128 * 64)


@pytest.fixture
def speeds():
    """1 GB/s at one token, 2 ms for 1 MB at two; a thin layer takes 10 µs beside its weights."""
    return (
        kernel("wide", "f16", 1, 1e-3),
        kernel("wide", "f16", 2, 2e-3),
        kernel("wide", "f16", 64, 8e-3, sequences=1),
        kernel("thin", "f16", 1, 32 * 10e-6 + 1e-3, layers=32),
        kernel("thin", "f16", 2, 32 * 10e-6 + 2e-3, layers=32),
        kernel("thin", "f16", 64, 32 * 20e-6 + 8e-3, sequences=1, layers=32),
    )


def test_bytes_of_a_step(model, layer_bytes):
    assert matmul_bytes(model, 1) == {"F16": 2 * layer_bytes + 2 * 96 * 64}


def test_weights_at_the_kernels_rate_and_layers_at_their_cost(model, layer_bytes, speeds):
    total = 2 * layer_bytes + 2 * 96 * 64
    found = predicted_step(model, speeds, None)
    assert found.seconds == pytest.approx(total / 1e9 + 2 * 10e-6)
    assert (found.low_seconds, found.high_seconds) == pytest.approx((found.seconds / CALIBRATED, found.seconds * CALIBRATED))
    at_two = predicted_step(model, speeds, None, tokens=2)
    assert at_two.seconds == pytest.approx(total / 0.5e9 + 2 * 10e-6)
    prompt = predicted_step(model, speeds, None, tokens=64, is_prefill=True)
    assert prompt.seconds == pytest.approx(total / 0.125e9 + 2 * 20e-6)
    twice = predicted_step(model, speeds, None, tokens=128, is_prefill=True)
    assert twice.seconds == pytest.approx(2 * prompt.seconds, rel=0.01)


def test_between_two_measured_numbers_of_tokens_the_time_is_on_their_line(model, speeds):
    more = (*speeds, kernel("wide", "f16", 4, 4e-3), kernel("thin", "f16", 4, 32 * 10e-6 + 4e-3, layers=32))
    low, middle, high = (predicted_step(model, more, None, tokens=count).seconds for count in (2, 3, 4))
    assert middle == pytest.approx((low + high) / 2)


def test_memory_bounds_what_a_kernel_does_in_its_cache(model, layer_bytes, speeds):
    total = 2 * layer_bytes + 2 * 96 * 64
    slow = predicted_step(model, speeds, 0.1, cache_bytes=total)
    assert slow.seconds == pytest.approx(total / 0.1e9 + 2 * 10e-6)
    cached = predicted_step(model, speeds, 0.1, cache_bytes=100 * total)
    assert cached.seconds == pytest.approx(total / 1e9 + 2 * 10e-6)
    assert predicted_step(model, speeds, 0.1, kv_bytes=1_000_000, cache_bytes=100 * total).seconds == pytest.approx(
        cached.seconds + 0.01
    )


def test_a_type_that_was_not_measured_is_stood_in_for_by_the_nearest(model, layer_bytes, speeds):
    """Kernels of 8 and 4.5 bits: 16 bits are nearest to 8; a weight takes as long, so 16/8 times the bytes as many seconds."""
    total = 2 * layer_bytes + 2 * 96 * 64
    others = [
        kernel(shape, name, 1, seconds, bits=bits, layers=layers)
        for name, bits in (("q8_0", 8), ("q4_K", 4))
        for shape, seconds, layers in (("wide", 1e-3, 2), ("thin", 1e-3, 32))
    ]
    found = predicted_step(model, others, None)
    assert found.seconds == pytest.approx(total / 2 / 1e9)
    assert found.high_seconds == pytest.approx(found.seconds * STOOD_IN)
    assert "F16 by q8_0" in found.method


def test_without_a_calibration_only_bounds_are_known(model, layer_bytes):
    total = 2 * layer_bytes + 2 * 96 * 64
    found = predicted_step(model, (), 1.0)
    assert found.seconds is None
    assert (found.low_seconds, found.high_seconds) == pytest.approx((total / 1e9, SLOWEST_UNDER_ROOF * total / 1e9))
    assert predicted_step(model, (), None) is None
