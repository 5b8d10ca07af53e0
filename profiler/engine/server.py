"""Takes one job after another from the pipe, and answers each with RESULT, CANCELLED or FAILED."""

import os
import queue
import threading
from collections.abc import Iterable
from typing import Any, BinaryIO

from llama_cpp import llama_cpp as api

from profiler.engine.cancellation import Cancellation
from profiler.engine.describe_job import describe_engine
from profiler.engine.llama_log import LlamaLog
from profiler.engine.model import RefusedError
from profiler.engine.outbox import Outbox
from profiler.engine.quality_job import measure_quality
from profiler.engine.quantize_job import quantize
from profiler.engine.run_job import Host
from profiler.errors import APOLOGY, fault_lines
from profiler.records.message import PROTOCOL_VERSION, GarbledStreamError, Message, MessageKind, read_message
from profiler.records.outcome import TOLD_LOG_LINES, OutcomeKind
from profiler.records.specification import RunSpecification

_NO_MEMORY = (
    "The engine process was given no more memory; try a smaller model or quantization, a shorter context or fewer slots, "
    "or close other programs."
)


class Server:
    """The child's main thread works; a reader thread takes jobs and cancellations, and ends the process with the pipe."""

    def __init__(self, jobs: BinaryIO, output: BinaryIO) -> None:
        self._jobs = jobs
        self._outbox = Outbox(output)
        self._log = LlamaLog()
        self._cancellation = Cancellation()
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        api.llama_backend_init()
        self._host = Host(self._outbox, self._cancellation, self._log)

    def serve(self) -> None:
        """Work until no more jobs can be taken; the reader thread ends the process when the parent has gone."""
        self._outbox.send(MessageKind.HELLO, {"pid": os.getpid(), "protocol": PROTOCOL_VERSION})
        threading.Thread(target=self._read, name="jobs", daemon=True).start()
        while True:
            job = self._queue.get().document()
            self._cancellation.clear()
            if not self._answer(str(job["name"]), job["arguments"]):
                self._outbox.close()
                return
            self._outbox.enter_phase("idle")

    def _answer(self, name: str, arguments: dict[str, Any]) -> bool:
        """Returns whether another job can be taken."""
        try:
            result = self._carry_out(name, arguments)
        except RefusedError as error:
            self._fail(OutcomeKind.REFUSED, str(error), self._log.tail)
            return True
        except MemoryError:
            self._fail(OutcomeKind.OUT_OF_MEMORY, _NO_MEMORY, self._log.tail)
            return False
        except Exception as error:
            lines = fault_lines(error)
            words = f"The engine process broke off with '{lines[-1]}' ({lines[-2]}): {APOLOGY}; please report it with its log."
            self._fail(OutcomeKind.FAULT, words, lines[-TOLD_LOG_LINES:])
            return False
        if result is None or (name != "run" and self._cancellation.is_requested):
            self._outbox.send(MessageKind.CANCELLED, {})
        else:
            self._outbox.send(MessageKind.RESULT, result)
        return True

    def _fail(self, kind: OutcomeKind, sentence: str, log: Iterable[str]) -> None:
        self._outbox.send(MessageKind.FAILED, {"kind": kind, "sentence": sentence, "log": list(log)})

    def _carry_out(self, name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        if name == "run":
            return self._host.run(RunSpecification.from_json(arguments))
        if name == "quantize":
            self._host.unload()
            return quantize(self._outbox, self._log, **arguments)
        if name == "quality":
            self._host.unload()
            return measure_quality(self._outbox, self._cancellation, **arguments)
        if name == "probe":
            from profiler.engine.probe_job import probe  # writes a model file: no run needs what it takes

            self._host.unload()
            return probe(self._outbox, self._cancellation, **arguments)
        if name == "breakdown":
            from profiler.engine.breakdown_job import break_down  # looks into llama.cpp's graph, which no run does

            self._host.unload()
            return break_down(self._outbox, self._cancellation, **arguments)
        if name == "describe":
            return describe_engine()
        raise RefusedError(f"This engine knows no job '{name}'; parent and child are of different versions.")

    def _read(self) -> None:
        try:
            while (message := read_message(self._jobs)) is not None:
                if message.kind is MessageKind.CANCEL:
                    self._cancellation.request()
                elif message.kind is MessageKind.JOB:
                    self._queue.put(message)
        except GarbledStreamError:
            pass
        # The parent has gone or talks rubbish: end at once, also out of a long decode; nothing here is worth saving.
        os._exit(0)
