"""The command `quantize`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from profiler.child.engine_child import EngineChild
from profiler.cli.output import Json, print_json, printable, standard_error, standard_output, table
from profiler.errors import UnusableArguments
from profiler.hardware.cpu import default_threads
from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.imatrix import Imatrix, read_imatrix
from profiler.modelfile.type_mix import class_mix
from profiler.models.quantization import (
    QuantizedModel,
    make,
    needs_imatrix_sentence,
    output_path,
    refusal_sentence,
    requantizing_warning,
)
from profiler.models.quantization_sizes import LibraryTypes, Prediction, library_types, predict
from profiler.sweep.preparation import resolve_model_path
from profiler.units import bytes_text, significant


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A GGUF file, or 'sample'.")],
    to: Annotated[
        str | None, typer.Option(metavar="TYPE,…", help="Types to make, by commas; --dry-run without it tells all.")
    ] = None,
    imatrix: Annotated[str | None, typer.Option(metavar="FILE", help="An importance matrix to make them with.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="The folder to put them in.  [default: the cache]", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell the sizes only; nothing is made.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist in DIR.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, max=4096, help="Of the quantizer.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Make other quantizations of a model, with llama.cpp's own quantizer."""
    source = describe(resolve_model_path(model))
    with EngineChild() as child:
        library = library_types(child)
        names = _names(to, library, dry_run=dry_run)
        matrix = None if imatrix is None else read_imatrix(Path(imatrix).expanduser(), imatrix)
        told = predict(source, names, library_version=library.library_version, imatrix=matrix, child=child)
        warning = requantizing_warning(source, names) if names else ""
        if warning:
            standard_error().print(f"▲ {printable(warning)}", soft_wrap=True)
        if dry_run:
            outputs = [_predicted(prediction, needs=prediction.needs_imatrix and matrix is None) for prediction in told]
        else:
            _check(source, told, matrix, output, force=force)
            making = partial(
                make,
                source.path,
                library_version=library.library_version,
                threads=threads or default_threads(),
                imatrix=matrix,
                folder=output,
                force=force,
                child=child,
            )
            outputs = _make_all(source, told, making)
    if json:
        print_json({"source": str(source.path), "imatrix": imatrix, "warning": warning or None, "outputs": outputs})
    else:
        _print(standard_output(), outputs, dry_run=dry_run)


def _names(to: str | None, library: LibraryTypes, *, dry_run: bool) -> list[str] | None:
    """The types asked for, each once; None are all of them."""
    made = [entry.name for entry in library.types]
    if to is None:
        if dry_run:
            return None
        raise UnusableArguments(f"Say which types to make with --to TYPE,…; llama.cpp makes {', '.join(made)}.")
    names = list(dict.fromkeys(name.strip().upper() for name in to.split(",")))
    unknown = [name for name in names if name not in made]
    if unknown:
        raise UnusableArguments(
            f"--to: llama.cpp makes no type {', '.join(repr(name) for name in unknown)}; it makes {', '.join(made)}."
        )
    return names


def _check(
    source: ModelDescription, told: Sequence[Prediction], matrix: Imatrix | None, output: Path | None, *, force: bool
) -> None:
    """All that can be known to fail is told before the first file is made."""
    needing = [prediction.type for prediction in told if prediction.needs_imatrix and matrix is None]
    if needing:
        raise UnusableArguments(needs_imatrix_sentence(needing, source.path))
    for prediction in told:
        if prediction.refusal:
            raise UnusableArguments(refusal_sentence(prediction, source.path))
        target = None if output is None else output_path(source.path, prediction.type, output)
        if target is not None and target.exists() and not force:
            raise UnusableArguments(f"{target} exists already; choose another folder or give --force to replace it.")


def _make_all(
    source: ModelDescription, told: Sequence[Prediction], making: Callable[..., QuantizedModel]
) -> list[dict[str, Any]]:
    console = standard_error()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    outputs = []
    with bar:
        for prediction in told:
            size = bytes_text(prediction.file_bytes)
            sentence = printable(f"{prediction.type} of {source.path.name}, {size}")
            if not console.is_terminal:
                console.print(sentence, soft_wrap=True)
            task = bar.add_task(sentence, total=1.0)
            made = making(type_name=prediction.type, on_progress=partial(_show, bar, task))
            bar.remove_task(task)
            outputs.append(_finished(made))
    return outputs


def _show(bar: Progress, task: TaskID, share: float) -> None:
    bar.update(task, completed=share)


def _finished(made: QuantizedModel) -> dict[str, Any]:
    description = describe(made.path)
    return {
        "path": str(made.path),
        "type": made.type,
        "file_bytes": made.file_bytes,
        "sha256": made.sha256,
        "fallback_tensors": made.fallback_tensors,
        "bits_per_weight": description.bits_per_weight,
        "type_mix": class_mix(description.tensors),
        "was_cached": made.was_cached,
    }


def _predicted(prediction: Prediction, *, needs: bool) -> dict[str, Any]:
    """The same keys for what was not made; what only a file can tell is null."""
    document: dict[str, Any] = {"path": None, "sha256": None, "type_mix": None, "was_cached": None}
    return document | asdict(prediction) | {"needs_imatrix": needs}


def _print(console: Console, outputs: Sequence[Mapping[str, Any]], *, dry_run: bool) -> None:
    rows = []
    for made in outputs:
        bits = "–" if made["bits_per_weight"] is None else significant(made["bits_per_weight"])
        size = "–" if made["file_bytes"] is None else bytes_text(made["file_bytes"])
        fallback = "–" if made["fallback_tensors"] is None else str(made["fallback_tensors"])
        last = _remark(made) if dry_run else str(made["path"])
        rows.append([made["type"], size, bits, fallback, last])
    columns = [("type", False), ("file", True), ("bits per weight", True), ("fell back", True)]
    console.print(table([*columns, ("remark" if dry_run else "path", False)], rows))
    for made in outputs:
        if made["type_mix"]:
            console.print(printable(f"{made['type']} holds {_mix_text(made['type_mix'])}"))


def _remark(prediction: Mapping[str, Any]) -> str:
    return prediction["refusal"] or ("needs --imatrix" if prediction["needs_imatrix"] else "")


def _mix_text(mix: Mapping[str, Mapping[str, int]]) -> str:
    """By class, the share of its weights in each type: "attention Q4_K 88 %, Q6_K 12 %; norm F32"."""
    told = []
    for name, types in mix.items():
        total = sum(types.values())
        shares = [f"{kind} {significant(count / total * 100, 2)} %" if len(types) > 1 else kind for kind, count in types.items()]
        told.append(f"{name} {', '.join(shares)}")
    return "; ".join(told)
