"""The progress of a sweep on standard error: a live line on a terminal, plain lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from profiler.cli.output import printable
from profiler.records.axis import Configuration
from profiler.sweep import events
from profiler.units import duration_text, milliseconds_text, rate_text

_SILENT_EVENTS = ("start", "end")


class ProgressDisplay:
    """Hears a sweep's events and draws them; use as a context manager around the run."""

    def __init__(self, console: Console, varying: list[str]) -> None:
        self._console = console
        self._varying = varying
        self._cells: dict[int, Configuration] = {}
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f} of {task.total:.0f} runs"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None, left="", visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def hear(self, event: events.SweepEvent) -> None:
        """A subscriber of the sweep."""
        match event:
            case events.Preparing(sentence, share):
                told = sentence if share is None else f"{sentence} {share:.0%}"
                self._bar.update(self._task, description=told, visible=self._bar.tasks[0].total is not None)
            case events.SweepStarted(cells=cells, runs_planned=planned):
                self._cells = {cell.cell_id: cell.configuration for cell in cells}
                self._bar.update(self._task, total=planned, visible=True)
            case events.CellAdded(cell=cell):
                self._cells[cell.cell_id] = cell.configuration
            case events.RunStarted(run=run, cell=cell):
                self._bar.update(self._task, description=f"{self._name(cell.cell_id)}, run {run.repetition}")
            case events.CellChanged(cell=cell, figures=figures, runs_done=count) if figures is not None:
                output, ttft = figures["output_tok_s"], figures["ttft_ms"]
                assert not isinstance(output, dict)
                assert isinstance(ttft, dict)
                self._console.print(
                    f"{self._name(cell.cell_id)}: {rate_text(output)}, first token p50 {milliseconds_text(ttft['p50'])} "
                    f"after {count} run{'s' if count > 1 else ''}"
                )
            case events.Happened(event=happened) if happened.kind not in _SILENT_EVENTS:
                self._console.print(printable(happened.sentence))
            case events.Progress(runs_done=done, runs_planned=planned, remaining_s=left):
                told = "" if left is None else f"about {duration_text(left)} left"
                self._bar.update(self._task, completed=done, total=planned, left=told)

    def _name(self, cell_id: int) -> str:
        configuration = self._cells.get(cell_id, {})
        return printable(" · ".join(f"{name} {configuration[name]}" for name in self._varying)) or "the only cell"
