"""Run as a child: loads models, and says what llama.cpp allocates for each and which matmuls a decode of one token makes.

python graph_probe.py '["a.gguf", …]'      one JSON object a line: {"log": …, "ops": [[op, weights, bytes, flops], …]}
"""

import ctypes
import json
import math
import sys

from llama_cpp import llama_cpp as api

CONTEXT_CELLS = 4096
SEQUENCES = 2


class Tensor(ctypes.Structure):
    """ggml_tensor, as far as its name."""


Tensor._fields_ = [
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32),
    ("src", ctypes.POINTER(Tensor) * 10),
    ("view_src", ctypes.POINTER(Tensor)),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64),
]
MATRIX_OF = {"MUL_MAT": 0, "MUL_MAT_ID": 0, "SSM_CONV": 1}
"""Operations that count as products, and which of their sources is the matrix."""

ops: list[tuple[str, str, int, int]] = []
log: list[str] = []
op_name, tensor_bytes = api._lib["ggml_op_name"], api._lib["ggml_nbytes"]
op_name.restype, op_name.argtypes = ctypes.c_char_p, [ctypes.c_int]
tensor_bytes.restype, tensor_bytes.argtypes = ctypes.c_size_t, [ctypes.c_void_p]


@ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_bool, ctypes.c_void_p)
def look(address, _asks, _data):
    """Before each operation; never asks for its result."""
    tensor = Tensor.from_address(address)
    op = op_name(tensor.op).decode()
    if op in MATRIX_OF:
        matrix = tensor.src[MATRIX_OF[op]].contents
        flops = 2 * matrix.ne[0] * math.prod(tensor.ne)
        ops.append((op, matrix.name.decode(), tensor_bytes(ctypes.addressof(matrix)), flops))
    return False


@api.llama_log_callback
def keep(_level, text, _data):
    log.append((text or b"").decode("utf-8", "replace"))


def context_of(model, *, flash_attention):
    parameters = api.llama_context_default_params()
    parameters.n_ctx, parameters.n_seq_max = CONTEXT_CELLS, SEQUENCES
    parameters.n_ubatch = parameters.n_batch = 32
    parameters.n_threads = parameters.n_threads_batch = 1
    parameters.kv_unified = True
    parameters.flash_attn_type = int(flash_attention)
    parameters.cb_eval = ctypes.cast(look, type(parameters.cb_eval))
    return api.llama_init_from_model(model, parameters)


def main():
    api.llama_log_set(keep, ctypes.c_void_p(0))
    for path in json.loads(sys.argv[1]):
        log.clear()
        parameters = api.llama_model_default_params()
        parameters.use_extra_bufts = False  # no copies of weights in other layouts
        model = api.llama_model_load_from_file(path.encode(), parameters)
        if not model:
            sys.exit("".join(log)[-1000:])
        api.llama_free(context_of(model, flash_attention=True))  # for its log: V is laid out as it is usually
        allocated = "".join(log)
        # Without flash attention, attention is two matmuls.
        context = context_of(model, flash_attention=False)
        ops.clear()
        if api.llama_decode(context, api.llama_batch_get_one((api.llama_token * 1)(1), 1)):
            sys.exit(f"{path} could not be evaluated")
        print(json.dumps({"log": allocated, "ops": ops}), flush=True)
        api.llama_free(context)
        api.llama_model_free(model)


if __name__ == "__main__":
    main()
