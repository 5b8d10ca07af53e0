import pytest

from profiler.modelfile.description import describe
from profiler.plan.cells import expand
from profiler.plan.plan import Plan
from profiler.records.fingerprint import Ceilings
from profiler.sweep.estimate import estimate


@pytest.fixture(scope="module")
def description(sample_model):
    return describe(sample_model)


def estimate_of(document, description, free_bytes=10**11, ceilings=None):
    plan = Plan.from_document(document)
    return estimate(plan, expand(plan, ["m"], 2), {"m": description}, ceilings, free_bytes)


def test_more_work_takes_longer(description):
    small = estimate_of({"load": {"concurrency": [1]}}, description)
    assert 0 < small.seconds_low < small.seconds < small.seconds_high
    assert estimate_of({"load": {"concurrency": [1], "output_tokens": [512]}}, description).seconds > small.seconds
    assert estimate_of({"load": {"concurrency": [1, 2]}}, description).seconds > 2 * small.seconds * 0.9
    faster = Ceilings(bandwidth_gb_s=200.0)
    assert estimate_of({"load": {"concurrency": [1]}}, description, ceilings=faster).seconds < small.seconds


def test_runs_memory_and_disk_are_counted(description):
    told = estimate_of({"models": {"quant": ["as-is", "Q8_0"]}, "load": {"concurrency": [1, 4]}}, description)
    assert told.runs == 4 * 6
    assert told.memory_bytes > description.tensor_bytes
    assert told.disk_bytes == int(description.parameters * 1.2)
    assert told.does_not_fit == ()


def test_a_cell_that_does_not_fit_is_named(description):
    told = estimate_of({"load": {"concurrency": [1, 64]}, "engine": {"ctx_size": [8192]}}, description, free_bytes=3 * 10**9)
    ((cell, sentence),) = told.does_not_fit
    assert cell["concurrency"] == 64
    assert "3.00 GB are free" in sentence


def test_a_duration_and_a_budget_bound_the_time(description):
    assert estimate_of({"load": {"duration": 1.0, "concurrency": [1]}, "trust": {"repetitions": 1}}, description).seconds < 20
    assert estimate_of({"trust": {"budget": 7}}, description).seconds == 7


def test_an_unknown_model_leaves_the_time_open():
    plan = Plan()
    told = estimate(plan, expand(plan, ["m"], 2), {}, None, 10**9)
    assert told.seconds is None
    assert told.memory_bytes is None


ONCE = {"repetitions": 1}


def seconds_of(load, description):
    return estimate_of({"load": load, "trust": ONCE}, description).seconds


def test_an_open_loop_lasts_as_long_as_it_sends_and_drains(description):
    few = {"arrival": "poisson", "rate": 0.5, "duration": 20, "prompt_tokens": 16, "output_tokens": 8}
    calm = seconds_of(few, description)
    assert 20 < calm < 25
    assert seconds_of({**few, "duration": 40}, description) == pytest.approx(calm + 20)
    flooded = seconds_of({**few, "rate": 5000}, description)
    assert flooded > 100
    assert seconds_of({**few, "rate": 5000, "timeout": 3}, description) == pytest.approx(calm + 3, abs=0.5)
    assert seconds_of({**few, "rate": 5000, "queue_limit": 8}, description) < calm + 5


def test_an_open_loop_of_so_many_requests_lasts_until_the_last_is_due(description):
    # The 21st request of two a second is due 10 s after the first, which constant arrivals send at once.
    even = {"arrival": "constant", "rate": 2, "requests": 21, "prompt_tokens": 16, "output_tokens": 8}
    assert 10 < seconds_of(even, description) < 13
    # A ramp to nothing in 30 s makes 30 of them, never 100.
    assert seconds_of({**even, "arrival": "ramp", "rate_to": 0, "requests": 100}, description) is None


def test_a_trace_lasts_as_long_as_it_was_recorded(description, tmp_path):
    file = tmp_path / "trace.csv"
    file.write_text("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n1,a,20,8,28,b\n31,a,20,8,28,b\n")
    replayed = {"arrival": "trace", "trace": str(file), "prompt_tokens": "trace", "output_tokens": "trace"}
    once = seconds_of(replayed, description)
    assert 30 < once < 33
    assert seconds_of({**replayed, "time_scale": 2}, description) == pytest.approx(once + 30)


def test_a_distribution_counts_by_its_mean(description):
    fixed = {"concurrency": 1, "prompt_tokens": 160, "output_tokens": 32}
    spread = {**fixed, "prompt_tokens": "uniform:64:256"}
    assert seconds_of(spread, description) == seconds_of(fixed, description)


def test_conversations_repeat_what_was_said_before(description):
    # Turns of 10 + 10 tokens: the three prompts hold 10, 30 and 50 tokens, 30 on average.
    talk = {"concurrency": 1, "turns": 3, "prompt_tokens": 10, "output_tokens": 10, "requests_per_user": 3}
    alone = {**talk, "turns": 1, "prompt_tokens": 30}
    assert seconds_of(talk, description) == pytest.approx(seconds_of(alone, description))


def test_one_at_a_time_takes_longest(description):
    eight = {"arrival": "offline", "slots": 8, "requests": 32}
    continuous = seconds_of(eight, description)
    static = seconds_of({**eight, "batching": "static", "static_batch_size": 4}, description)
    assert continuous < static < seconds_of({**eight, "batching": "sequential"}, description)


def test_a_mix_lasts_as_long_as_its_longest_class(description):
    chats = {"name": "chats", "users": 2, "duration": 14, "prompt_tokens": 16, "output_tokens": 8}
    document = {"name": "document", "arrival": "constant", "rate": 1, "requests": 1, "start": 4, "prompt_tokens": 16}
    assert 14 < seconds_of({"classes": [chats, document]}, description) < 17
    assert 20 < seconds_of({"classes": [chats, {**document, "start": 20}]}, description) < 23


def test_depth_is_filled_first(description):
    shallow, deep = (seconds_of({"concurrency": 4, "depth": depth}, description) for depth in (0, 1000))
    assert deep > shallow + 1
