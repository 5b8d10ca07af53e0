import dataclasses
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from profiler.records import packing
from profiler.records.timing import STEP_DTYPE, TOKEN_DTYPE, Samples
from profiler.session import chunks

_FLOATS = st.floats(width=64)


def _packed(columns, *, rows=2, codec=chunks.CODEC, unpacked_bytes=None):
    packed = packing.pack(columns)
    return chunks.Chunk(rows, codec, len(packed) if unpacked_bytes is None else unpacked_bytes, zlib.compress(packed))


@given(arrays(TOKEN_DTYPE, st.integers(1, 40)))
def test_any_tokens_come_back(tokens):
    (chunk,) = chunks.row_chunks(tokens)
    assert np.array_equal(chunks.chunk_rows("token", chunk), tokens)


@given(arrays(STEP_DTYPE, st.integers(1, 10)))
def test_any_steps_come_back(steps):
    (chunk,) = chunks.row_chunks(steps)
    assert np.array_equal(chunks.chunk_rows("step", chunk), steps)


@given(
    arrays(np.int64, 5), st.dictionaries(st.sampled_from(["a_bytes", "b_percent", "c"]), arrays(np.float64, 5, elements=_FLOATS))
)
def test_any_samples_come_back(times_ns, channels):
    (chunk,) = chunks.sample_chunks(Samples(times_ns, channels))
    found = chunks.chunk_samples(chunk)
    assert np.array_equal(found.times_ns, times_ns)
    assert found.channels.keys() == channels.keys()
    assert all(np.array_equal(found.channels[name], channels[name], equal_nan=True) for name in channels)


def test_many_rows_are_cut_into_chunks():
    tokens = np.zeros(chunks.MAX_ROWS + 3, TOKEN_DTYPE)
    tokens["token"] = np.arange(len(tokens))
    found = list(chunks.row_chunks(tokens))
    assert [chunk.rows for chunk in found] == [chunks.MAX_ROWS, 3]
    assert np.array_equal(np.concatenate([chunks.chunk_rows("token", chunk) for chunk in found]), tokens)


def test_chunks_of_wide_samples_can_be_read_back():
    samples = Samples(
        np.arange(20_000), {f"cpu_percent_{core}": np.random.default_rng(core).random(20_000) for core in range(96)}
    )
    found = list(chunks.sample_chunks(samples))
    assert len(found) > 1
    assert sum(len(chunks.chunk_samples(chunk).times_ns) for chunk in found) == 20_000


def test_tokens_take_few_bytes():
    """Eight users decoded together for a second: 20 bytes a row, less than four in the file."""
    random = np.random.default_rng(1)
    tokens = np.zeros(8 * 28, TOKEN_DTYPE)
    tokens["request"] = np.tile(np.arange(8), 28)
    tokens["step"] = np.repeat(np.arange(28), 8) + 1000
    tokens["time_ns"] = np.repeat(np.cumsum(random.normal(35e6, 1e6, 28)).astype(int), 8) + 12_345_678_901
    tokens["token"] = np.minimum(random.zipf(1.2, len(tokens)), 49_151)
    (chunk,) = chunks.row_chunks(tokens)
    assert len(chunk.data) / len(tokens) < 4


def test_samples_are_joined_over_differing_channels():
    first = Samples(np.array([1, 2]), {"a": np.array([1.0, 2.0])})
    second = Samples(np.array([3]), {"b": np.array([9.0])})
    joined = chunks.joined_samples([first, second])
    assert joined.times_ns.tolist() == [1, 2, 3]
    assert np.array_equal(joined.channels["a"], [1, 2, np.nan], equal_nan=True)
    assert np.array_equal(joined.channels["b"], [np.nan, np.nan, 9], equal_nan=True)
    assert chunks.joined_samples([]).channels == {}


TOKENS = {
    "request": np.array([0, 1]),
    "step": np.array([0, 0]),
    "time_ns": np.array([5, 6]),
    "token": np.array([1, 2]),
}


def test_a_chunk_made_by_hand_is_read():
    tokens = chunks.chunk_rows("token", _packed(TOKENS))
    assert tokens["time_ns"].tolist() == [5, 6]


def test_steps_of_version_1_had_no_prefix_cache():
    steps = np.ones(2, STEP_DTYPE)
    later = ("cached_tokens", "evictions")
    columns = {name: steps[name].astype(np.int64) for name in STEP_DTYPE.names if name not in later}
    found = chunks.chunk_rows("step", _packed(columns))
    assert all(found[name].tolist() == [0, 0] for name in later)
    assert all(found[name].tolist() == [1, 1] for name in columns)
    with pytest.raises(ValueError, match="in_system"):
        chunks.chunk_rows("step", _packed({name: column for name, column in columns.items() if name != "in_system"}))


@pytest.mark.parametrize(
    ("chunk", "complaint"),
    [
        (_packed(TOKENS, codec="pickle"), "pickle"),
        (_packed(TOKENS, rows=3), "rows"),
        (_packed(TOKENS, rows=10**9), "larger"),
        (_packed(TOKENS, rows=0), "larger"),
        (_packed(TOKENS, unpacked_bytes=10**12), "larger"),
        (_packed(TOKENS, unpacked_bytes=5), "another size"),
        (_packed(TOKENS, unpacked_bytes=10_000), "another size"),
        (dataclasses.replace(_packed(TOKENS), data=b"\x78\x9cnonsense"), "decompressed"),
        (dataclasses.replace(_packed(TOKENS), data=b""), "another size"),
        (_packed({name: column for name, column in TOKENS.items() if name != "step"}), "step"),
        (_packed(TOKENS | {"step": np.array([-1, 0])}), "range"),
        (_packed(TOKENS | {"step": np.array([0, 2**40])}), "range"),
        (_packed(TOKENS | {"step": np.array([0.0, np.nan])}), "step"),
        (_packed({f"{name}+differences": column for name, column in TOKENS.items()}), "beginning"),
    ],
)
def test_damaged_chunks_are_refused(chunk, complaint):
    with pytest.raises(ValueError, match=complaint):
        chunks.chunk_rows("token", chunk)


def test_a_bomb_is_not_inflated():
    """64 MiB would come out of 64 kB; no more than what is claimed is taken."""
    data = zlib.compress(bytes(64 << 20))
    tracemalloc.start()
    with pytest.raises(ValueError, match="another size"):
        chunks.chunk_rows("token", chunks.Chunk(2, chunks.CODEC, 100, data))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1 << 20


def test_packed_bytes_that_do_not_add_up_are_refused():
    packed = packing.pack(TOKENS)[:-1]
    with pytest.raises(ValueError, match="shorter"):
        chunks.chunk_rows("token", chunks.Chunk(2, chunks.CODEC, len(packed), zlib.compress(packed)))


def test_samples_without_times_are_refused():
    with pytest.raises(ValueError, match="times"):
        chunks.chunk_samples(_packed({"process_rss_bytes": np.array([1.0, 2.0])}))
