import numpy as np
import pytest

from profiler.analysis import little
from profiler.records.timing import RequestStatus, reached


def tokens_by_request(data):
    return {int(number): data.tokens["token"][data.tokens["request"] == number].tolist() for number in data.requests["request"]}


@pytest.mark.parametrize("kv_unified", [True, False])
def test_every_request_gets_its_tokens_and_the_stamps_are_in_order(serve, order_of, kv_unified):
    run = serve(order_of(users=3, prompt=20, output=6, requests_per_user=3, kv_unified=kv_unified))
    assert run.outcome.is_done, run.outcome
    data = run.data
    assert len(data.requests) == 9
    assert len(data.tokens) == 9 * 6 == run.end.result["output_tokens"]
    assert set(data.requests["status"]) == {RequestStatus.COMPLETED}
    assert set(data.requests["output_tokens"]) == {6}
    assert set(data.requests["prompt_tokens"]) == {20}
    for request in data.requests:
        mine = data.tokens[data.tokens["request"] == request["request"]]
        times = [
            request["due_ns"],
            request["sent_ns"],
            request["prefill_start_ns"],
            request["first_token_ns"],
            *mine["time_ns"][1:],
        ]
        assert np.all(np.diff(times) >= 0)
        assert mine["time_ns"][0] == request["first_token_ns"]
        assert mine["time_ns"][-1] == request["end_ns"]
        assert np.all(np.diff(mine["step"]) == 1), "one token a step, none left out"
    steps = data.steps
    assert len(steps) == run.end.result["steps"]
    assert np.all(np.diff(steps["end_ns"]) > 0)
    assert np.all(steps["start_ns"][1:] >= steps["end_ns"][:-1])
    assert np.all(steps["end_ns"] - steps["start_ns"] >= steps["decode_ns"])
    assert steps["prefill_tokens"].sum() == 9 * 20
    assert steps["decode_tokens"].sum() == 9 * 5, "n output tokens take n - 1 decode steps"
    assert steps["outputs"].sum() == 9 * 6
    assert np.array_equal(data.tokens["time_ns"], steps["end_ns"][data.tokens["step"]]), "a step's members share its stamp"
    assert steps["kv_used_cells"].max() <= 3 * 25
    assert steps["kv_used_cells"][-1] == 0


def test_the_same_seed_gives_the_same_run_and_another_seed_other_prompts(serve, order_of):
    first, again, other = (serve(order_of(output=8, seed=seed)) for seed in (1, 1, 2))
    assert tokens_by_request(first.data) == tokens_by_request(again.data)
    assert tokens_by_request(first.data) != tokens_by_request(other.data)
    own = tokens_by_request(first.data)
    assert own[0] != own[1], "the requests of a run have prompts of their own"


def test_offline_all_is_due_at_once_and_slots_refill(serve, order_of):
    order = order_of(arrival="offline", users=0, slots=3, requests=8, requests_per_user=None, prompt=10, output=5)
    run = serve(order)
    assert run.outcome.is_done
    assert set(run.data.requests["due_ns"]) == {0}
    assert set(run.data.requests["user"]) == {-1}
    assert run.data.steps["sequences"].max() == 3
    assert run.data.steps["in_system"][0] == 8
    assert run.data.steps["waiting"][0] == 5, "three of them take part in the first step"


def test_prompts_longer_than_the_batch_are_prefilled_in_slices(serve, order_of):
    run = serve(order_of(prompt=300, output=3, batch_size=128, prefill_chunk=128, requests_per_user=1))
    assert run.outcome.is_done
    assert run.data.steps["prefill_tokens"].tolist() == [128, 128, 44, 0, 0]


def test_a_prompt_is_prefilled_in_chunks_beside_running_decodes(serve, order_of):
    run = serve(order_of(users=4, prompt=60, output=12, prefill_chunk=16, requests_per_user=3))
    mixed = run.data.steps[(run.data.steps["prefill_tokens"] > 0) & (run.data.steps["decode_tokens"] > 0)]
    assert len(mixed) > 4
    assert mixed["prefill_tokens"].max() <= 16


def test_tokens_that_are_not_looked_at_are_not_recorded(serve, order_of):
    run = serve(order_of(sampling="none"))
    assert run.outcome.is_done
    assert set(run.data.tokens["token"]) == {-1}
    assert len(run.data.tokens) == 2 * 4


def test_think_time_lies_between_an_answer_and_the_next_request(serve, order_of):
    run = serve(order_of(think_time_s=0.05, requests_per_user=3))
    requests = run.data.requests
    assert np.array_equal(requests["due_ns"][1:], requests["end_ns"][:-1] + 50_000_000)
    assert np.all(requests["sent_ns"] >= requests["due_ns"])


def test_a_duration_ends_the_sending_but_not_the_answers(serve, order_of):
    run = serve(order_of(requests_per_user=None, duration_s=0.3, output=6))
    assert run.outcome.is_done
    assert run.data.requests["due_ns"].max() < 300_000_000
    assert np.all(reached(run.data.requests["end_ns"]))


def test_little_s_law_holds_on_the_real_engine(serve, order_of):
    order = order_of(users=2, requests_per_user=40, prompt=8, output=4)
    run = serve(order)
    residual = little.residual(run.data, order.load)
    assert residual is not None
    assert abs(residual) < 0.03


def test_sizes_are_read_back_as_llama_cpp_rounded_them(serve, order_of):
    run = serve(order_of(users=3, ctx_size=400, kv_unified=False, requests_per_user=1))
    facts = run.facts
    assert facts.n_ctx_seq >= 400
    assert facts.n_ctx_seq % 256 == 0
    assert facts.kv_cells == facts.n_ctx_seq * 3
    assert facts.n_seq_max == 3
    assert any("KV buffer size" in name for name in facts.buffers)
    assert any("model buffer size" in name for name in facts.buffers)
    # 30 layers x (K 192 + V 192) x 2 bytes a cell, as llama.cpp logs it (rounded to 0.01 MiB)
    kv = sum(size for name, size in facts.buffers.items() if "KV buffer" in name)
    assert kv == pytest.approx(facts.kv_cells * 23_040, abs=11_000)


def test_the_model_stays_loaded_between_runs(serve, order_of):
    serve(order_of())
    second = serve(order_of(users=2))
    assert second.facts.reused
