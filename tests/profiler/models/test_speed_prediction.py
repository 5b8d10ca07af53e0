"""Steps predicted from made-up kernels, reckoned by hand."""

import math

import pytest

from profiler.modelfile.description import describe
from profiler.models.kernel_speeds import REPRESENTATIVE_TYPES
from profiler.models.speed_prediction import (
    CALIBRATED,
    KIN,
    SLOWEST_UNDER_ROOF,
    STOOD_IN,
    STOOD_IN_BY_KIN,
    StepPrediction,
    matmul_bytes,
    matrix_shares,
    predicted_step,
)
from profiler.records.kernel_speed import KernelSpeed
from tests.helpers.small_models import write_small_model


def kernel(shape, type_name, tokens, seconds, *, sequences=None, size=1_000_000, layers=2, bits=16.0, spread=0.0, weights=None):
    return KernelSpeed(
        shape, type_name, tokens, sequences or tokens, seconds, spread, weights or round(size * 8 / bits), size, layers
    )


def thin(type_name, tokens, layer_s, wide_s, *, sequences=None, bits=16.0):
    """32 layers whose weights, as many as the wide ones', come from a cache in half their time."""
    return kernel("thin", type_name, tokens, 32 * layer_s + wide_s / 2, sequences=sequences, layers=32, bits=bits)


@pytest.fixture
def model(tmp_path):
    """Two layers of 41 216 weights in F16 and a tied embedding of 96 × 64: 2 × 73 728 + 12 288 bytes for a step."""
    return describe(write_small_model(tmp_path / "small.gguf"))


@pytest.fixture
def total():
    return 2 * 2 * (64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 128 * 64) + 2 * 96 * 64


@pytest.fixture
def speeds():
    """2 layers of a wide MB cost 10 µs each beside: 1 GB/s at one token, 2 ms for 1 MB at two."""
    return (
        kernel("wide", "f16", 1, 1e-3 + 20e-6),
        kernel("wide", "f16", 2, 2e-3 + 20e-6),
        kernel("wide", "f16", 64, 8e-3 + 40e-6, sequences=1),
        thin("f16", 1, 10e-6, 1e-3 + 20e-6),
        thin("f16", 2, 10e-6, 2e-3 + 20e-6),
        thin("f16", 64, 20e-6, 8e-3 + 40e-6, sequences=1),
    )


def test_bytes_of_a_step(model, total):
    assert matmul_bytes(model, 1) == {"F16": total}
    by_size = {share.elements: share.bytes for share in matrix_shares(model, 1)}
    assert by_size == {4096: 2 * 2 * 8192, 2048: 2 * 2 * 4096, 8192: 2 * 3 * 16384, 96 * 64: 2 * 96 * 64}


def test_weights_at_the_kernels_rate_and_layers_at_their_cost(model, total, speeds):
    found = predicted_step(model, speeds, None)
    assert found.seconds == pytest.approx(total / 1e9 + 2 * 10e-6)
    assert (found.low_seconds, found.high_seconds) == pytest.approx((found.seconds / CALIBRATED, found.seconds * CALIBRATED))
    at_two = predicted_step(model, speeds, None, tokens=2)
    assert at_two.seconds == pytest.approx(total / 0.5e9 + 2 * 10e-6)
    prompt = predicted_step(model, speeds, None, tokens=64, is_prefill=True)
    assert prompt.seconds == pytest.approx(total / 0.125e9 + 2 * 20e-6)
    twice = predicted_step(model, speeds, None, tokens=128, is_prefill=True)
    assert twice.seconds == pytest.approx(2 * prompt.seconds, rel=0.01)


def test_what_a_run_takes_is_foretold_by_the_median_not_the_fastest(model, speeds):
    wider = [
        KernelSpeed(s.shape, s.type, s.tokens, s.sequences, s.seconds / 1.25, 25.0, s.weights, s.bytes, s.layers) for s in speeds
    ]
    assert predicted_step(model, wider, None).seconds == pytest.approx(predicted_step(model, speeds, None).seconds)


