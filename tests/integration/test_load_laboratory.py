"""Policies, queues, conversations and caches on the real engine: what was asked for is what happens."""

import json

import numpy as np
import pytest

from profiler.records.outcome import OutcomeKind
from profiler.records.specification import RequestClass, TraceSettings
from profiler.records.timing import RequestStatus, reached
from profiler.scheduling.arrivals import NO_USER, Arrival
from profiler.scheduling.trace import content_hash
from tests.integration.near_ties import tokens_before_near_ties


def tokens_of(data):
    return {int(number): data.tokens["token"][data.tokens["request"] == number].tolist() for number in data.requests["request"]}


def by_request(data):
    return data.requests[np.argsort(data.requests["request"])]


def test_the_sequential_policy_serves_one_at_a_time_in_order(serve, order_of):
    data = serve(order_of(arrival="offline", requests=5, slots=4, batching="sequential")).data
    assert set(data.steps["sequences"]) == {1}
    rows = by_request(data)
    assert np.all(rows["prefill_start_ns"][1:] >= rows["end_ns"][:-1])


def test_a_static_batch_runs_until_its_last_member_ends(serve, order_of):
    order = order_of(
        arrival="offline",
        requests=6,
        slots=4,
        batching="static",
        static_batch_size=3,
        static_wait_s=0.0,
        output="uniform:2:12",
        ctx_size=256,
        prompt=8,
    )
    data = serve(order).data
    rows = by_request(data)
    first, second = rows[:3], rows[3:]
    assert second["prefill_start_ns"].min() >= first["end_ns"].max()
    assert len(set(first["prefill_start_ns"])) == 1, "a batch begins together"
    mixed = (data.steps["prefill_tokens"] > 0) & (data.steps["decode_tokens"] > 0)
    assert not mixed.any(), "all prompts are read before any decode"


def test_a_static_batch_that_does_not_fill_begins_after_its_wait(serve, order_of):
    order = order_of(arrival="offline", requests=2, slots=4, batching="static", static_batch_size=4, static_wait_s=0.2)
    rows = serve(order).data.requests
    assert rows["prefill_start_ns"].min() >= 200_000_000


def test_with_prefill_first_running_answers_wait(serve, order_of):
    load = {"users": 3, "prompt": 60, "output": 12, "requests_per_user": 3, "prefill_chunk": 16}
    steps = serve(order_of(priority="prefill", **load)).data.steps
    assert not np.any((steps["prefill_tokens"] > 0) & (steps["decode_tokens"] > 0))


def test_an_open_loop_sends_by_its_clock_and_the_file_can_tell_due_from_sent(serve, order_of):
    order = order_of(arrival="constant", rate_s=20.0, requests=8, slots=2, requests_per_user=None)
    rows = by_request(serve(order).data)
    assert rows["due_ns"].tolist() == [number * 50_000_000 for number in range(8)]
    assert np.all(rows["sent_ns"] >= rows["due_ns"])
    assert set(rows["user"]) == {-1}
    assert set(rows["status"]) == {RequestStatus.COMPLETED}


def test_a_full_queue_refuses_and_what_it_refuses_is_told_apart(serve, order_of):
    order = order_of(arrival="offline", requests=6, slots=2, queue_limit=1)
    rows = by_request(serve(order).data)
    assert [RequestStatus(status).name for status in rows["status"]] == ["COMPLETED"] * 3 + ["REFUSED"] * 3
    refused = rows[3:]
    assert np.all(reached(refused["end_ns"]))
    assert not reached(refused["first_token_ns"]).any()


def test_a_request_that_takes_too_long_is_given_up_with_the_tokens_it_got(serve, order_of):
    order = order_of(arrival="offline", requests=3, slots=1, prompt=8, output=2000, ctx_size=2048, timeout_s=0.5)
    run = serve(order)
    assert run.outcome.is_done
    rows = by_request(run.data)
    assert set(rows["status"]) == {RequestStatus.TIMED_OUT}
    assert rows["output_tokens"][0] > 0
    assert rows["output_tokens"][1:].tolist() == [0, 0]
    assert rows["output_tokens"].sum() == len(run.data.tokens) == run.end.result["output_tokens"]
    assert np.all(rows["end_ns"] >= 500_000_000)


