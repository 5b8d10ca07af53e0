"""The job "breakdown": how long each operation of a step takes, by a look at every node of llama.cpp's graph.

Looked at, a node is computed by itself: what llama.cpp would fuse or overlap is not, its threads are woken for each, and Python
is called twice. A step takes about twice its time then, so this is a run of its own, and the step that nobody looks at is timed
before and after it in a context of its own.
"""

import ctypes
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as api
from numpy.typing import NDArray

from profiler.clock import now_ns
from profiler.engine.batch import Batch
from profiler.engine.cancellation import Cancellation
from profiler.engine.ggml_library import function
from profiler.engine.model import Context, Model, RefusedError
from profiler.engine.outbox import Outbox
from profiler.records.message import MessageKind
from profiler.records.specification import ContextSettings, ModelSettings
from profiler.scheduling.step import PrefillSlice, StepPlan

_ABORTED = 2  # what llama_decode returns when the abort callback ended it
_BUDGET_NS = 400_000_000
_LEAST_STEPS, _MOST_STEPS = 3, 16
_CELLS_NEEDED = 2 * (_MOST_STEPS + 1)


class _Watch(Cancellation):
    """Hears of every node before and after it is computed. A context gets it in the place of its cancellation, and obeys both.

    Attributes:
        is_on: nodes are computed one by one.
        stamps_ns: since the last `begin`, before and after each node, in turn.
        nodes: name and operation of each, when they were learnt.
    """

    def __init__(self, cancellation: Cancellation) -> None:
        super().__init__()
        self._cancellation = cancellation
        self.is_on = False
        self.stamps_ns: list[int] = []
        self.nodes: list[tuple[str, str]] = []
        self._learns = False
        self._name = function("ggml_get_name", ctypes.c_char_p, ctypes.c_void_p)
        self._operation = function("ggml_op_desc", ctypes.c_char_p, ctypes.c_void_p)
        self._heard = api.ggml_backend_sched_eval_callback(self._hear)

    def install(self, parameters: "api.llama_context_params") -> None:
        """See Cancellation."""
        self._cancellation.install(parameters)
        parameters.cb_eval = self._heard

    def begin(self, *, learns: bool) -> None:
        """Look at the next step; its nodes' names are asked for only when it is to learn them, since that takes longer."""
        self.is_on, self._learns = True, learns
        self.stamps_ns.clear()
        if learns:
            self.nodes.clear()

    def _hear(self, tensor: int, asks: bool, _data: object) -> bool:
        self.stamps_ns.append(now_ns())
        if self._learns and not asks:
            self.nodes.append((self._name(tensor).decode("utf-8", "replace"), self._operation(tensor).decode()))
        return self.is_on


def break_down(
    outbox: Outbox,
    cancellation: Cancellation,
    model: dict[str, Any],
    context: dict[str, Any],
    decode_sequences: list[int],
    prefill_tokens: int,
    depth: int = 0,
) -> dict[str, Any] | None:
    """Look into decode steps of so many sequences each, and into the prefill of one prompt.

    Args:
        outbox: hears how far it is.
        cancellation: ends it.
        model: document of ModelSettings.
        context: document of ContextSettings, with slots for the most sequences.
        decode_sequences: one pass for each.
        prefill_tokens: at most the batch size; 0 leaves the prefill out.
        depth: tokens that every sequence holds already.

    Returns:
        {"passes": [{"kind": "decode" | "prefill", "sequences", "tokens", "depth", "steps", "nodes": [[name, operation, seconds]],
        "looked_s", "unlooked_s", "sampling_s"}]}, each time the median over the steps; nodes in the order of the graph. None when
        cancelled. `analysis.breakdown` reads it.

    Raises:
        RefusedError: the model or the context cannot be had, or what is asked for does not fit into it.
    """
    settings = ContextSettings.from_json(context)
    _check(settings, decode_sequences, prefill_tokens, depth)
    outbox.enter_phase("loading")
    loaded = Model(
        ModelSettings.from_json(model),
        cancellation,
        lambda share: outbox.send(MessageKind.PROGRESS, {"phase": "loading", "share": share}),
    )
    try:
        words = _Words(loaded, depth)
        watch = _Watch(cancellation)
        outbox.enter_phase("measuring operations")
        orders = [_Order(count, 0) for count in decode_sequences]
        orders += [_Order(1, prefill_tokens)] if prefill_tokens else []
        unlooked: list[list[_Timed]] = [[] for _ in orders]
        passes: list[dict[str, Any]] = []
        for part in range(3):  # unlooked, looked, unlooked
            with _context(loaded, settings, watch if part == 1 else cancellation) as made:
                runner = _Runner(made, words, cancellation)
                for number, order in enumerate(orders):
                    share = (part + number / len(orders)) / 3
                    outbox.send(MessageKind.PROGRESS, {"phase": "measuring operations", "share": share})
                    if part == 1:
                        passes.append(_looked(runner, order, depth, watch))
                    else:
                        unlooked[number] += runner.steps(order, lambda: None)
        for told, timed in zip(passes, unlooked, strict=True):
            told["unlooked_s"] = statistics.median(one.step_s for one in timed)
            told["sampling_s"] = statistics.median(one.sampling_s for one in timed)
        return {"passes": passes}
    except _CancelledError:
        return None
    finally:
        loaded.close()


class _CancelledError(Exception):
    """A step was broken off because the job was cancelled."""


