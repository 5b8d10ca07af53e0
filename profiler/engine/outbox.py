"""What the child sends: queued by any thread, written by one, so that a slow reader never holds up the decode loop."""

import queue
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

from numpy.typing import NDArray

from profiler.clock import now_ns
from profiler.records.message import MessageKind, json_message, rows_message

HEARTBEAT_PERIOD_S = 1.0
CLOSE_LIMIT_S = 2.0


class Outbox:
    """A queue of frames with its writer thread, which also sends a heartbeat every second."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._phase = "idle"
        self._phase_start_ns = now_ns()
        self._thread = threading.Thread(target=self._write, name="outbox", daemon=True)
        self._thread.start()

    def send(self, kind: MessageKind, document: Mapping[str, Any]) -> None:
        """Queue a message with a document."""
        self._frames.put(json_message(kind, document))

    def send_rows(self, tables: Mapping[str, NDArray[Any]]) -> None:
        """Queue raw rows; they are copied before this returns."""
        self._frames.put(rows_message(tables))

    def enter_phase(self, phase: str) -> None:
        """Say what the child is doing now, for the heartbeat."""
        self._phase = phase
        self._phase_start_ns = now_ns()

    def close(self) -> None:
        """Write what is queued and end the thread; a parent that reads nothing is waited for `CLOSE_LIMIT_S`."""
        self._frames.put(None)
        self._thread.join(CLOSE_LIMIT_S)

    def _write(self) -> None:
        next_beat_ns = now_ns()
        while True:
            wait_s = max(0.0, (next_beat_ns - now_ns()) / 1e9)
            try:
                frame = self._frames.get(timeout=wait_s) if wait_s else self._frames.get_nowait()
            except queue.Empty:
                next_beat_ns = now_ns() + int(HEARTBEAT_PERIOD_S * 1e9)
                elapsed_s = (now_ns() - self._phase_start_ns) / 1e9
                frame = json_message(MessageKind.HEARTBEAT, {"phase": self._phase, "elapsed_s": elapsed_s})
            if frame is None:
                return
            view = memoryview(frame)
            try:
                while view:
                    view = view[self._output.write(view) :]
            except BrokenPipeError:
                return  # nobody reads: the parent has gone, and the end of the input tells so, too
