"""The job "run": load, warm up, serve one load, and say what llama.cpp really did."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.clock import now_ns
from profiler.engine.cancellation import Cancellation
from profiler.engine.decode_loop import DecodeLoop, LoopSettings
from profiler.engine.llama_log import LlamaLog
from profiler.engine.model import Context, Model
from profiler.engine.outbox import Outbox
from profiler.engine.prompts import PromptSource
from profiler.engine.recorder import Recorder
from profiler.records.message import MessageKind
from profiler.records.specification import EngineFacts, LoadSettings, ModelSettings, RunSpecification
from profiler.scheduling.arrivals import ArrivalSource, ClosedLoop, Offline, StopRule, staggered_starts_ns

WARMUP_TOKENS = 4
"""Output tokens of each untimed request: the first of a shape builds its graph, the rest are steady."""

REPORT_PERIOD_NS = 100_000_000


@dataclass(slots=True)
class Loaded:
    """The model in memory, with what a run needs to know of it."""

    model: Model
    buffers: dict[str, int]
    context: Context | None = None


class Host:
    """Holds one model and one context between jobs, and loads again only when the settings ask for it."""

    def __init__(self, outbox: Outbox, cancellation: Cancellation, log: LlamaLog) -> None:
        self._outbox = outbox
        self._cancellation = cancellation
        self._log = log
        self._loaded: Loaded | None = None
        self._last_report_ns = 0
        self._vocabulary: dict[ModelSettings, PromptVocabulary] = {}

    def run(self, specification: RunSpecification) -> dict[str, int] | None:
        """Carry out one repetition; returns its own counts, None when it was cancelled. Raises RefusedError."""
        begin_ns = now_ns()
        was_loaded = self._is_loaded(specification.model)
        loaded = self._load(specification)
        load_s = (now_ns() - begin_ns) / 1e9
        context = loaded.context
        assert context is not None
        self._outbox.enter_phase("warming up")
        prompts = self._prompts(loaded.model, specification.load)
        warmup_steps, request_time_ns = self._warm_up(loaded.model, context, specification)
        if self._cancellation.is_requested:
            return None
        load = specification.load
        source = _arrivals(load, request_time_ns)
        recorder = Recorder(self._outbox)
        loop = DecodeLoop(context, prompts, _loop_settings(load), source, recorder, self._cancellation)
        self._outbox.enter_phase("measuring")
        origin_ns = now_ns()
        facts = EngineFacts(
            load_s=load_s,
            reused=was_loaded,
            origin_ns=origin_ns,
            n_ctx=context.n_ctx,
            n_ctx_seq=context.n_ctx_seq,
            n_batch=context.n_batch,
            n_ubatch=context.n_ubatch,
            n_seq_max=context.n_seq_max,
            kv_cells=context.kv_cells,
            vocabulary=loaded.model.vocabulary,
            buffers=dict(loaded.buffers),
            devices=sorted({name.split()[0] for name in loaded.buffers}),
            warmup_steps=warmup_steps,
        )
        self._outbox.send(MessageKind.STARTED, facts.to_json())
        was_completed = loop.run(origin_ns)
        context.clear()
        return {"steps": recorder.steps, "output_tokens": recorder.output_tokens} if was_completed else None

    def _is_loaded(self, settings: ModelSettings) -> bool:
        return self._loaded is not None and self._loaded.model.settings == settings

    def _load(self, specification: RunSpecification) -> Loaded:
        loaded = self._loaded
        if loaded is None or loaded.model.settings != specification.model:
            self.unload()
            self._outbox.enter_phase("loading")
            self._log.buffers.clear()
            loaded = self._loaded = Loaded(Model(specification.model, self._cancellation, self._report_load), {})
            loaded.buffers = dict(self._log.buffers)
        if loaded.context is None or loaded.context.settings != specification.context:
            if loaded.context is not None:
                loaded.context.close()
                loaded.context = None
            self._outbox.enter_phase("making a context")
            self._log.buffers.clear()
            loaded.context = Context(loaded.model, specification.context, self._cancellation)
            model_buffers = {name: size for name, size in loaded.buffers.items() if "model buffer" in name}
            loaded.buffers = model_buffers | self._log.buffers
        loaded.context.clear()
        return loaded

    def unload(self) -> None:
        """Free the context and the model."""
        if self._loaded is None:
            return
        if self._loaded.context is not None:
            self._loaded.context.close()
        self._loaded.model.close()
        self._loaded = None

    def _report_load(self, share: float) -> None:
        now = now_ns()
        if now - self._last_report_ns > REPORT_PERIOD_NS:
            self._last_report_ns = now
            self._outbox.send(MessageKind.PROGRESS, {"phase": "loading", "share": share})

    def _prompts(self, model: Model, load: LoadSettings) -> PromptSource:
        known = self._vocabulary.get(model.settings)
        if known is None:
            known = self._vocabulary[model.settings] = PromptVocabulary(model.prompt_vocabulary(), model.first_token())
        length = load.prompt_tokens
        return PromptSource(known.tokens, known.first_token, lambda _request: length, length, load.seed)

    def _warm_up(self, model: Model, context: Context, specification: RunSpecification) -> tuple[int, int]:
        """Untimed steps of the run's shapes; returns their number and the time that one request is likely to take, in ns.

        One prompt slice as long as the run's, and decodes of as many sequences as the run will hold.
        """
        load = specification.load
        sequences = min(context.n_seq_max, load.users) if load.arrival == "closed" else context.n_seq_max
        longest = min(load.prompt_tokens, context.n_batch)
        known = self._vocabulary[model.settings]
        prompts = PromptSource(
            known.tokens, known.first_token, lambda request: longest if request == 0 else 1, longest, load.seed + 1
        )
        recorder = StepTimes()
        settings = LoopSettings(min(WARMUP_TOKENS, load.output_tokens), load.prefill_chunk, load.sampling == "greedy")
        loop = DecodeLoop(context, prompts, settings, Offline(sequences), recorder, self._cancellation)
        loop.run(now_ns())
        context.clear()
        return recorder.steps, recorder.request_time_ns(load, sequences)


@dataclass(frozen=True, slots=True)
class PromptVocabulary:
    """What synthetic prompts of a model are made of."""

    tokens: NDArray[np.int32]
    first_token: int | None


class StepTimes(Recorder):
    """A recorder that ships nothing and remembers how long the steps took."""

    def __init__(self) -> None:
        super().__init__(None)
        self._prefill_ns_per_token: list[float] = []
        self._decode_ns: list[int] = []

    def step(self, row: tuple[int, ...]) -> None:
        """See Recorder; the fields are STEP_DTYPE's."""
        start_ns, end_ns, _, _, prefill_tokens = row[:5]
        if prefill_tokens > 1:
            self._prefill_ns_per_token.append((end_ns - start_ns) / prefill_tokens)
        elif not prefill_tokens:
            self._decode_ns.append(end_ns - start_ns)
        super().step(row)

    def request_time_ns(self, load: LoadSettings, sequences: int) -> int:
        """A request's likely time from these steps: everybody's prefill, and its own decodes beside the others'."""
        prefill_ns = min(self._prefill_ns_per_token, default=0.0) * load.prompt_tokens * sequences
        decode_ns = min(self._decode_ns, default=0) * (load.output_tokens - 1)
        return int(prefill_ns + decode_ns)


def _loop_settings(load: LoadSettings) -> LoopSettings:
    return LoopSettings(load.output_tokens, load.prefill_chunk, load.sampling == "greedy")


def _arrivals(load: LoadSettings, request_time_ns: int) -> ArrivalSource:
    if load.arrival == "offline":
        assert load.requests is not None
        return Offline(load.requests)
    duration_ns = None if load.duration_s is None else int(load.duration_s * 1e9)
    stop = StopRule(load.requests, load.requests_per_user, duration_ns)
    starts_ns = staggered_starts_ns(load.users, request_time_ns, load.seed)
    return ClosedLoop(starts_ns, int(load.think_time_s * 1e9), stop)