@dataclass(frozen=True, slots=True)
class _Order:
    """One pass: decodes of so many sequences, or the prefill of one prompt of so many tokens."""

    sequences: int
    prefill_tokens: int

    @property
    def plan(self) -> StepPlan:
        """Its step."""
        if not self.prefill_tokens:
            return StepPlan(np.arange(self.sequences, dtype=np.int32), (), self.sequences, 0, self.sequences, 0)
        part = PrefillSlice(0, 0, self.prefill_tokens, completes=True, begins=True)
        return StepPlan(np.empty(0, np.int32), (part,), 0, self.prefill_tokens, 1, 0)


@dataclass(frozen=True, slots=True)
class _Timed:
    """One step: of the decode call, and of taking the tokens from its logits."""

    step_s: float
    sampling_s: float


class _Words:
    """Ordinary tokens for prompts and answers, the same in every context."""

    def __init__(self, model: Model, depth: int) -> None:
        vocabulary = model.prompt_vocabulary()
        random = np.random.default_rng(1)
        self._drawn = vocabulary[random.integers(0, len(vocabulary), 65_536)]
        self.depth = vocabulary[random.integers(0, len(vocabulary), depth)]

    def take(self, count: int) -> NDArray[np.int32]:
        """The first so many, over and over."""
        return np.resize(self._drawn, count)


class _Runner:
    """Carries out steps in one context."""

    def __init__(self, context: Context, words: _Words, cancellation: Cancellation) -> None:
        self._context, self._words, self._cancellation = context, words, cancellation
        self._batch = Batch(context)

    def lay_out(self, order: _Order) -> None:
        """Prepare the context and the batch for an order's first step. Raises RefusedError and _CancelledError."""
        if not self._context.restart(self._words.depth):
            raise _CancelledError
        last_tokens = self._words.take(self._context.settings.slots).tolist()
        self._batch.fill(order.plan, last_tokens, {0: self._words.take(order.prefill_tokens)})

    def step(self) -> _Timed:
        """One step. Raises RefusedError and _CancelledError."""
        times_ns, tokens, code = self._batch.decode(looks_at_logits=True)
        if code == _ABORTED or self._cancellation.is_requested:  # on a GPU nothing is aborted
            raise _CancelledError
        if tokens is None:
            raise RefusedError(f"llama.cpp could not carry out a step (llama_decode returned {code}).")
        start_ns, decoded_ns, drawn_ns = times_ns
        return _Timed((decoded_ns - start_ns) / 1e9, (drawn_ns - decoded_ns) / 1e9)

    def steps(self, order: _Order, before: Callable[[], None]) -> list[_Timed]:
        """As many as the time allows after one that only warms up; `before` is called before each of them."""
        self.lay_out(order)
        self.step()
        timed: list[_Timed] = []
        until_ns = now_ns() + _BUDGET_NS
        while len(timed) < _LEAST_STEPS or (len(timed) < _MOST_STEPS and now_ns() < until_ns):
            if order.prefill_tokens:  # a prompt is read into an empty cache each time
                self.lay_out(order)
            before()
            timed.append(self.step())
        return timed


def _looked(runner: _Runner, order: _Order, depth: int, watch: _Watch) -> dict[str, Any]:
    """The pass's document without what the unlooked steps tell."""
    watch.is_on = False
    runner.lay_out(order)
    watch.begin(learns=True)
    runner.step()
    nodes = list(watch.nodes)
    all_stamps: list[list[int]] = []

    def begin() -> None:
        all_stamps.append(list(watch.stamps_ns))  # of the step before: the first is that of the warm-up
        watch.begin(learns=False)

    timed = runner.steps(order, begin)
    all_stamps.append(list(watch.stamps_ns))
    watch.is_on = False
    stamps = [one for one in all_stamps[1:] if len(one) == 2 * len(nodes)]  # else the graph was another one
    if not stamps:
        raise RefusedError("llama.cpp's graph changes from step to step, so its operations cannot be told apart.")
    table = np.array(stamps, np.int64)
    seconds = np.median(table[:, 1::2] - table[:, 0::2], axis=0) / 1e9
    return {
        "kind": "prefill" if order.prefill_tokens else "decode",
        "sequences": order.sequences,
        "tokens": order.prefill_tokens or order.sequences,
        "depth": depth,
        "steps": len(stamps),
        "nodes": [[name, operation, float(time_s)] for (name, operation), time_s in zip(nodes, seconds, strict=True)],
        "looked_s": statistics.median(one.step_s for one in timed),
    }


@contextmanager
def _context(model: Model, settings: ContextSettings, cancellation: Cancellation) -> Iterator[Context]:
    made = Context(model, settings, cancellation)
    try:
        yield made
    finally:
        made.close()


def _check(settings: ContextSettings, decode_sequences: list[int], prefill_tokens: int, depth: int) -> None:
    if any(not 1 <= count <= settings.slots for count in decode_sequences):
        raise RefusedError(f"A context of {settings.slots} slots decodes 1 to {settings.slots} sequences.")
    if not 0 <= prefill_tokens <= settings.batch_size:
        raise RefusedError(f"A prompt of {prefill_tokens} tokens does not fit into a batch of {settings.batch_size}.")
    if settings.ctx_size < depth + max(prefill_tokens, _CELLS_NEEDED):
        raise RefusedError(f"A context of {settings.ctx_size} tokens is too small for this; give a larger context size.")
