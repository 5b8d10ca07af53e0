from profiler.analysis.savings import Saving, cache_savings


def cell(cache, p50, mean, rate=None, **axes):
    return {"prefix_cache": cache, **axes}, {"ttft_ms": {"p50": p50, "mean": mean}, "cache_hit_rate": rate}


def test_each_cached_cell_is_held_against_the_one_that_differs_in_nothing_else():
    cells = [
        cell("on", 40.0, 50.0, 80.0, slots=4, shared_prefix=0.8),
        cell("off", 100.0, 120.0, slots=8, shared_prefix=0.8),
        cell("off", 200.0, 240.0, slots=4, shared_prefix=0.8),
        cell("on", 110.0, 119.0, 2.0, slots=8, shared_prefix=0.8),
        cell("on", 10.0, 10.0, 90.0, slots=2, shared_prefix=0.8),
        cell("on", 10.0, 10.0, 90.0, slots=4, shared_prefix=0.9),
    ]
    assert cache_savings(cells) == {0: Saving(2, 160.0, 190.0, 80.0), 3: Saving(1, -10.0, 1.0, 2.0)}


def test_what_was_not_measured_is_not_saved():
    cells = [cell("on", None, 50.0), cell("off", 100.0, None)]
    assert cache_savings(cells) == {0: Saving(1, None, None, None)}


def test_an_axis_that_does_not_apply_is_no_difference():
    on, off = cell("on", 1.0, 1.0, 50.0, think_time=None), cell("off", 3.0, 4.0)
    assert cache_savings([on, off]) == {0: Saving(1, 2.0, 3.0, 50.0)}


def test_no_pairs_no_savings():
    assert cache_savings([]) == {}
    assert cache_savings([cell("off", 1.0, 1.0), cell("off", 1.0, 1.0, slots=2)]) == {}
