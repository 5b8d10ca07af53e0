"""The formats that a session can be exported to, for the command line and the window's dialog alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from profiler.exchange.csv_export import export_csv
from profiler.exchange.figure_export import Rasterize, export_png, export_svg
from profiler.exchange.json_export import export_json
from profiler.exchange.llama_bench_export import export_llama_bench
from profiler.exchange.markdown_export import export_markdown
from profiler.exchange.parquet_export import export_parquet
from profiler.exchange.report import export_report
from profiler.exchange.session_export import export_anonymous_session, export_session
from profiler.exchange.trace_export import export_trace
from profiler.exchange.vllm_export import export_vllm
from profiler.session.reader import SessionReader


class Export(Protocol):
    """Writes a session to a target; raises UnusableArguments or EnvironmentFault with a sentence."""

    def __call__(self, reader: SessionReader, target: Path, *, force: bool = False) -> Sequence[str] | None:
        """Write `target`, whole or not at all; an existing one only with `force`.

        Returns sentences about what the format has no place for; None, or none of them, where everything has one.
        """


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: the value of `--to`.
        label: words for a dialog.
        target: what it writes.
        suffix: of the target's suggested name, with its dot; empty for a folder.
        contents: what is in it, in a sentence.
        anonymous: writes it without names and paths; None where the format has no such form.
    """

    name: str
    label: str
    target: Literal["file", "folder"]
    suffix: str
    contents: str
    export: Export
    anonymous: Export | None = None


FORMATS: tuple[Format, ...] = (
    Format(
        "html",
        "Report",
        "file",
        ".html",
        "A report that needs nothing else: the answer, every cell with intervals and flags, figures to point at, and the data.",
        export_report,
    ),
    Format(
        "svg",
        "Figures as SVG",
        "folder",
        "",
        "A folder of the report's figures, each a file.",
        export_svg,
    ),
    Format(
        "png",
        "Figures as PNG",
        "folder",
        "",
        "The same figures as pictures of 1200 pixels across.",
        export_png,
    ),
    Format(
        "csv",
        "CSV tables",
        "folder",
        "",
        "A folder of tables for spreadsheets: cells with their figures (by class too), every request, token, step and sample.",
        export_csv,
    ),
    Format(
        "json",
        "JSON document",
        "file",
        ".json",
        "One document: the summary that `show --json` prints, the events, and every run with all its raw data.",
        export_json,
    ),
    Format(
        "parquet",
        "Parquet tables",
        "folder",
        "",
        "The tables of csv as Parquet files, with types, units and definitions (needs the extra parquet).",
        export_parquet,
    ),
    Format(
        "trace",
        "Trace for Perfetto",
        "file",
        ".trace.json",
        "Trace Event JSON for Perfetto and Chrome: a lane a request, tokens, and counters of steps and telemetry.",
        export_trace,
    ),
    Format(
        "md",
        "Markdown tables",
        "file",
        ".md",
        "The machine, the models and the cells with their intervals, to paste in an issue.",
        export_markdown,
    ),
    Format(
        "llama-bench",
        "llama-bench rows",
        "file",
        ".jsonl",
        "JSONL in llama-bench's fields, of the cells whose requests were alone in the engine.",
        export_llama_bench,
    ),
    Format(
        "vllm",
        "vLLM results",
        "file",
        ".vllm.jsonl",
        "What vLLM's bench serve --save-detailed writes, a run a line: every request with the gaps between its tokens.",
        export_vllm,
    ),
    Format(
        "session",
        "Session copy",
        "file",
        ".inferometer",
        "A compact copy of the session file; --anonymize leaves out model names, paths, notes and labels.",
        export_session,
        export_anonymous_session,
    ),
)

BY_NAME = {item.name: item for item in FORMATS}


def formats_with(rasterize: Rasterize) -> tuple[Format, ...]:
    """The same where there is something that draws pictures: this package itself has nothing of the kind."""
    png = partial(export_png, rasterize=rasterize)
    return tuple(replace(item, export=png) if item.name == "png" else item for item in FORMATS)