def test_lengths_are_drawn_from_the_seed_and_stay_within_their_bounds(serve, order_of):
    load = {"arrival": "offline", "requests": 12, "slots": 4, "prompt": "uniform:4:20", "output": "uniform:1:6", "ctx_size": 256}
    first, again = (by_request(serve(order_of(**load)).data) for _ in range(2))
    assert first["prompt_tokens"].tolist() == again["prompt_tokens"].tolist()
    assert len(set(first["prompt_tokens"])) > 3
    assert 4 <= first["prompt_tokens"].min() <= first["prompt_tokens"].max() <= 20
    assert first["output_tokens"].max() <= 6


@pytest.mark.long
@pytest.mark.parametrize("kv_unified", [True, False])
def test_depth_is_held_by_every_slot_and_never_counted_as_a_prompt(serve, order_of, kv_unified):
    order = order_of(users=3, prompt=10, output=5, depth=300, kv_unified=kv_unified)
    for _ in range(2):  # the second run finds it there
        run = serve(order)
        assert run.outcome.is_done, run.outcome
        steps, rows = run.data.steps, run.data.requests
        assert set(rows["prompt_tokens"]) == {10}
        assert not rows["cached_tokens"].any()
        assert steps["kv_used_cells"].min() >= 3 * 300
        one = steps[(steps["sequences"] == 1) & (steps["decode_tokens"] == 1)]
        assert np.all(one["kv_useful_tokens"] > 310)
    shallow = serve(order_of(users=3, prompt=10, output=5, kv_unified=kv_unified)).data
    assert shallow.steps["kv_used_cells"].max() <= 3 * 15


def test_a_conversation_repeats_what_was_said(serve, order_of):
    load = {"users": 2, "prompt": 20, "output": 6, "turns": 3, "requests_per_user": 6, "ctx_size": 256}
    rows = serve(order_of(**load)).data.requests
    for user in (0, 1):
        mine = rows[rows["user"] == user]
        mine = mine[np.argsort(mine["due_ns"])]
        assert mine["turn"].tolist() == [1, 2, 3, 1, 2, 3]
        assert mine["prompt_tokens"].tolist() == [20, 46, 72, 20, 46, 72]


