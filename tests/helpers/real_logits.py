"""A text's tokens scored by llama.cpp asked directly, in a process of its own, by the plainest route there is.

`python real_logits.py MODEL` reads {"text", "ctx_size", "windows"} as JSON from standard input and prints, of the tokens in the
second half of each window but for the half's first, -ln p by the softmax in float64, and the tokens' bytes in hexadecimal.
"""

import ctypes
import json
import sys

import numpy as np
from llama_cpp import llama_cpp as api


def tokens_of(vocab, text):
    data = text.encode()
    tokens = (api.llama_token * (len(data) + 8))()
    count = api.llama_tokenize(vocab, data, len(data), tokens, len(tokens), True, False)
    return list(tokens[:count])


def bytes_of(vocab, token):
    buffer = ctypes.create_string_buffer(200)
    count = api.llama_token_to_piece(vocab, token, buffer, 200, 0, True)
    return buffer.raw[:count]


def all_logits(model, vocab, tokens):
    """Of every position; the whole text in one call."""
    parameters = api.llama_context_default_params()
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = -(-len(tokens) // 256) * 256
    parameters.n_threads = parameters.n_threads_batch = 1
    context = api.llama_init_from_model(model, parameters)
    batch = api.llama_batch_init(len(tokens), 0, 1)
    for row, token in enumerate(tokens):
        batch.token[row], batch.pos[row], batch.n_seq_id[row], batch.logits[row] = token, row, 1, True
        batch.seq_id[row][0] = 0
    batch.n_tokens = len(tokens)
    assert api.llama_decode(context, batch) == 0
    shape = (len(tokens), api.llama_vocab_n_tokens(vocab))
    logits = np.ctypeslib.as_array(api.llama_get_logits(context), shape=shape).astype(np.float64)
    api.llama_batch_free(batch)
    api.llama_free(context)
    return logits


def scores(model, text, ctx_size, windows):
    vocab = api.llama_model_get_vocab(model)
    tokens = tokens_of(vocab, text)
    nll, pieces = [], []
    for number in range(windows):
        window = tokens[number * ctx_size : (number + 1) * ctx_size]
        fed = [api.llama_vocab_bos(vocab), *window[1:]] if api.llama_vocab_get_add_bos(vocab) else window
        logits = all_logits(model, vocab, fed)
        for place in range(ctx_size // 2 + 1, ctx_size):
            row = logits[place - 1]
            nll.append(float(np.log(np.exp(row - row.max()).sum()) + row.max() - row[window[place]]))
            pieces.append(bytes_of(vocab, window[place]).hex())
    return {"tokens": len(tokens), "nll": nll, "pieces": pieces}


if __name__ == "__main__":
    quiet = api.llama_log_callback(lambda *_: None)
    api.llama_log_set(quiet, ctypes.c_void_p(0))
    loaded = api.llama_model_load_from_file(sys.argv[1].encode(), api.llama_model_default_params())
    print(json.dumps(scores(loaded, **json.load(sys.stdin))))
