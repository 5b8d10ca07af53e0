"""The engine's results against llama.cpp asked directly."""

import pytest

from profiler.records.specification import LoadSettings, RequestClass
from profiler.scheduling.arrivals import NO_USER, Arrival
from profiler.scheduling.ubatches import stream_ubatches, unified_ubatches
from tests.integration.near_ties import ask, tokens_before_near_ties


def outputs(data):
    return {int(number): data.tokens["token"][data.tokens["request"] == number].tolist() for number in data.requests["request"]}


@pytest.mark.long
@pytest.mark.parametrize("kv_unified", [True, False])
def test_greedy_output_in_a_batch_of_eight_equals_the_output_alone(serve, order_of, sample_model, prompts_of, kv_unified):
    load = {"arrival": "offline", "requests": 8, "prompt": 24, "output": 24, "kv_unified": kv_unified, "seed": 2}
    order = order_of(slots=8, **load)
    together = outputs(serve(order).data)
    alone = outputs(serve(order_of(slots=1, **load)).data)
    assert list(alone) == list(together) == list(range(8))
    prompts = prompts_of(order.load)
    texts = {number: prompts.prompt(Arrival(number, NO_USER, 0, conversation=number)).tolist() for number in range(8)}
    agreed = tokens_before_near_ties(sample_model, texts, alone, together)
    assert agreed >= 8 * 24 / 2, "near ties do not come at every other token"


def test_prompts_are_exact_distinct_and_begin_as_the_vocabulary_wants(prompts_of):
    made = prompts_of(LoadSettings((RequestClass(arrival="offline", prompt_tokens="30", output_tokens="1", requests=1),)))
    prompts = [tuple(made.prompt(Arrival(number, NO_USER, 0, conversation=number)).tolist()) for number in range(200)]
    assert {len(prompt) for prompt in prompts} == {30}
    assert len({prompt[:3] for prompt in prompts}) == 200, "no two requests share a beginning worth caching"


CALLS = [
    [[0, 6], [1, 6], [2, 6], [3, 6]],
    [[0, 1], [1, 1], [2, 1], [3, 1]],
    [[0, 1], [2, 1]],
    [[0, 1], [1, 1], [3, 1]],
    [[0, 1], [1, 20], [2, 1]],
    [[0, 1], [3, 9]],
    [[1, 40]],
]


@pytest.mark.parametrize("ubatch", [512, 16])
@pytest.mark.parametrize("unified", [True, False])
def test_passes_over_the_weights_are_counted_as_llama_cpp_makes_them(sample_model, unified, ubatch):
    told = ask("passes", sample_model, {"unified": unified, "slots": 4, "ubatch": ubatch, "calls": CALLS})["passes"]
    if unified:
        ours = [unified_ubatches(sum(count for _, count in call), ubatch) for call in CALLS]
    else:
        ours = [stream_ubatches([(sequence, count) for sequence, count in call], ubatch) for call in CALLS]
    assert ours == told
