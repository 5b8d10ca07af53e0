"""The job "run": load, warm up, serve one load, and say what llama.cpp really did."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.clock import now_ns
from profiler.engine.cancellation import Cancellation
from profiler.engine.decode_loop import DecodeLoop
from profiler.engine.llama_log import LlamaLog
from profiler.engine.model import Context, Model, RefusedError
from profiler.engine.outbox import Outbox
from profiler.engine.prompts import Prompts
from profiler.engine.recorder import Recorder
from profiler.errors import InferometerError
from profiler.records.message import MessageKind
from profiler.records.specification import EngineFacts, LoadSettings, ModelSettings, RequestClass, RunSpecification
from profiler.scheduling.lengths import parse_length
from profiler.scheduling.load import LengthsOf, source_of
from profiler.scheduling.trace import Trace, content_hash, read_trace

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
        self._known_words: dict[ModelSettings, Words] = {}

    def run(self, specification: RunSpecification) -> dict[str, int] | None:
        """Carry out one repetition; returns its own counts, None when it was cancelled. Raises RefusedError."""
        begin_ns = now_ns()
        was_loaded = self._is_loaded(specification.model)
        loaded = self._load(specification)
        load_s = (now_ns() - begin_ns) / 1e9
        context = loaded.context
        assert context is not None
        load = specification.load
        traces = self._traces(load)
        words = self._words(loaded.model)
        if load.depth:
            self._outbox.enter_phase("filling the depth")
        if not context.restart(_depth_tokens(words, load.depth)):
            return None
        self._outbox.enter_phase("warming up")
        warmup_steps, request_time_ns = self._warm_up(context, words, load)
        if self._cancellation.is_requested:
            return None
        try:
            prompts = Prompts(words.tokens, words.first_token, load, LengthsOf(load, traces), traces)
            source = source_of(load, request_time_ns, traces)
        except ValueError as error:
            raise RefusedError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        recorder = Recorder(self._outbox)
        loop = DecodeLoop(context, prompts, load, source, recorder, self._cancellation)
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

    def _words(self, model: Model) -> "Words":
        known = self._known_words.get(model.settings)
        if known is None:
            known = self._known_words[model.settings] = Words(model.prompt_vocabulary(), model.first_token())
        return known

    def _traces(self, load: LoadSettings) -> dict[int, Trace]:
        """What the load's classes replay; raises RefusedError when a file is not what the plan saw."""
        traces = {}
        for number, each in enumerate(load.classes):
            if each.trace is None:
                continue
            self._outbox.enter_phase("reading the trace")
            try:
                if content_hash(each.trace.path) != each.trace.sha256:
                    raise RefusedError(f"{each.trace.path} has changed since the plan was made; start the sweep again.")
                traces[number] = read_trace(each.trace.path, each.trace.format, each.trace.columns, each.trace.rows)
            except InferometerError as error:
                raise RefusedError(error.sentence) from error
        return traces

    def _warm_up(self, context: Context, words: "Words", load: LoadSettings) -> tuple[int, int]:
        """Untimed steps of the run's shapes; returns their number and the time that one request is likely to take, in ns.

        One prompt slice as long as the run's, and decodes of as many sequences as the run will hold.
        """
        slots = context.settings.slots
        sequences = min(slots, load.users) if all(each.arrival == "closed" for each in load.classes) else slots
        longest = min(max(_longest_prompt(each) for each in load.classes), context.n_batch)
        outputs = str(WARMUP_TOKENS)
        classes = [RequestClass("long", "offline", prompt_tokens=str(longest), output_tokens=outputs, requests=1)]
        if sequences > 1:
            classes.append(RequestClass("short", "offline", prompt_tokens="1", output_tokens=outputs, requests=sequences - 1))
        plain = LoadSettings(tuple(classes), prefill_chunk=load.prefill_chunk, sampling=load.sampling, seed=load.seed + 1)
        prompts = Prompts(words.tokens, words.first_token, plain, LengthsOf(plain, {}), {})
        recorder = StepTimes()
        DecodeLoop(context, prompts, plain, source_of(plain, 0, {}), recorder, self._cancellation).run(now_ns())
        return recorder.steps, recorder.request_time_ns(load, sequences)


@dataclass(frozen=True, slots=True)
class Words:
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
        """A request's likely time from these steps: everybody's prefill, and its own decodes beside the others'.

        Of the first class whose users come back, since only they are staggered over it; 0 without one.
        """
        each = next((each for each in load.classes if each.arrival == "closed"), None)
        if each is None:
            return 0
        prefill_ns = min(self._prefill_ns_per_token, default=0.0) * (parse_length(each.prompt_tokens).mean or 1.0) * sequences
        decode_ns = min(self._decode_ns, default=0) * ((parse_length(each.output_tokens).mean or 1.0) - 1)
        return int(prefill_ns + decode_ns)


def _longest_prompt(each: RequestClass) -> int:
    """The longest prompt of a class that has to be warmed up for; a trace's may be anything, and fills the batch."""
    return parse_length(each.prompt_tokens).longest or 1_000_000


def _depth_tokens(words: Words, depth: int) -> NDArray[np.int32]:
    """The text that lies in every slot before the measurement: the same in all runs, so that it stays where it is."""
    tokens = words.tokens[np.random.default_rng(depth).integers(0, len(words.tokens), depth)]
    if depth and words.first_token is not None:
        tokens[0] = words.first_token
    return tokens