def test_a_matrix_between_the_measured_sizes_is_on_the_line_over_their_logarithm(model):
    """Narrow matrices of 1024 weights at 4 ns a byte, wide ones of 16 384 at 1 ns: 4096 weights are half way, 2.5 ns."""
    narrow = kernel("narrow", "f16", 1, 4e-3, weights=7 * 1024, layers=1)
    wide = kernel("wide", "f16", 1, 1e-3, weights=7 * 16384, layers=1)
    free = kernel("thin", "f16", 1, 1e-9, layers=32)
    found = predicted_step(model, (narrow, wide, free), None)
    expected = 0.0
    for elements, count in {4096: 32768, 2048: 16384, 8192: 98304, 6144: 12288}.items():
        expected += count * (4 - 3 * math.log2(elements / 1024) / 4) * 1e-9
    assert found.seconds == pytest.approx(expected)


def test_between_two_measured_numbers_of_tokens_the_time_is_on_their_line(model, speeds):
    more = (*speeds, kernel("wide", "f16", 4, 4e-3 + 20e-6), thin("f16", 4, 10e-6, 4e-3 + 20e-6))
    low, middle, high = (predicted_step(model, more, None, tokens=count).seconds for count in (2, 3, 4))
    assert middle == pytest.approx((low + high) / 2)


def test_memory_bounds_what_a_kernel_does_in_its_cache(model, total, speeds):
    slow = predicted_step(model, speeds, 0.1, cache_bytes=total)
    assert slow.seconds == pytest.approx(total / 0.1e9 + 2 * 10e-6)
    cached = predicted_step(model, speeds, 0.1, cache_bytes=100 * total)
    assert cached.seconds == pytest.approx(total / 1e9 + 2 * 10e-6)
    assert predicted_step(model, speeds, 0.1, kv_bytes=1_000_000, cache_bytes=100 * total).seconds == pytest.approx(
        cached.seconds + 0.01
    )


def of_types(*types):
    """A wide MB of each in so many seconds; layers cost nothing beside."""
    kernels = [kernel("wide", name, tokens, seconds, bits=bits) for name, bits, seconds in types for tokens in (1, 16)]
    name, bits, _ = types[0]
    return [*kernels, *(kernel("thin", name, tokens, 1e-9, layers=32, bits=bits) for tokens in (1, 16))]


def test_a_kernel_that_is_alike_stands_in_before_one_that_is_nearer_in_bits(model, total):
    found = predicted_step(model, of_types(("q8_0", 8.5, 5e-3), ("f32", 32.0, 1e-3)), None)
    assert found.seconds == pytest.approx(total / 1e9)
    assert found.high_seconds == pytest.approx(found.seconds * STOOD_IN_BY_KIN)
    assert "F16 by f32" in found.method


def test_else_the_nearest_in_bits_by_its_bytes_and_of_many_tokens_by_its_weights(model, total):
    others = of_types(("q8_0", 8.0, 1e-3), ("q4_K", 4.0, 9e-3))
    found = predicted_step(model, others, None)
    assert found.seconds == pytest.approx(total / 1e9)
    assert found.high_seconds == pytest.approx(found.seconds * STOOD_IN)
    assert "F16 by q8_0" in found.method
    assert predicted_step(model, others, None, tokens=16).seconds == pytest.approx(total / 2 / 1e9)


def test_what_a_layer_costs_is_known_without_the_type_of_the_thin_layers(model, speeds):
    others = [*(speed for speed in speeds if speed.shape == "thin"), kernel("wide", "q8_0", 1, 1e-3, bits=8.0)]
    assert predicted_step(model, others, None).seconds is not None


def test_every_group_of_alike_kernels_has_one_that_is_calibrated():
    calibrated = {name.lower() for name in REPRESENTATIVE_TYPES}
    alone = [group for group in KIN if not group & calibrated]
    assert alone == [next(group for group in KIN if "iq2_s" in group)]
    assert sum(len(group) for group in KIN) == len(frozenset().union(*KIN))


def test_without_a_calibration_only_bounds_are_known(model, total):
    found = predicted_step(model, (), 1.0)
    assert found.seconds is None
    assert (found.low_seconds, found.high_seconds) == pytest.approx((total / 1e9, SLOWEST_UNDER_ROOF * total / 1e9))
    assert predicted_step(model, (), None) is None


def test_tokens_a_second_are_of_all_sequences_together():
    found = StepPrediction(0.5, 0.25, 1.0, "", 4)
    assert (found.tok_s, found.tok_s_low, found.tok_s_high) == (8.0, 4.0, 16.0)
    assert StepPrediction(None, 0.25, 1.0, "", 4).tok_s is None
