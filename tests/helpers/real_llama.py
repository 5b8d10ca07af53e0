"""llama.cpp asked directly, in a process of its own: what the engine's results are held against.

`python real_llama.py gap MODEL` reads {"prompt", "before", "candidates"} as JSON from standard input and prints the logits that
the candidates have after that text, and how far any logit moves when the same text is evaluated at other batch sizes.
`python real_llama.py passes MODEL` reads {"unified", "slots", "ubatch", "calls"}, the calls as lists of [sequence, tokens], and
prints the number of graph evaluations that each took.
"""

import ctypes
import json
import os
import sys

import numpy as np
from llama_cpp import llama_cpp as api


def context_of(model, slots, ubatch, unified, callback=None):
    parameters = api.llama_context_default_params()
    parameters.n_ctx = 256 * slots
    parameters.n_batch = 2048
    parameters.n_ubatch = ubatch
    parameters.n_seq_max = slots
    parameters.n_threads = parameters.n_threads_batch = min(2, os.cpu_count() or 1)
    parameters.kv_unified = unified
    if callback is not None:
        parameters.cb_eval = callback
    return api.llama_init_from_model(model, parameters)


def fill(batch, row, token, position, sequence, wants_logits):
    batch.token[row] = token
    batch.pos[row] = position
    batch.n_seq_id[row] = 1
    batch.seq_id[row][0] = sequence
    batch.logits[row] = wants_logits


WAYS = ((1, True), (1, False), (8, False), (8, True))  # ggml attends to 64 rows and more by another kernel


def gap(model, document):
    text = document["prompt"] + document["before"]
    vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
    ways = [last_logits(model, text, copies, at_once, vocabulary) for copies, at_once in WAYS]
    moved = max(float(np.abs(ways[0] - way).max()) for way in ways[1:])
    return {"logits": [float(ways[0][token]) for token in document["candidates"]], "moved": moved}


def last_logits(model, text, copies, at_once, vocabulary):
    """Logits after `text`, evaluated in one call or token by token, for one or several equal sequences side by side."""
    context = context_of(model, copies, 512, True)
    batch = api.llama_batch_init(2048, 0, 1)
    calls = [text] if at_once else [[token] for token in text]
    position = 0
    for call in calls:
        row = 0
        for sequence in range(copies):
            for number, token in enumerate(call):
                fill(batch, row, token, position + number, sequence, number == len(call) - 1)
                row += 1
        batch.n_tokens = row
        assert api.llama_decode(context, batch) == 0
        position += len(call)
    logits = np.ctypeslib.as_array(api.llama_get_logits(context), shape=(copies, vocabulary))[0].copy()
    api.llama_batch_free(batch)
    api.llama_free(context)
    return logits


def passes(model, document):
    name_of = api._lib["ggml_get_name"]
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    evaluations = [0]

    @api.ggml_backend_sched_eval_callback
    def look(tensor, is_question, _data):
        if is_question and name_of(tensor) == b"attn_norm-0":
            evaluations[0] += 1
        return not is_question

    context = context_of(model, document["slots"], document["ubatch"], document["unified"], look)
    batch = api.llama_batch_init(2048, 0, 1)
    positions = [0] * document["slots"]
    counts = []
    for call in document["calls"]:
        row = 0
        for sequence, count in call:
            for number in range(count):
                fill(batch, row, 100 + row, positions[sequence], sequence, number == count - 1)
                positions[sequence] += 1
                row += 1
        batch.n_tokens = row
        evaluations[0] = 0
        assert api.llama_decode(context, batch) == 0
        counts.append(evaluations[0])
    return {"passes": counts}


if __name__ == "__main__":
    quiet = api.llama_log_callback(lambda *_: None)
    api.llama_log_set(quiet, ctypes.c_void_p(0))
    loaded = api.llama_model_load_from_file(sys.argv[2].encode(), api.llama_model_default_params())
    print(json.dumps({"gap": gap, "passes": passes}[sys.argv[1]](loaded, json.load(sys.stdin))))
