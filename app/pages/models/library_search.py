"""Looks for models on this computer and reads what they are. On a worker thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.bridge.job import JobLine
from app.descriptions import description_of
from app.pages.models.model_columns import ModelRow
from profiler.errors import EnvironmentFault
from profiler.models.library import SAMPLE_SOURCE, FoundModel, scan
from profiler.models.sample import sample_model_path

OPENED_SOURCE = "opened"


@dataclass(frozen=True, slots=True)
class SearchEnd:
    """What a search could not read, each with the reason; and why there is no sample, empty when there is one."""

    unreadable: tuple[tuple[Path, str], ...]
    without_sample: str


def search(line: JobLine, folders: Sequence[Path]) -> SearchEnd:
    """Hand over each model as it is found, the sample first; raises Interrupted when it was cancelled."""
    seen: set[Path] = set()
    sample, without_sample = _sample()

    def hand_over(found: FoundModel) -> None:
        if found.path not in seen:  # the scan comes to the sample, too
            seen.add(found.path)
            line.progress(f"{len(seen)} found so far")
            line.item(read(found.path, found.name, found.source))

    if sample is not None:
        hand_over(FoundModel(sample, sample.stem, SAMPLE_SOURCE))
    result = scan(folders, hand_over, line.cancel)
    return SearchEnd(result.unreadable, without_sample)


def read(path: Path, name: str = "", source: str = OPENED_SOURCE) -> ModelRow:
    """What the file is, or why that cannot be told."""
    try:
        return ModelRow(path, name or path.stem, source, description_of(path))
    except EnvironmentFault as fault:
        return ModelRow(path, name or path.stem, source, problem=fault.sentence)


def _sample() -> tuple[Path | None, str]:
    try:
        return sample_model_path(), ""
    except EnvironmentFault as fault:
        return None, fault.sentence
