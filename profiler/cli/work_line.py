"""Long work of a command: a line on standard error that tells how far it is, and Ctrl+C, which ends the work calmly."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from rich.console import Console
from rich.status import Status

from profiler.cli.output import printable, standard_error

Result = TypeVar("Result")


class WorkLine:
    """A live line on a terminal; elsewhere a line for each new piece of work."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("starting the engine", console=console) if console.is_terminal else None
        self._told = ""

    def __enter__(self) -> "WorkLine":
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def hear(self, sentence: str, share: float | None) -> None:
        """Tell what is being done, and the share done when it is known."""
        if self._status is not None:
            self._status.update(printable(sentence if share is None else f"{sentence}: {share:.0%}"))
        elif sentence != self._told:
            self._console.print(printable(sentence), soft_wrap=True)
        self._told = sentence

    def remark(self, sentence: str) -> None:
        """Tell something to keep in mind."""
        self._console.print(printable(f"▲ {sentence}"), soft_wrap=True)


def carry_out(work: Callable[[WorkLine, threading.Event], Result]) -> Result:
    """Do `work`, which gets the line and an event that Ctrl+C sets; it raises Interrupted then, when it has let go of all."""
    cancel = threading.Event()

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        cancel.set()

    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        with WorkLine(standard_error()) as line:
            return work(line, cancel)
    finally:
        signal.signal(signal.SIGINT, previous)
