"""The engine child as its parent sees it: a process that takes one job at a time and never takes the parent down with it."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from profiler.child.ends import Evidence, crash_sentence, start_crash_sentence, was_killed_for_memory
from profiler.child.job_object import JobObject
from profiler.child.process_end import oom_kills, reap
from profiler.clock import now_ns
from profiler.errors import BadFile
from profiler.records.message import GarbledStreamError, Message, MessageKind, json_message, read_message
from profiler.records.outcome import TOLD_LOG_LINES, Outcome, OutcomeKind

START_LIMIT_S = 60.0
SILENCE_LIMIT_S = 10.0
CANCEL_LIMIT_S = 5.0
IDLE_S = 0.25
END_LIMIT_S = 5.0  # the system takes its time to free many gigabytes
_MOST_SILENCE_NS = int(2 * IDLE_S * 1e9)  # counted of one wait: when this process was stopped itself, it heard nothing either
_LOG_LINES = 200

_STREAM_ENDED = "ended"
_STREAM_GARBLED = "garbled"
_WAKE = "wake"  # not from the stream: something else wants a look


class _Ended(Exception):
    """The process takes nothing more."""


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended, and its result when it was done."""

    outcome: Outcome
    result: dict[str, Any]


def engine_command() -> list[str]:
    """What starts the child: this interpreter and the module's name, or the frozen application itself."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--engine"]
    return [sys.executable, "-m", "profiler.engine"]


class EngineChild:
    """One engine process. Used by one thread; `cancel` may be called from any.

    A context manager: leaving it ends the process, whatever it is doing. The process never survives this one: it goes when its
    input ends; Linux also kills it when the thread that started it has ended, Windows when this process has (`JobObject`).
    """

    def __init__(
        self,
        command: list[str] | None = None,
        *,
        silence_limit_s: float = SILENCE_LIMIT_S,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = command or engine_command()
        self._silence_limit_s = silence_limit_s
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._inbox: queue.SimpleQueue[Message | str] = queue.SimpleQueue()
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._cancel_requested = threading.Event()
        self._threads: list[threading.Thread] = []
        self._job_object: JobObject | None = None
        self._imposed: Outcome | None = None
        self._oom_kills_before: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def log_tail(self) -> tuple[str, ...]:
        """The last lines that llama.cpp or the process wrote."""
        return tuple(self._log)[-TOLD_LOG_LINES:]

    def start(self) -> Outcome:
        """Bring the process up unless it runs; the outcome is DONE or START_FAILED."""
        if self.process_id is not None:
            return Outcome(OutcomeKind.DONE)
        self._forget_process()
        environment = os.environ | {"PYTHONUNBUFFERED": "1"} | self._environment
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # Windows: keeps Ctrl-C from the child
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment,
                creationflags=flags,
            )
        except OSError as error:
            words = f"The engine could not be started: {error.strerror or error}; install Inferometer again."
            return Outcome(OutcomeKind.START_FAILED, words)
        self._job_object = JobObject(self._process)
        self._oom_kills_before, self._imposed = oom_kills(), None
        self._inbox = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._read_messages, args=(self._process, self._inbox), name="engine messages", daemon=True),
            threading.Thread(target=self._read_log, args=(self._process,), name="engine log", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        end = self._await(_is_start_end, START_LIMIT_S, None, None)
        if isinstance(end, Message):
            if end.kind is MessageKind.HELLO:
                return Outcome(OutcomeKind.DONE)
            try:
                end = self._failure(end)
            except GarbledStreamError:
                end = self._garbled()
        status = self._process.returncode if self._process is not None else None
        words = start_crash_sentence(status) or end.sentence
        self.kill()
        return Outcome(OutcomeKind.START_FAILED, f"The engine did not start. {words}", end.log_tail or self.log_tail)

    def run_job(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        on_message: Callable[[Message], None] | None = None,
        on_idle: Callable[[], None] | None = None,
    ) -> JobEnd:
        """Carry out a job, starting the process first when needed; returns only when it has ended, one way or another.

        Args:
            name: "run", "quantize" or "describe".
            arguments: its document.
            on_message: hears PROGRESS, STARTED, ROWS and HEARTBEAT messages, in the calling thread.
            on_idle: called after every message, and every quarter of a second without one, in the calling thread. What it and
                `on_message` raise ends the process and is passed on; a GarbledStreamError says that the message is none.
        """
        start = self.start()
        if not start.is_done:
            return JobEnd(start, {})
        self._cancel_requested.clear()
        self._imposed = None
        self._oom_kills_before = oom_kills()
        told: Message | Outcome | None = None
        try:
            self._write(json_message(MessageKind.JOB, {"name": name, "arguments": dict(arguments)}))
            told = self._await(_is_job_end, self._silence_limit_s, on_message, on_idle)
            end = JobEnd(told, {}) if isinstance(told, Outcome) else self._job_end(told)
        except _Ended:
            end = JobEnd(self._ended(), {})
        except GarbledStreamError:
            end = JobEnd(self._garbled(), {})
        except BaseException:
            self.kill()
            raise
        if not end.outcome.child_survives or isinstance(told, Outcome):
            self.kill()
        return end

    def _job_end(self, message: Message) -> JobEnd:
        if message.kind is MessageKind.RESULT:
            return JobEnd(Outcome(OutcomeKind.DONE), message.document())
        if message.kind is MessageKind.CANCELLED:
            return JobEnd(Outcome(OutcomeKind.CANCELLED, "Stopped."), {})
        failure = self._failure(message)
        if failure.kind is OutcomeKind.REFUSED and self._cancel_requested.is_set():
            return JobEnd(Outcome(OutcomeKind.CANCELLED, "Stopped."), {})
        return JobEnd(failure, {})

    def _failure(self, message: Message) -> Outcome:
        document = message.document()
        try:
            kind = OutcomeKind(document.get("kind", OutcomeKind.REFUSED))
            return Outcome(kind, str(document["sentence"]), tuple(str(line) for line in document["log"]))
        except (KeyError, TypeError, ValueError) as error:
            raise GarbledStreamError("a FAILED message lacks what belongs to it") from error

    def stop_job(self, outcome: Outcome) -> None:
        """Kill the process at once and let the running job end with `outcome`; from `on_message` or `on_idle` alone."""
        self._imposed = outcome

    def cancel(self) -> None:
        """Ask the running job to stop; the process is killed when it has not within 5 s. From any thread."""
        self._cancel_requested.set()
        self._inbox.put(_WAKE)

    def kill(self) -> None:
        """End the process at once and reap it."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()
        self._forget_process()

    def close(self) -> None:
        """End the process: it goes when its input ends, and is killed when it does not."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        self.kill()

    def _forget_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.wait()
        if self._job_object is not None:
            self._job_object.close()
        for thread in self._threads:
            thread.join()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _write(self, frame: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise _Ended
        try:
            process.stdin.write(frame)
        except OSError as error:
            raise _Ended from error

    def _await(
        self,
        is_end: Callable[[Message], bool],
        silence_limit_s: float,
        on_message: Callable[[Message], None] | None,
        on_idle: Callable[[], None] | None,
    ) -> Message | Outcome:
        """The message that ends the wait, or the outcome of a process that ended, fell silent or had to be stopped."""
        silent_ns, looked_ns = 0, now_ns()
        cancelled_ns: int | None = None
        while True:
            try:
                item = self._inbox.get(timeout=IDLE_S)
            except queue.Empty:
                item = None
            now = now_ns()
            silent_ns, looked_ns = silent_ns + min(now - looked_ns, _MOST_SILENCE_NS), now
            if isinstance(item, str) and item != _WAKE:
                return self._stream_end(item, was_cancelled=cancelled_ns is not None)
            if isinstance(item, Message):
                silent_ns = 0
                if is_end(item):
                    return item
                if on_message is not None:
                    on_message(item)
            if on_idle is not None:
                on_idle()
            if self._imposed is not None:
                return self._imposed
            if self._cancel_requested.is_set() and cancelled_ns is None:
                cancelled_ns = now
                with contextlib.suppress(_Ended):
                    self._write(json_message(MessageKind.CANCEL, {}))
            if cancelled_ns is not None and now - cancelled_ns > CANCEL_LIMIT_S * 1e9:
                sentence = f"Stopped; the engine did not answer for {CANCEL_LIMIT_S:.0f} s and was killed."
                return Outcome(OutcomeKind.CANCELLED, sentence)
            if silent_ns > silence_limit_s * 1e9:
                sentence = (
                    f"The engine gave no sign of life for {silence_limit_s:.0f} s and was killed: something stopped it, or it "
                    "hangs inside llama.cpp or a driver; look for a new version of both, or try other settings."
                )
                return Outcome(OutcomeKind.HUNG, sentence, self.log_tail)

    def _stream_end(self, how: str, *, was_cancelled: bool) -> Outcome:
        if how == _STREAM_GARBLED:
            return self._garbled()
        if was_cancelled:
            return Outcome(OutcomeKind.CANCELLED, "Stopped; the engine ended.")
        return self._ended()

    def _garbled(self) -> Outcome:
        sentence = (
            "The engine wrote something that is no message and was killed; parent and child may be of different versions: "
            "install Inferometer again."
        )
        return Outcome(OutcomeKind.GARBLED, sentence, self.log_tail)

    def _ended(self) -> Outcome:
        """Why the process has ended, from its status and what the kernel counted meanwhile."""
        process = self._process
        if process is None:
            return Outcome(OutcomeKind.CRASHED, "The engine has ended.", self.log_tail)
        peak_bytes = reap(process, END_LIMIT_S)
        for thread in self._threads[1:]:
            thread.join(1.0)  # its last words
        before, after = self._oom_kills_before, oom_kills()
        evidence = Evidence(None if before is None or after is None else after - before, peak_bytes)
        is_memory = was_killed_for_memory(process.returncode, evidence)
        kind = OutcomeKind.OUT_OF_MEMORY if is_memory else OutcomeKind.CRASHED
        return Outcome(kind, crash_sentence(process.returncode, self.log_tail, evidence), self.log_tail)

    @staticmethod
    def _read_messages(process: "subprocess.Popen[bytes]", inbox: "queue.SimpleQueue[Message | str]") -> None:
        assert process.stdout is not None
        try:
            while (message := read_message(process.stdout)) is not None:
                inbox.put(message)
            inbox.put(_STREAM_ENDED)
        except BadFile:
            inbox.put(_STREAM_GARBLED)

    def _read_log(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stderr is not None
        pending = b""
        while data := process.stderr.read(65_536):
            *lines, pending = (pending + data).split(b"\n")
            self._log.extend(line.decode("utf-8", "replace").strip()[:500] for line in lines if line.strip(b" ."))
            pending = pending[-4096:]


def _is_start_end(message: Message) -> bool:
    return message.kind in (MessageKind.HELLO, MessageKind.FAILED)


def _is_job_end(message: Message) -> bool:
    return message.kind in (MessageKind.RESULT, MessageKind.FAILED, MessageKind.CANCELLED)
