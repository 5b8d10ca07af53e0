"""Work on a model that takes a while: making quantizations, measuring quality, deleting. Worker threads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.bridge.job import JobLine
from app.pages.models.quantization_offers import types_of_library
from profiler.child.engine_child import EngineChild
from profiler.errors import InferometerError, Interrupted
from profiler.hardware import main_memory
from profiler.hardware.cpu import default_threads
from profiler.modelfile.imatrix import read_imatrix
from profiler.models import quantization_cache
from profiler.models.quality import Scoring, attempt
from profiler.models.quality_text import read_text
from profiler.models.quantization import make
from profiler.units import bytes_text


@dataclass(frozen=True, slots=True)
class WorkEnd:
    """How the work ended.

    Attributes:
        sentence: what was done.
        faults: what was not, each with its reason.
    """

    sentence: str
    faults: tuple[str, ...] = ()


def make_types(line: JobLine, source: Path, types: Sequence[str], imatrix: str | None) -> WorkEnd:
    """Make these types of a model in the cache.

    Raises:
        EnvironmentFault: the engine does not start, or the importance matrix cannot be read.
        Interrupted: the job was cancelled; what was complete stays.
    """
    matrix = None if imatrix is None else read_imatrix(Path(imatrix).expanduser(), imatrix)
    made, faults = [], []
    with EngineChild() as child:
        line.progress("starting the engine")
        library = types_of_library(child)
        for number, type_name in enumerate(types):
            count = f" ({number + 1} of {len(types)})" if len(types) > 1 else ""
            sentence = f"making {type_name} of {source.name}{count}"
            line.progress(sentence, number / len(types))

            def hear(share: float, number: int = number, sentence: str = sentence) -> None:
                line.progress(sentence, (number + share) / len(types))

            try:
                done = make(
                    source,
                    type_name,
                    library_version=library.library_version,
                    threads=default_threads(),
                    imatrix=matrix,
                    child=child,
                    on_progress=hear,
                    cancel=line.cancel,
                )
            except Interrupted:
                raise
            except InferometerError as error:
                faults.append(error.sentence)
            else:
                made.append(f"{done.type}, {bytes_text(done.file_bytes)}{', was there already' if done.was_cached else ''}")
    return WorkEnd(f"Made: {'; '.join(made)}." if made else "Nothing was made.", tuple(faults))


def measure_quality(line: JobLine, models: Sequence[Path], base: Path, text: Path | None, tokens: int) -> WorkEnd:
    """Measure the quality of these models against a base; what was measured before is known at once.

    Raises:
        EnvironmentFault: the base or the text cannot be read, or the engine does not start.
        Interrupted: the job was cancelled; whatever was measured is remembered.
    """
    line.progress("starting the engine")
    with EngineChild() as child:
        library = types_of_library(child)
    scoring = Scoring(
        read_text(text), default_threads(), library.library_version, tokens=tokens, memory_bytes=main_memory.available_bytes()
    )
    remarks: list[str] = []
    results = attempt(models, base, scoring, on_progress=line.progress, on_remark=remarks.append, cancel=line.cancel)
    faults = [result.sentence for result in results if isinstance(result, InferometerError)]
    done = len(results) - len(faults)
    what = "1 model" if done == 1 else f"{done} models"
    return WorkEnd(f"The quality of {what} is known." if done else "Nothing was measured.", (*faults, *remarks))


def delete_models(line: JobLine, paths: Sequence[Path]) -> WorkEnd:
    """Delete these quantizations; one that is in use stays, with the reason."""
    freed, faults = 0, []
    for path in paths:
        line.progress(f"deleting {path.name}")
        try:
            freed += quantization_cache.delete(path)
        except InferometerError as error:
            faults.append(error.sentence)
    return WorkEnd(f"{bytes_text(freed)} are free again." if freed else "Nothing was deleted.", tuple(faults))


def delete_everything(line: JobLine) -> WorkEnd:
    """Delete every quantization that is not in use, and what interrupted work left.

    Raises:
        EnvironmentFault: a file cannot be deleted.
    """
    line.progress("deleting the quantizations")
    freed = quantization_cache.delete_all()
    held = [model.path.name for model in quantization_cache.entries() if model.is_in_use]
    kept = (f"{', '.join(held)} {'is' if len(held) == 1 else 'are'} being measured and stayed.",) if held else ()
    return WorkEnd(f"{bytes_text(freed)} are free again." if freed else "Nothing was deleted.", kept)
