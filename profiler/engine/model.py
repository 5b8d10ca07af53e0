"""A loaded model and its context: llama.cpp objects with a life span, and what llama.cpp made of the settings."""

import ctypes
from collections.abc import Callable

import numpy as np
from llama_cpp import llama_cpp as api
from numpy.typing import NDArray

from profiler.engine.cancellation import Cancellation
from profiler.records.specification import ContextSettings, ModelSettings

FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
SPLIT_MODES = {"none": api.LLAMA_SPLIT_MODE_NONE, "layer": api.LLAMA_SPLIT_MODE_LAYER, "row": api.LLAMA_SPLIT_MODE_ROW}


_ABORTED = 2


class RefusedError(Exception):
    """llama.cpp said no; the child lives on. The text is a sentence for the user."""


def cache_type(name: str) -> int:
    """The number that ggml gives a type, by its name ("q8_0"); raises RefusedError for an unknown one."""
    number = getattr(api, f"GGML_TYPE_{name.upper()}", None)
    if not isinstance(number, int):
        raise RefusedError(f"llama.cpp knows no cache type '{name}'; usual ones are f16, q8_0, q4_0.")
    return number


def _tensor_split(parts: tuple[float, ...]) -> "ctypes.Array[ctypes.c_float] | None":
    """llama.cpp reads as many parts as it could have devices, so the array is that long."""
    if not parts:
        return None
    most = int(api.llama_max_devices())
    if len(parts) > most:
        raise RefusedError(f"This llama.cpp splits over {most} devices at the most, not {len(parts)}.")
    return (ctypes.c_float * most)(*parts)


class Model:
    """A model in memory.

    Attributes:
        settings: what it was loaded with.
        vocabulary: number of tokens.
        can_share_prefixes: its memory has a cell a token, so that a beginning of one sequence can be another's, too.
    """

    def __init__(self, settings: ModelSettings, cancellation: Cancellation, on_progress: Callable[[float], None]) -> None:
        """Load; raises RefusedError when llama.cpp cannot, or when it was cancelled."""
        parameters = api.llama_model_default_params()
        parameters.n_gpu_layers = settings.n_gpu_layers
        parameters.load_mode = api.LLAMA_LOAD_MODE_MMAP if settings.mmap else api.LLAMA_LOAD_MODE_NONE
        parameters.split_mode = SPLIT_MODES[settings.split_mode]
        parameters.main_gpu = settings.main_gpu
        parameters.use_extra_bufts = settings.repack
        parameters.no_host = settings.no_host
        split = _tensor_split(settings.tensor_split)
        if split is not None:
            parameters.tensor_split = split

        def report(share: float, _data: object) -> bool:
            on_progress(share)
            return not cancellation.is_requested

        callback = api.llama_progress_callback(report)
        parameters.progress_callback = callback
        handle = api.llama_model_load_from_file(settings.path.encode(), parameters)
        if not handle:
            raise RefusedError(f"llama.cpp could not load {settings.path}.")
        self.settings = settings
        self.handle = handle
        self._vocab = api.llama_model_get_vocab(handle)
        self.vocabulary = int(api.llama_vocab_n_tokens(self._vocab))
        self.can_share_prefixes = not (api.llama_model_is_recurrent(handle) or api.llama_model_is_hybrid(handle))

    def close(self) -> None:
        """Free the memory."""
        api.llama_model_free(self.handle)

    def prompt_vocabulary(self) -> NDArray[np.int32]:
        """Tokens that a synthetic prompt may use: ordinary text, no control or unknown tokens."""
        control = api.LLAMA_TOKEN_ATTR_CONTROL | api.LLAMA_TOKEN_ATTR_UNKNOWN | api.LLAMA_TOKEN_ATTR_UNUSED
        return np.array(
            [token for token in range(self.vocabulary) if not api.llama_vocab_get_attr(self._vocab, token) & control], np.int32
        )

    def first_token(self) -> int | None:
        """The beginning-of-text token when the vocabulary puts one before every prompt."""
        if not api.llama_vocab_get_add_bos(self._vocab):
            return None
        token = int(api.llama_vocab_bos(self._vocab))
        return token if token >= 0 else None


