"""The least that a decode loop can be, in a process of its own: fill nothing, look at nothing, decode the same shapes.

Reads {"model", "threads", "batch", "prompt", "steps"} as JSON lines from standard input; answers each with the nanoseconds of
every decode step. Used by loop_overhead.py.
"""

import ctypes
import json
import sys
import time

from llama_cpp import llama_cpp as api


def main() -> None:
    """Answer one line after another until the input ends."""
    quiet = api.llama_log_callback(lambda *_: None)
    api.llama_log_set(quiet, ctypes.c_void_p(0))
    model = None
    for line in sys.stdin:
        wanted = json.loads(line)
        if model is None:
            model = api.llama_model_load_from_file(wanted["model"].encode(), api.llama_model_default_params())
        print(json.dumps(decode(model, wanted)), flush=True)


def decode(model: object, wanted: dict[str, int]) -> list[int]:
    """Prefill `batch` sequences of `prompt` tokens, then decode `steps` times; nanoseconds of each."""
    size, prompt = wanted["batch"], wanted["prompt"]
    parameters = api.llama_context_default_params()
    parameters.n_ctx = size * -(-(prompt + wanted["steps"] + 8) // 256) * 256
    parameters.n_batch = parameters.n_ubatch = 512
    parameters.n_seq_max = size
    parameters.n_threads = parameters.n_threads_batch = wanted["threads"]
    parameters.kv_unified = True
    parameters.no_perf = True
    context = api.llama_init_from_model(model, parameters)
    batch = api.llama_batch_init(512, 0, 1)

    def put(row: int, token: int, position: int, sequence: int, wants_logits: bool) -> None:
        batch.token[row] = token
        batch.pos[row] = position
        batch.n_seq_id[row] = 1
        batch.seq_id[row][0] = sequence
        batch.logits[row] = wants_logits

    for sequence in range(size):
        for number in range(prompt):
            put(number, 100 + number, number, sequence, number == prompt - 1)
        batch.n_tokens = prompt
        assert api.llama_decode(context, batch) == 0
    for sequence in range(size):
        put(sequence, 100, prompt, sequence, True)
    batch.n_tokens = size
    times = []
    for step in range(wanted["steps"] + 3):
        for sequence in range(size):
            batch.pos[sequence] = prompt + step
        begin = time.perf_counter_ns()
        api.llama_decode(context, batch)
        api.llama_synchronize(context)
        times.append(time.perf_counter_ns() - begin)
    api.llama_batch_free(batch)
    api.llama_free(context)
    return times[3:]


if __name__ == "__main__":
    main()
