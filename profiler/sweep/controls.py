"""What a person may do to a running sweep, from any thread: pause between repetitions, skip a cell, stop."""

import threading
from collections.abc import Callable


class Controls:
    """Wishes that the sweep's thread looks up; `on_interrupt` is called when a wish concerns the run that is under way."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._skip = threading.Event()
        self._going = threading.Event()
        self._going.set()
        self._on_interrupt: Callable[[], None] | None = None

    def bind(self, on_interrupt: Callable[[], None] | None) -> None:
        """Say what interrupts the present run; None between runs."""
        self._on_interrupt = on_interrupt

    def pause(self) -> None:
        """Start no further repetition until `resume`."""
        self._going.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._going.set()

    @property
    def is_paused(self) -> bool:
        """Whether the sweep waits, or will wait after the present repetition."""
        return not self._going.is_set()

    def skip_cell(self) -> None:
        """End the present repetition and leave out what its cell still has to run."""
        self._skip.set()
        self._interrupt()

    def take_skip(self) -> bool:
        """Whether a skip was asked for; asking takes it."""
        was_set = self._skip.is_set()
        self._skip.clear()
        return was_set

    def stop(self) -> None:
        """End the present repetition and the sweep; all that was measured is kept."""
        self.stopped.set()
        self._going.set()
        self._interrupt()

    def wait_while_paused(self, timeout_s: float) -> bool:
        """Wait for `resume`; returns whether the sweep may go on."""
        return self._going.wait(timeout_s)

    def _interrupt(self) -> None:
        if self._on_interrupt is not None:
            self._on_interrupt()
