"""The command `quality`."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from profiler.child.engine_child import EngineChild
from profiler.cli.output import Json, print_json, printable, standard_error, standard_output, table
from profiler.cli.work_line import carry_out
from profiler.errors import EnvironmentFault, InferometerError, UnusableArguments
from profiler.hardware.cpu import default_threads
from profiler.hardware.main_memory import available_bytes
from profiler.modelfile.description import describe
from profiler.models.quality import CTX_SIZE, SHORTEST_CTX_SIZE, Scoring, attempt
from profiler.models.quality_text import QualityText, read_text
from profiler.records.quality import QualityRecord
from profiler.sweep.preparation import resolve_model_path
from profiler.units import NOT_AVAILABLE, significant

FEWEST_FOR_P99 = 459
"""0.99^n ≤ 0.01: with fewer values a 99th percentile is not stated (measurement.md §1)."""

_COLUMNS = (
    ("model", False),
    ("perplexity", True),
    ("bits per byte", True),
    ("KL divergence", True),
    ("median", True),
    ("p99", True),
    ("max", True),
    ("same top token", True),
    ("RMS Δp", True),
    ("ln(PPL / base)", True),
)

Result = QualityRecord | InferometerError


def command(
    models: Annotated[list[str], typer.Argument(metavar="MODEL…", help="GGUF files, or 'sample'.")],
    base: Annotated[
        str | None,
        typer.Option(metavar="BASE", help="The model to compare with, token by token: best the one they were made from."),
    ] = None,
    text: Annotated[Path | None, typer.Option(metavar="FILE", help="A text in UTF-8. [default: the one that ships]")] = None,
    ctx_size: Annotated[
        int, typer.Option(min=SHORTEST_CTX_SIZE, max=1_000_000, help="Tokens of a window, of which the second half is scored.")
    ] = CTX_SIZE,
    chunks: Annotated[int | None, typer.Option(min=1, help="At most so many windows. [default: all of the text]")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Score at most so many tokens, though one window at least.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="[default: the physical cores]")] = None,
    n_gpu_layers: Annotated[int, typer.Option(min=0, help="Layers of every model on the GPU.")] = 0,
    json: Json = False,
) -> int:
    """Measure how well models predict a text: perplexity as llama-perplexity does, and with --base how far each is from that."""
    if chunks is not None and tokens is not None:
        raise UnusableArguments("--chunks and --tokens both say how much is scored; give one of them.")
    if chunks is not None:
        tokens = chunks * (ctx_size - 1 - ctx_size // 2)
    paths = [resolve_model_path(name) for name in models]
    base_path = resolve_model_path(base) if base is not None else None
    quality_text = read_text(text)
    scoring = Scoring(
        quality_text, threads or default_threads(), _library_version(), ctx_size, tokens, n_gpu_layers, available_bytes()
    )
    results = _carry_out([*paths, *([base_path] if base_path else [])], base_path, scoring)
    own, of_base = results[: len(paths)], results[len(paths)] if base_path else None
    for path, result in zip(paths, own, strict=True):
        if isinstance(result, InferometerError):
            standard_error().print(printable(f"✕ {path.name}: {result.sentence}"))
    if json:
        print_json(quality_document(paths, own, base_path, of_base, quality_text, ctx_size))
    else:
        _print_table(paths, own, base_path, of_base)
    return 1 if any(isinstance(result, InferometerError) for result in results) else 0


def quality_document(
    paths: Sequence[Path],
    results: Sequence[Result],
    base_path: Path | None,
    of_base: Result | None,
    text: QualityText,
    ctx_size: int,
) -> dict[str, Any]:
    """The document of `quality --json`: every figure of a record is a key, null where it was not measured."""
    return {
        "models": [_entry(path, result) for path, result in zip(paths, results, strict=True)],
        "base": _entry(base_path, of_base) if base_path is not None and of_base is not None else None,
        "text": {"name": text.name, "sha256": text.sha256},
        "ctx_size": ctx_size,
    }


def _entry(path: Path, result: Result) -> dict[str, Any]:
    if isinstance(result, InferometerError):
        figures: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(QualityRecord))
        return {"path": str(path), "reason": result.sentence, **figures}
    return {"path": str(path), "reason": "", **dataclasses.asdict(result)}


def quality_row(name: str, record: QualityRecord) -> list[str]:
    """A line of the table; a standard error stands behind each figure that has one."""
    p99 = plain(record.kld_p99)
    return [
        name,
        with_error(record.perplexity, record.perplexity_stderr),
        significant(record.bits_per_byte, 4),
        with_error(record.kld_mean, record.kld_mean_stderr),
        plain(record.kld_median),
        p99 if record.kld_p99 is None or record.tokens >= FEWEST_FOR_P99 else f"({p99})",
        plain(record.kld_max),
        with_error(record.top1_agreement, record.top1_agreement_stderr, percent=True),
        NOT_AVAILABLE if record.rms_dp is None else f"{significant(100 * record.rms_dp)} %",
        with_error(record.log_ratio, record.log_ratio_stderr),
    ]


def plain(value: float | None) -> str:
    """A figure without an error."""
    return NOT_AVAILABLE if value is None else significant(value)


def with_error(value: float | None, stderr: float | None, *, percent: bool = False) -> str:
    """A figure with its standard error, both to the error's second digit: 21.35 ± 0.42."""
    if value is None or stderr is None:
        return NOT_AVAILABLE
    scale, unit = (100, " %") if percent else (1, "")
    if not 0 < stderr < math.inf:
        return f"{significant(scale * value, 4)}{unit}"
    decimals = max(0, 1 - math.floor(math.log10(scale * stderr)))
    return f"{scale * value:.{decimals}f} ± {scale * stderr:.{decimals}f}{unit}"


def _print_table(paths: Sequence[Path], results: Sequence[Result], base_path: Path | None, of_base: Result | None) -> None:
    rows = [(path.name, result) for path, result in zip(paths, results, strict=True)]
    if base_path is not None and of_base is not None and base_path not in paths:
        rows.append((f"{base_path.name} (base)", of_base))
    measured = [(name, record) for name, record in rows if isinstance(record, QualityRecord)]
    if not measured:
        return
    record = measured[0][1]
    title = f"Quality on {record.text_name}: {record.tokens} tokens scored in windows of {record.ctx_size}"
    console = standard_output()
    if base_path is not None:
        description = describe(base_path)
        bits = f"{description.quantization}, {significant(description.bits_per_weight)} bits per weight"
        title += f"; compared with {base_path.name} ({bits})"
    console.print(printable(f"{title}. Behind ± stands one standard error."))
    console.print(
        table(_COLUMNS if base_path is not None else _COLUMNS[:3], [_cut(quality_row(*row), base_path) for row in measured])
    )
    if base_path is not None and any(each.tokens < FEWEST_FOR_P99 for _, each in measured):
        console.print(f"In brackets: fewer than {FEWEST_FOR_P99} tokens do not state a 99th percentile.")


def _cut(row: list[str], base_path: Path | None) -> list[str]:
    return row if base_path is not None else row[:3]


def _library_version() -> str:
    with EngineChild() as child:
        end = child.run_job("describe", {})
    if not end.outcome.is_done:
        raise EnvironmentFault(end.outcome.sentence)
    return str(end.result["llama_cpp_python"])


def _carry_out(paths: Sequence[Path], base_path: Path | None, scoring: Scoring) -> list[Result]:
    return carry_out(
        lambda line, cancel: attempt(paths, base_path, scoring, on_progress=line.hear, on_remark=line.remark, cancel=cancel)
    )
