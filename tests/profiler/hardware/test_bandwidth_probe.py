import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler import clock
from profiler.errors import EnvironmentFault
from profiler.hardware import bandwidth

MIB = 1 << 20


@pytest.mark.parametrize(
    ("physical", "logical", "counts"),
    [
        (2, 2, (1, 2)),
        (1, 1, (1,)),
        (4, 8, (1, 2, 4, 8)),
        (6, 12, (1, 2, 4, 6, 12)),
        (12, 12, (1, 2, 4, 8, 12)),
        (None, 4, (1, 2, 4)),
        (8, 4, (1, 2, 4)),  # a container may see fewer logical cores than the board has physical ones
        (None, None, (1,)),
    ],
)
def test_thread_counts(physical, logical, counts):
    assert bandwidth.thread_counts(physical, logical) == counts


@given(st.one_of(st.none(), st.integers(1, 256)), st.integers(1, 512))
def test_thread_counts_are_few_and_end_with_all_cores(physical, logical):
    counts = bandwidth.thread_counts(physical, logical)
    assert counts[0] == 1
    assert counts[-1] == logical
    assert len(counts) <= 12
    assert list(counts) == sorted(set(counts))


@pytest.mark.parametrize(
    ("cache_bytes", "available_bytes", "wanted_bytes"),
    [
        (100 * MIB, 64 * 1024 * MIB, 400 * MIB),
        (None, 64 * 1024 * MIB, 256 * MIB),
        (8 * MIB, 64 * 1024 * MIB, 256 * MIB),
        (2048 * MIB, 64 * 1024 * MIB, 4096 * MIB),
        (100 * MIB, 400 * MIB, 100 * MIB),
    ],
    ids=["four caches", "no cache told", "at least", "at most", "little memory"],
)
def test_size_of_the_buffer(cache_bytes, available_bytes, wanted_bytes):
    assert bandwidth._suitable_bytes(cache_bytes, available_bytes) == wanted_bytes


def test_a_small_probe(monkeypatch):
    monkeypatch.setattr(bandwidth, "_SCAN_BUDGET_NS", 0)
    heard = []
    ceilings = bandwidth.measure(32 * MIB, on_progress=heard.append)
    counts = len(ceilings.by_threads)
    assert heard == [(number + 1) / (counts + 1) for number in range(counts)]
    assert ceilings.bandwidth_gb_s == max(ceilings.by_threads.values())
    assert ceilings.by_threads[ceilings.bandwidth_threads] == ceilings.bandwidth_gb_s
    assert 0.1 < ceilings.bandwidth_gb_s < 10_000
    assert 0 <= ceilings.bandwidth_spread_percent < 100
    assert ceilings.compute_gflop_s is None
    assert "Best of 3 reading passes" in ceilings.method
    assert "33.6 MB" in ceilings.method


def no_end():
    """Nobody cancels."""


def test_touching_stops_at_its_limit(monkeypatch):
    monkeypatch.setattr(bandwidth, "_TOUCH_LIMIT_NS", 0)
    monkeypatch.setattr(bandwidth, "_TOUCH_STEP_WORDS", 1000)
    with bandwidth.ThreadPoolExecutor(2) as pool:
        assert len(bandwidth._touched_buffer(1_000_000, 2, pool, no_end)) == 2000
        monkeypatch.setattr(bandwidth, "_TOUCH_LIMIT_NS", 10**12)
        buffer = bandwidth._touched_buffer(10_001, 2, pool, no_end)
    assert len(buffer) == 10_001
    assert np.all(buffer == 1)


def test_memory_that_is_not_to_be_had_is_told():
    with bandwidth.ThreadPoolExecutor(1) as pool, pytest.raises(EnvironmentFault, match="free memory"):
        bandwidth._touched_buffer(1 << 58, 1, pool, no_end)


@pytest.fixture
def quick_handover():
    """Python hands its lock over after 0.1 ms instead of 5, so that the moments before and after a scan are short beside it."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(usual_s)


@pytest.mark.parametrize("scan", [np.add.reduce, bandwidth._memcmp_of_halves()], ids=["sum", "memcmp"])
def test_a_scan_reads_without_pythons_lock(scan, quick_handover):
    """While one thread scans, this one goes on: it gets to stamp in the middle of the scan."""
    words = np.ones(32 * MIB, np.int64)
    for _ in range(20):  # this thread may be without a core just then
        ends_ns: list[int] = []
        thread = threading.Thread(
            target=lambda ends_ns=ends_ns: (ends_ns.append(clock.now_ns()), scan(words), ends_ns.append(clock.now_ns()))
        )
        stamps_ns = []
        thread.start()
        while thread.is_alive():
            stamps_ns.append(clock.now_ns())
        tenth_ns = (ends_ns[1] - ends_ns[0]) // 10
        if any(ends_ns[0] + 2 * tenth_ns < stamp_ns < ends_ns[1] - 2 * tenth_ns for stamp_ns in stamps_ns):
            return
    pytest.fail("no other thread ran during a scan")


def test_the_comparison_goes_through_both_halves():
    """It ends early only at a difference, so time is proportional to the size: here it must at least not fail on odd sizes."""
    scan = bandwidth._memcmp_of_halves()
    for words in (0, 1, 3, 1001):
        scan(np.ones(words, np.int64))
