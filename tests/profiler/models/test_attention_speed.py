"""What looking back costs, by hand."""

import pytest

from profiler.modelfile.description import describe
from profiler.models.attention_speed import Attention, attention_of, pair_seconds
from profiler.models.speed_prediction import predicted_step
from profiler.records.kernel_speed import KernelSpeed
from tests.helpers.small_models import write_small_model


def heads(tokens, depth, seconds, *, count=4, size=64, spread=0.0):
    return KernelSpeed("heads", "f16", tokens, 1, seconds, spread, 10**6, 10**6, 10, depth, count, size)


@pytest.fixture
def speeds():
    """A look takes 50 ns with heads of 64 and 30 ns with heads of 128; in a prompt 5 ns."""
    return (
        heads(1, 0, 1e-3),
        heads(1, 500, 1e-3 + 500 * 4 * 10 * 50e-9),
        heads(1, 0, 2e-3, count=2, size=128),
        heads(1, 500, 2e-3 + 500 * 2 * 10 * 30e-9, count=2, size=128),
        heads(64, 0, 4e-3),
        heads(64, 500, 4e-3 + 64 * 500 * 4 * 10 * 5e-9),
    )


def test_what_a_look_takes_is_what_held_tokens_add(speeds):
    assert pair_seconds(speeds, 128, is_prefill=False) == pytest.approx(50e-9)
    assert pair_seconds(speeds, 256, is_prefill=False) == pytest.approx(30e-9)
    assert pair_seconds(speeds, 128, is_prefill=True) == pytest.approx(5e-9)


def test_other_sizes_are_on_the_line_or_in_proportion(speeds):
    assert pair_seconds(speeds, 192, is_prefill=False) == pytest.approx(40e-9)
    assert pair_seconds(speeds, 512, is_prefill=False) == pytest.approx(60e-9)
    assert pair_seconds(speeds, 64, is_prefill=False) == pytest.approx(25e-9)


def test_where_it_was_not_measured_nothing_is_told(speeds):
    assert pair_seconds([], 128, is_prefill=False) is None
    assert pair_seconds(speeds[:1], 128, is_prefill=False) is None
    assert pair_seconds([speeds[1]], 128, is_prefill=False) is None


def test_a_faster_look_than_none_is_no_gain():
    assert pair_seconds([heads(1, 0, 2e-3), heads(1, 500, 1e-3)], 128, is_prefill=False) == 0.0


def test_pairs_of_a_step(tmp_path):
    """Two layers of four heads, whose K and V have 16 elements each."""
    model = describe(write_small_model(tmp_path / "small.gguf"))
    assert attention_of(model, 8, 100, is_prefill=False) == Attention(8, 32, 800)
    assert attention_of(model, 64, 100, is_prefill=True) == Attention(8, 32, 64 * (100 + 32))


def test_it_is_a_part_of_the_step(tmp_path, speeds):
    model = describe(write_small_model(tmp_path / "small.gguf"))
    kernels = (
        KernelSpeed("wide", "f16", 1, 1, 1e-3, 0.0, 500_000, 1_000_000, 2),
        KernelSpeed("thin", "f16", 1, 1, 1e-3, 0.0, 500_000, 1_000_000, 32),
        *speeds,
    )
    empty = predicted_step(model, kernels, 1.0)
    held = predicted_step(model, kernels, 1.0, attention=Attention(8, 128, 1000), kv_bytes=1000)
    assert held.seconds - empty.seconds == pytest.approx(8 * 1000 * 50e-9)
    reading = predicted_step(model, kernels, 1.0, attention=Attention(8, 128, 1000), kv_bytes=10**9)
    assert reading.seconds - empty.seconds == pytest.approx(1.0), "memory gives them no faster"
    strange = predicted_step(model, kernels, 1.0, attention=Attention(8, 128, 1000), is_cache_measured=False)
    assert strange.high_seconds / strange.seconds > held.high_seconds / held.seconds
