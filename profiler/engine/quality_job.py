"""The job "quality": how well models predict a text, token by token, and how far from a base model.

The method is llama-perplexity's (measurement.md §3): the text is tokenized once and cut into windows of `ctx_size` tokens, each
evaluated with an empty cache and with the vocabulary's beginning-of-text token as its first; in each the predictions of tokens
ctx_size / 2 + 1 to the last are scored, and the tail that fills no window is dropped. All models are in memory and see a window
in turn, so that no more logits are kept than those of one decode call of each. What goes out is a few numbers a token: the
figures are reckoned from them by the parent.
"""

import ctypes
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as api
from numpy.typing import NDArray

from profiler.engine.batch import Logits
from profiler.engine.cancellation import Cancellation
from profiler.engine.model import Context, Model, RefusedError
from profiler.engine.outbox import Outbox
from profiler.engine.token_scores import Column, Columns, Scores, pack, scores_of
from profiler.records.message import MessageKind
from profiler.records.specification import ContextSettings, ModelSettings

BATCH_TOKENS = 512
_ABORTED = 2
_PIECE_BYTES = 256


def measure_quality(
    outbox: Outbox,
    cancellation: Cancellation,
    models: Sequence[str],
    base: str | None,
    text: str,
    ctx_size: int,
    windows: int | None,
    threads: int,
    n_gpu_layers: int,
) -> dict[str, Any] | None:
    """Score a text with every model, each token also against the base's prediction of it.

    Args:
        outbox: takes the progress.
        cancellation: the request to stop.
        models: paths; without a base exactly one, since models of different vocabularies have different tokens.
        base: path of the model to compare with; it is not among `models`.
        text: what is predicted.
        ctx_size: tokens of a window, at least 4.
        windows: at most so many; None: all that the text fills.
        threads: of llama.cpp.
        n_gpu_layers: of every model.

    Returns:
        None when cancelled, else a document:
        "tokens", "windows": scored; "bytes": of the text that the scored tokens stand for;
        "base": {"nll"}, None without one;
        "models": each {"nll", "kld", "same_top", "dp"}, or None when its vocabulary is not the base's.
        A column is packed by `token_scores.pack`, None where there is nothing to compare with: "nll" is -ln p of the token that
        came, "kld" D(P_base ‖ P) in nat, "same_top" 1 where both rank the same token first, "dp" the probability of the token
        that came, less the base's.

    Raises:
        RefusedError: a model cannot be loaded or scored, or the text is too short.
    """
    with ExitStack() as stack:

        def load(path: str) -> Predictor:
            outbox.enter_phase(f"loading {Path(path).name}")
            settings = ModelSettings(path, n_gpu_layers, mmap=True)
            return stack.enter_context(Predictor(settings, ctx_size, threads, cancellation))

        reference = load(base) if base is not None else None
        loaded: list[Predictor | None] = []
        for path in models:
            model = load(path)
            loaded.append(model if reference is None or model.has_vocabulary_of(reference) else None)
        if not any(loaded):
            return {"tokens": 0, "bytes": 0, "windows": 0, "base": None, "models": [None] * len(loaded)}
        first = reference if reference is not None else loaded[0]
        assert first is not None
        tokens = first.tokens_of(text)
        found = _windows(len(tokens), ctx_size, windows)
        columns = [Columns() for _ in loaded]
        base_nll: list[Column] = []
        scored_bytes = 0
        outbox.enter_phase("measuring quality")
        for number in range(found):
            window = tokens[number * ctx_size : (number + 1) * ctx_size]
            scored_bytes += first.bytes_of(window[ctx_size // 2 + 1 :])
            for start in range(0, ctx_size, BATCH_TOKENS):
                part = slice(start, min(start + BATCH_TOKENS, ctx_size))
                base_scores = reference.score(window, part) if reference is not None else None
                if base_scores is not None:
                    base_nll.append(base_scores.nll)
                for predictor, column in zip(loaded, columns, strict=True):
                    scores = predictor.score(window, part) if predictor is not None else None
                    if scores is not None:
                        column.add(scores, base_scores)
                if cancellation.is_requested:  # then some scores are missing
                    return None
            outbox.send(MessageKind.PROGRESS, {"phase": "measuring quality", "share": (number + 1) / found})
        return {
            "tokens": found * (ctx_size - 1 - ctx_size // 2),
            "bytes": scored_bytes,
            "windows": found,
            "base": {"nll": pack(base_nll)} if reference is not None else None,
            "models": [each.packed() if predictor else None for predictor, each in zip(loaded, columns, strict=True)],
        }


def _windows(tokens: int, ctx_size: int, most: int | None) -> int:
    if tokens < 2 * ctx_size:
        raise RefusedError(
            f"The text has only {tokens} tokens, where two windows of {ctx_size} are the least; give a longer text or a smaller "
            "context size."
        )
    found = tokens // ctx_size
    return found if most is None else min(most, found)


class Predictor:
    """A model with a context of one window; a context manager, which frees both."""

    def __init__(self, settings: ModelSettings, ctx_size: int, threads: int, cancellation: Cancellation) -> None:
        self._name = Path(settings.path).name
        self._ctx_size = ctx_size
        self._model = Model(settings, cancellation, lambda _share: None)
        self._vocab = api.llama_model_get_vocab(self._model.handle)
        self._context: Context | None = None
        try:
            if api.llama_model_has_encoder(self._model.handle):
                raise RefusedError(f"{self._name} encodes a text before it predicts one, which this measure is not made for.")
            if api.llama_vocab_get_add_eos(self._vocab):
                raise RefusedError(
                    f"{self._name} ends every text by a token of its own, so that windows of a text mean nothing to it."
                )
            batch = min(BATCH_TOKENS, ctx_size)
            wanted = ContextSettings(1, ctx_size, batch, BATCH_TOKENS, threads, threads, "auto", "f16", "f16", kv_unified=False)
            self._context = Context(self._model, wanted, cancellation)
        except RefusedError:
            self.close()
            raise
        self._logits = Logits(self._context)
        self._token = np.zeros(batch, np.int32)
        self._wanted = np.zeros(batch, np.int8)
        self._struct = api.llama_batch(
            n_tokens=0,
            token=_pointer(self._token, api.llama_token),
            embd=None,
            pos=None,  # each token behind the last
            n_seq_id=None,
            seq_id=None,
            logits=_pointer(self._wanted, ctypes.c_int8),
        )

    def __enter__(self) -> "Predictor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the memory."""
        if self._context is not None:
            self._context.close()
            self._context = None
        self._model.close()

    def has_vocabulary_of(self, other: "Predictor") -> bool:
        """Whether a token means the same to both, for every token."""
        if self._model.vocabulary != other._model.vocabulary or self._model.first_token() != other._model.first_token():
            return False
        text = api.llama_vocab_get_text
        return all(text(self._vocab, token) == text(other._vocab, token) for token in range(self._model.vocabulary))

    def tokens_of(self, text: str) -> NDArray[np.int32]:
        """The text's tokens, as llama-perplexity takes it: without a last line end, special tokens' names read as plain text."""
        data = text.removesuffix("\n").encode()
        tokens = np.zeros(len(data) + 8, np.int32)
        count = api.llama_tokenize(self._vocab, data, len(data), _pointer(tokens, api.llama_token), len(tokens), True, False)
        if count < 0:
            raise RefusedError(f"{self._name} could not split the text into tokens.")
        return tokens[:count]

    def bytes_of(self, tokens: NDArray[np.int32]) -> int:
        """Bytes of the text that these tokens stand for."""
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        return sum(abs(api.llama_token_to_piece(self._vocab, int(token), buffer, _PIECE_BYTES, 0, True)) for token in tokens)

    def score(self, window: NDArray[np.int32], part: slice) -> Scores | None:
        """Evaluate a part of a window behind those before it; None when nothing in it is scored, or when cancelled."""
        assert self._context is not None
        handle, count = self._context.handle, part.stop - part.start
        self._token[:count] = window[part]
        if part.start == 0:
            api.llama_memory_clear(self._context.memory, True)
            first = self._model.first_token()
            if first is not None:
                self._token[0] = first
        self._wanted[:count] = np.arange(part.start, part.stop) >= self._ctx_size // 2
        self._struct.n_tokens = count
        code = api.llama_decode(handle, self._struct)
        if code == _ABORTED:
            return None
        if code:
            raise RefusedError(f"{self._name} could not evaluate the text (llama_decode returned {code}).")
        address = self._logits.wait(handle)
        rows = int(self._wanted[:count].sum())
        # The window's last token predicts one outside it, which belongs to the next window.
        targets = window[part.start + 1 : part.stop + 1][count - rows :]
        if not len(targets):
            return None
        if not address:
            raise RefusedError(f"{self._name} gives no probabilities of a next token.")
        scores = scores_of(self._logits.of(address, rows)[: len(targets)], targets)
        if not np.isfinite(scores.nll).all():
            raise RefusedError(f"{self._name} gives probabilities that are not numbers; the file may be damaged.")
        return scores


def _pointer(array: NDArray[Any], kind: Any) -> Any:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))