class Context:
    """A llama.cpp context, and the sizes that llama.cpp rounded its settings to.

    Attributes:
        kv_cells: cells over all sequences.
        depth: tokens that every slot holds and keeps.
        vocabulary: number of tokens, the length of a row of logits.
    """

    def __init__(self, model: Model, settings: ContextSettings, cancellation: Cancellation) -> None:
        """Make it; raises RefusedError when llama.cpp cannot."""
        sequences = settings.slots + settings.cached_sequences
        if sequences > settings.batch_size:
            raise RefusedError(f"{sequences} sequences need a batch size of at least as many tokens, not {settings.batch_size}.")
        if settings.cached_sequences and not settings.kv_unified:
            raise RefusedError("A prefix cache needs one KV cache for all slots; give --kv-unified on.")
        if settings.cached_sequences and not model.can_share_prefixes:
            raise RefusedError("This model keeps a state instead of a cell a token, which a prefix cache cannot share.")
        parameters = api.llama_context_default_params()
        parameters.n_ctx = settings.slots * settings.ctx_size
        parameters.n_batch = settings.batch_size
        parameters.n_ubatch = min(settings.ubatch_size, settings.batch_size)
        parameters.n_seq_max = sequences
        parameters.n_threads = settings.threads
        parameters.n_threads_batch = settings.threads_batch
        parameters.flash_attn_type = FLASH_ATTENTION[settings.flash_attn]
        parameters.type_k = cache_type(settings.cache_type_k)
        parameters.type_v = cache_type(settings.cache_type_v)
        parameters.kv_unified = settings.kv_unified
        parameters.op_offload = settings.op_offload
        parameters.offload_kqv = settings.kv_offload
        parameters.no_perf = True
        cancellation.install(parameters)
        handle = api.llama_init_from_model(model.handle, parameters)
        if not handle:
            raise RefusedError("llama.cpp could not make a context with these settings.")
        self.settings = settings
        self.handle = handle
        self.memory = api.llama_get_memory(handle)
        self.n_ctx = int(api.llama_n_ctx(handle))
        self.n_ctx_seq = int(api.llama_n_ctx_seq(handle))
        self.n_batch = int(api.llama_n_batch(handle))
        self.n_ubatch = int(api.llama_n_ubatch(handle))
        self.n_seq_max = int(api.llama_n_seq_max(handle))
        self.kv_cells = self.n_ctx if settings.kv_unified else self.n_ctx_seq * self.n_seq_max
        self.depth = 0
        self.vocabulary = model.vocabulary

    def close(self) -> None:
        """Free the memory."""
        api.llama_free(self.handle)

    def restart(self, depth_tokens: NDArray[np.int32]) -> bool:
        """Have every slot hold these tokens and nothing else; what is there already stays. Returns False when cancelled.

        One slot evaluates them, the others get a copy of its cells, so that each has cells of its own as after a long
        conversation. Raises RefusedError.
        """
        depth = len(depth_tokens)
        if depth and depth == self.depth:
            for slot in range(self.settings.slots):
                self.drop(slot)
            return True
        api.llama_memory_clear(self.memory, False)
        self.depth = 0
        if depth and not self._evaluate(depth_tokens):
            return False
        for slot in range(1, self.settings.slots if depth else 0):
            self._copy_state(0, slot)
        self.depth = depth
        return True

    def drop(self, sequence: int) -> None:
        """Free the cells of one sequence; a slot keeps its depth. Raises RefusedError where the memory cannot be cut."""
        first = self.depth if sequence < self.settings.slots else 0
        if not api.llama_memory_seq_rm(self.memory, sequence, first or -1, -1):
            raise RefusedError("This model's memory cannot be cut back to a depth; leave --depth at 0.")

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Let an empty sequence share another's first cells (one unified cache only: on streams llama.cpp would abort)."""
        api.llama_memory_seq_cp(self.memory, source, target, 0, tokens)

    def _evaluate(self, tokens: NDArray[np.int32]) -> bool:
        """Evaluate tokens in the first slot; returns False when cancelled."""
        for start in range(0, len(tokens), self.n_batch):
            part = np.ascontiguousarray(tokens[start : start + self.n_batch])
            batch = api.llama_batch_get_one(part.ctypes.data_as(ctypes.POINTER(api.llama_token)), len(part))
            code = api.llama_decode(self.handle, batch)
            if code == _ABORTED:
                return False
            if code != 0:
                raise RefusedError(f"llama.cpp could not evaluate the depth (llama_decode returned {code}).")
        api.llama_synchronize(self.handle)
        return True

    def _copy_state(self, source: int, target: int) -> None:
        size = api.llama_state_seq_get_size(self.handle, source)
        state = (ctypes.c_uint8 * size)()
        written = api.llama_state_seq_get_data(self.handle, state, size, source)
        if not written or not api.llama_state_seq_set_data(self.handle, state, written, target):
            raise RefusedError("llama.cpp could not give every slot its depth; give a larger context size or fewer slots.")
