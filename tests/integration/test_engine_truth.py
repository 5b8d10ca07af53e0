"""The engine's results against llama.cpp asked directly."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from profiler.scheduling.ubatches import stream_ubatches, unified_ubatches

REAL_LLAMA = Path(__file__).parents[1] / "helpers" / "real_llama.py"


def ask(question, model, document):
    done = subprocess.run(
        [sys.executable, str(REAL_LLAMA), question, str(model)],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def outputs(data):
    return {int(number): data.tokens["token"][data.tokens["request"] == number].tolist() for number in data.requests["request"]}


@pytest.mark.parametrize("kv_unified", [True, False])
def test_greedy_output_in_a_batch_of_eight_equals_the_output_alone(serve, order_of, sample_model, prompt_of, kv_unified):
    together = outputs(serve(order_of(users=8, requests_per_user=1, prompt=24, output=24, kv_unified=kv_unified)).data)
    alone = outputs(serve(order_of(users=1, requests_per_user=8, prompt=24, output=24, kv_unified=kv_unified)).data)
    assert list(alone) == list(together) == list(range(8))
    differing = [request for request in alone if alone[request] != together[request]]
    agreed = (len(alone) - len(differing)) * 24
    for request in differing:
        place = next(place for place in range(24) if alone[request][place] != together[request][place])
        answer = ask(
            "gap",
            sample_model,
            {
                "prompt": prompt_of(request, 24),
                "before": alone[request][:place],
                "candidates": [alone[request][place], together[request][place]],
            },
        )
        # A near tie: llama.cpp's own logits move by as much when the same text is evaluated at another batch size.
        assert abs(answer["logits"][0] - answer["logits"][1]) <= 2 * answer["moved"], (request, place, answer)
        assert answer["moved"] < abs(answer["logits"][0]) / 10, "rounding of 8-bit activations, not another text"
        agreed += place
    assert agreed >= 8 * 24 / 2, "near ties do not come at every other token"


@pytest.fixture(scope="session")
def prompt_of(sample_model):
    """The prompt that the engine makes for a request of a run with seed 1."""
    from profiler.engine.prompts import PromptSource

    script = (
        "import json, sys, ctypes\n"
        "from llama_cpp import llama_cpp as api\n"
        "quiet = api.llama_log_callback(lambda *_: None); api.llama_log_set(quiet, ctypes.c_void_p(0))\n"
        "from profiler.engine.cancellation import Cancellation\n"
        "from profiler.engine.model import Model\n"
        "from profiler.records.specification import ModelSettings\n"
        "model = Model(ModelSettings(sys.argv[1], 0, True), Cancellation(), lambda share: None)\n"
        "print(json.dumps([model.prompt_vocabulary().tolist(), model.first_token()]))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(sample_model)], capture_output=True, text=True, check=True)
    vocabulary, first = json.loads(done.stdout)

    def make(request, length):
        source = PromptSource(np.array(vocabulary, np.int32), first, lambda _: length, length, 1)
        return source.prompt(request).tolist()

    return make


def test_prompts_are_exact_distinct_and_begin_as_the_vocabulary_wants(prompt_of):
    prompts = [tuple(prompt_of(request, 30)) for request in range(200)]
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
