"""Looking inside a step: the engine's job "breakdown" carried out for a model at several concurrencies.

It is a run of its own, never a measured one: looked at node by node, a step takes about twice its time (measurement.md §3).
"""

import dataclasses
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from profiler.analysis.breakdown import breakdowns
from profiler.analysis.step_breakdown import StepBreakdown, doubts
from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault, Interrupted, UnusableArguments
from profiler.hardware.sources.processor import Usage, core_seconds, foreign_percent, summed
from profiler.hardware.sources.watched_process import OwnProcesses, WatchedProcess
from profiler.records.message import Message, MessageKind
from profiler.records.specification import KV_CELL_STEP, ContextSettings, ModelSettings

PROMPT_TOKENS = 128
"""Of the prompt whose prefill is looked into where nothing else is said."""

BATCH_TOKENS = 512
"""Batch and micro-batch where nothing else is said: llama.cpp's own default of a micro-batch."""

DECODE_TOKENS = 34
"""Cells that a sequence's decode steps take in the job: one to warm up and sixteen, with and without looking."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked into.

    Attributes:
        context: with slots for the most sequences: the cells that are allocated stay the same over all concurrencies.
        sequences: decoded together, a pass for each.
        prompt_tokens: of the prompt whose prefill is a pass too; 0 leaves that out.
        depth: tokens that every sequence holds already.
    """

    model: ModelSettings
    context: ContextSettings
    sequences: tuple[int, ...]
    prompt_tokens: int
    depth: int

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain values."""
        return dataclasses.asdict(self)


def look_at_model(
    path: Path,
    sequences: Iterable[int],
    threads: int,
    *,
    ctx_size: int | None = None,
    prompt_tokens: int = PROMPT_TOKENS,
    depth: int = 0,
    n_gpu_layers: int = 0,
) -> Look:
    """What to look into of a model file by itself.

    Args:
        path: the file.
        sequences: decoded together; each once, in rising order.
        threads: for all steps.
        ctx_size: tokens that each slot may hold; None for the fewest that are needed.
        prompt_tokens: of the prompt; 0 leaves its prefill out.
        depth: tokens that every sequence holds already.
        n_gpu_layers: on a GPU.

    Raises:
        UnusableArguments: no concurrency is given, or the context is too small.
    """
    counts = tuple(sorted(set(sequences)))
    if not counts or counts[0] < 1:
        raise UnusableArguments("Give at least one concurrency to look into, each 1 or more.")
    needed = depth + max(prompt_tokens, DECODE_TOKENS)
    if ctx_size is not None and ctx_size < needed:
        raise UnusableArguments(f"A context of {ctx_size} tokens does not hold the {needed} that are needed; give a larger one.")
    batch = max(BATCH_TOKENS, prompt_tokens)
    context = ContextSettings(
        slots=counts[-1],
        ctx_size=ctx_size or padded(needed),
        batch_size=batch,
        ubatch_size=BATCH_TOKENS,
        threads=threads,
        threads_batch=threads,
        flash_attn="auto",
        cache_type_k="f16",
        cache_type_v="f16",
        kv_unified=True,
    )
    return Look(ModelSettings(str(path), n_gpu_layers, True), context, counts, prompt_tokens, depth)


def padded(tokens: int) -> int:
    """The fewest cells that llama.cpp gives a sequence of so many tokens."""
    return -(-tokens // KV_CELL_STEP) * KV_CELL_STEP


def take_apart(
    look: Look,
    *,
    child: EngineChild | None = None,
    on_progress: Callable[[str, float | None], None] | None = None,
    cancel: threading.Event | None = None,
) -> StepBreakdown:
    """Look inside the steps: about a second for each of them beside loading the model. Nothing else should run meanwhile.

    Args:
        look: what to look into.
        child: an engine to use; None starts one.
        on_progress: hears what is done and the share done, None when unknown.
        cancel: ends it when set.

    Raises:
        EnvironmentFault: the model cannot be loaded, or what is asked for does not fit; Interrupted: `cancel` was set.
    """

    def hear(message: Message) -> None:
        if message.kind is MessageKind.PROGRESS and on_progress is not None:
            document = message.document()
            on_progress(_PHASES.get(document["phase"], str(document["phase"])), document["share"])

    def stop_if_wanted() -> None:
        if cancel is not None and cancel.is_set():
            raise Interrupted("Looking inside the steps was stopped; nothing was kept.")

    with ExitStack() as stack:
        engine = stack.enter_context(EngineChild()) if child is None else child

        def watch() -> None:
            if cancel is not None and cancel.is_set():
                engine.cancel()

        described = engine.run_job("describe", {})
        stop_if_wanted()
        own = OwnProcesses(WatchedProcess(engine.process_id))
        before = _usage(own)
        end = engine.run_job("breakdown", _arguments(look), on_message=hear, on_idle=watch)
        foreign = foreign_percent(before, _usage(own))
    stop_if_wanted()
    for outcome in (described.outcome, end.outcome):
        if not outcome.is_done:
            raise EnvironmentFault(f"The steps could not be looked into. {outcome.sentence}")
    passes = breakdowns(end.result)
    return StepBreakdown(
        look=look.to_json(),
        library_version=str(described.result["llama_cpp_python"]),
        measured_utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
        passes=passes,
        result=end.result,
        doubts=tuple(doubts(passes, foreign)),
    )


_PHASES = {"loading": "loading the model", "measuring operations": "looking inside the steps"}


def _usage(own: OwnProcesses) -> Usage:
    return Usage(summed(core_seconds()), own.cpu_seconds())


def _arguments(look: Look) -> dict[str, Any]:
    return {
        "model": look.model.to_json(),
        "context": look.context.to_json(),
        "decode_sequences": list(look.sequences),
        "prefill_tokens": look.prompt_tokens,
        "depth": look.depth,
    }
