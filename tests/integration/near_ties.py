"""Where two outputs of the engine part, llama.cpp itself is asked whether it was a near tie."""

import json
import subprocess
import sys
from pathlib import Path

REAL_LLAMA = Path(__file__).parents[1] / "helpers" / "real_llama.py"


def ask(question, model, document):
    """Have tests/helpers/real_llama.py answer."""
    done = subprocess.run(
        [sys.executable, str(REAL_LLAMA), question, str(model)],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def tokens_before_near_ties(model, prompts, one, other):
    """How many tokens two outputs have in common before they part, over all requests; fails where they part without a near tie.

    Args:
        model: the file.
        prompts: tokens by request.
        one, other: output tokens by request.
    """
    agreed = 0
    for request, tokens in one.items():
        place = next((place for place, pair in enumerate(zip(tokens, other[request], strict=True)) if pair[0] != pair[1]), None)
        if place is None:
            agreed += len(tokens)
            continue
        candidates = [tokens[place], other[request][place]]
        answer = ask("gap", model, {"prompt": prompts[request], "before": tokens[:place], "candidates": candidates})
        # A near tie: llama.cpp's own logits move by as much when the same text is evaluated at another batch size.
        assert abs(answer["logits"][0] - answer["logits"][1]) <= 2 * answer["moved"], (request, place, answer)
        assert answer["moved"] < abs(answer["logits"][0]) / 10, "rounding of 8-bit activations, not another text"
        agreed += place
    return agreed