@pytest.mark.long
def test_the_prefix_cache_spares_what_was_said_before_and_changes_no_token(serve, order_of, sample_model, prompts_of):
    load = {"users": 1, "prompt": 40, "output": 8, "turns": 4, "requests_per_user": 8, "ctx_size": 512}
    order = order_of(prefix_cache=True, **load)
    plain, cached = serve(order_of(**load)), serve(order)
    assert cached.outcome.is_done, cached.outcome
    rows = by_request(cached.data)
    assert rows["cached_tokens"].tolist() == [0, 47, 95, 143] * 2, "all that was said but the last token, which was never fed"
    evaluated = int(cached.data.steps["prefill_tokens"].sum())
    assert evaluated == int(rows["prompt_tokens"].sum()) - int(rows["cached_tokens"].sum())
    assert int(cached.data.steps["cached_tokens"].sum()) == int(rows["cached_tokens"].sum())
    prompts, texts = prompts_of(order.load), {}
    told, told_cached = tokens_of(plain.data), tokens_of(cached.data)
    parted = set()
    for number, row in enumerate(by_request(plain.data)):
        arrival = Arrival(number, 0, 0, conversation=number // 4, turn=int(row["turn"]) - 1)
        texts[number] = prompts.prompt(arrival)
        prompts.remember(arrival, texts[number], np.array(told[number], np.int32))
        if arrival.conversation in parted:  # what is said after a near tie is said to another text
            del told[number]
        elif told[number] != told_cached[number]:
            parted.add(arrival.conversation)
    texts = {number: text.tolist() for number, text in texts.items()}
    assert tokens_before_near_ties(sample_model, texts, told, told_cached) >= 8, "a turn at least"


@pytest.mark.long
def test_a_shared_beginning_is_read_once(serve, order_of, sample_model, prompts_of):
    load = {
        "arrival": "offline",
        "requests": 8,
        "slots": 3,
        "prompt": 100,
        "output": 6,
        "shared_prefix": 0.8,
        "prefixes": 2,
        "ctx_size": 512,
    }
    order = order_of(prefix_cache=True, **load)
    plain, cached = serve(order_of(**load)), serve(order)
    assert cached.outcome.is_done, cached.outcome
    rows = by_request(cached.data)
    hits = rows["cached_tokens"] >= 80
    assert hits.sum() >= 3, rows["cached_tokens"]  # three begin at once, of two beginnings
    assert rows["cached_tokens"].max() < 100
    prompts = prompts_of(order.load)
    texts = {number: prompts.prompt(Arrival(number, NO_USER, 0, conversation=number)).tolist() for number in range(8)}
    assert tokens_before_near_ties(sample_model, texts, tokens_of(plain.data), tokens_of(cached.data)) >= 8 * 6 / 2
    facts = cached.facts
    assert cached.data.steps["kv_used_cells"].max() <= facts.kv_cells


@pytest.mark.long
def test_a_small_cache_gives_up_what_was_used_longest_ago_and_counts_it(serve, order_of):
    order = order_of(users=1, prompt=200, output=40, requests_per_user=5, prefix_cache=True, ctx_size=512)
    run = serve(order)
    assert run.outcome.is_done, run.outcome
    steps = run.data.steps
    assert steps["evictions"].sum() == 3, "each ended request holds 239 cells; two fit beside the 240 of a running one"
    assert steps["kv_used_cells"].max() <= run.facts.kv_cells == 512


def test_what_a_cache_cannot_do_is_refused_in_a_sentence(serve, order_of):
    streams = serve(order_of(users=2, prefix_cache=True, kv_unified=False))
    assert (streams.outcome.kind, "--kv-unified on" in streams.outcome.sentence) == (OutcomeKind.REFUSED, True)
    deep = serve(order_of(users=2, prefix_cache=True, depth=64))
    assert (deep.outcome.kind, "depth" in deep.outcome.sentence) == (OutcomeKind.REFUSED, True)


def test_a_mooncake_trace_is_replayed_and_its_equal_blocks_are_read_once(serve, order_of, tmp_path):
    trace = tmp_path / "mooncake.jsonl"
    lines = [
        json.dumps({"timestamp": 1000 + 100 * n, "input_length": 560 + n, "output_length": 3, "hash_ids": [7, 100 + n]})
        for n in range(3)
    ]
    trace.write_text("\n".join(lines))
    replayed = RequestClass(
        arrival="trace",
        prompt_tokens="trace",
        output_tokens="trace",
        trace=TraceSettings(str(trace), content_hash(trace), "mooncake", time_scale=0.5),
    )
    order = order_of(classes=(replayed,), slots=2, ctx_size=1024, prefix_cache=True)
    run = serve(order)
    assert run.outcome.is_done, run.outcome
    done = by_request(run.data)
    assert done["due_ns"].tolist() == [0, 50_000_000, 100_000_000], "a trace begins at 0, and this one runs at twice its speed"
    assert done["prompt_tokens"].tolist() == [560, 561, 562]
    assert done["cached_tokens"][2] == 512, "block 7 and nothing of the next"
    trace.write_text(trace.read_text().replace("560", "570"))
    changed = serve(order)
    assert (changed.outcome.kind, "has changed" in changed.outcome.sentence) == (OutcomeKind.REFUSED, True)


def test_a_mix_serves_each_class_by_its_own_clock(serve, order_of):
    classes = (
        RequestClass("chats", users=2, prompt_tokens="10", output_tokens="6", requests_per_user=3),
        RequestClass("paste", "constant", prompt_tokens="200", output_tokens="2", rate_s=1.0, requests=1, start_s=0.05),
    )
    run = serve(order_of(classes=classes, slots=3, ctx_size=256, prefill_chunk=32))
    assert run.outcome.is_done, run.outcome
    rows = by_request(run.data)
    pasted = rows[rows["class"] == 1]
    assert (len(pasted), pasted["prompt_tokens"][0], pasted["due_ns"][0]) == (1, 200, 50_000_000)
    assert (rows["class"] == 0).sum() == 6
    assert set(rows["user"]) == {-1, 0, 1}
