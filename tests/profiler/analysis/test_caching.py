import pytest

from profiler.analysis.caching import cache_hit_rate, cached_tok_s, evictions
from profiler.analysis.window import Window
from profiler.records.timing import RequestStatus

MS = 1_000_000
WINDOW = Window(100 * MS, 600 * MS, is_short=False)


@pytest.fixture
def requests(requests_of):
    """Due before, inside (twice), inside but refused, and inside with its prefill after the window."""
    rows = requests_of(
        (0, 150, 200, 300, 2),
        (100, 200, 250, 300, 2),
        (300, 300, 350, 400, 2),
        (400, None, None, 400, 0, RequestStatus.REFUSED),
        (500, 700, 750, 800, 2),
    )
    rows["prompt_tokens"] = [100, 200, 100, 1000, 100]
    rows["cached_tokens"] = [50, 150, 0, 0, 90]
    return rows


def test_the_hit_rate_is_of_the_requests_due_inside_that_were_begun(requests):
    # (150 + 0 + 90) of (200 + 100 + 100).
    assert cache_hit_rate(requests, WINDOW) == pytest.approx(60)


def test_cached_tokens_count_where_the_prefill_began(requests):
    # (50 + 150 + 0) in half a second.
    assert cached_tok_s(requests, WINDOW) == pytest.approx(400)


def test_evictions_are_of_the_whole_run(steps_of):
    steps = steps_of({"start": 0, "end": 10, "evictions": 2}, {"start": 990, "end": 1000, "evictions": 3})
    assert evictions(steps) == 5
    assert evictions(steps_of({"start": 0, "end": 10})) == 0


def test_nothing_begun_is_none(requests, steps_of):
    assert cache_hit_rate(requests[3:4], WINDOW) is None
    assert cached_tok_s(requests[3:4], WINDOW) == 0
    assert cached_tok_s(requests, Window(0, 0, is_short=True)) is None
    assert evictions(steps_of()) is None
