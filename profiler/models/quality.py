"""Measures how well models predict a text, and how far each is from a base model; what was measured once is remembered."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault, InferometerError, Interrupted, UnusableArguments
from profiler.modelfile.content_hash import sha256_of_parts
from profiler.modelfile.description import describe
from profiler.models.quality_cache import QualityKey, keep, known
from profiler.models.quality_figures import (
    TokenScores,
    agreement,
    bits_per_byte,
    log_ratio,
    mean,
    nearest_rank,
    perplexity,
    root_mean_square,
)
from profiler.models.quality_text import QualityText, read_text
from profiler.records.message import Message, MessageKind
from profiler.records.quality import QualityRecord
from profiler.units import bytes_text

CTX_SIZE = 512
SHORTEST_CTX_SIZE = 16
_MOST_AT_ONCE = 8

Report = Callable[[str, float | None], None]
"""Hears what is being done and the share done, None when unknown."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """How models are scored.

    Attributes:
        tokens: a budget: at most so many are scored, though one window at least; None: the whole text.
        threads: of llama.cpp.
        library_version: of llama-cpp-python; another may compute otherwise, so it is part of the cache's key.
        n_gpu_layers: of every model.
        memory_bytes: that models may take together: several beside the base while half of it suffices. None: one at a time.
    """

    text: QualityText
    threads: int
    library_version: str
    ctx_size: int = CTX_SIZE
    tokens: int | None = None
    n_gpu_layers: int = 0
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.ctx_size < SHORTEST_CTX_SIZE:
            raise UnusableArguments(f"A window of {self.ctx_size} tokens tells nothing; give at least {SHORTEST_CTX_SIZE}.")
        if self.tokens is not None and self.tokens < 1:
            raise UnusableArguments("At least one token must be scored.")

    @property
    def windows(self) -> int | None:
        """The budget in windows, of each of which all tokens behind the first half and one are scored."""
        return None if self.tokens is None else max(1, self.tokens // (self.ctx_size - 1 - self.ctx_size // 2))


def measure(
    models: Sequence[Path],
    base: Path | None,
    *,
    text: Path | None = None,
    ctx_size: int = CTX_SIZE,
    tokens: int | None = None,
    threads: int,
    library_version: str,
    on_progress: Report | None = None,
    on_remark: Callable[[str], None] | None = None,
    cancel: threading.Event | None = None,
    n_gpu_layers: int = 0,
    memory_bytes: int | None = None,
) -> list[QualityRecord]:
    """The quality of every model, in the models' order; the arguments are those of `Scoring` and `attempt`.

    Raises:
        UnusableArguments: what was asked for makes no sense.
        EnvironmentFault: a model or the text cannot be had; the records of other models are in the cache.
        Interrupted: `cancel` was set.
    """
    scoring = Scoring(read_text(text), threads, library_version, ctx_size, tokens, n_gpu_layers, memory_bytes)
    records = []
    for record in attempt(models, base, scoring, on_progress=on_progress, on_remark=on_remark, cancel=cancel):
        if isinstance(record, InferometerError):
            raise record
        records.append(record)
    return records


def attempt(
    models: Sequence[Path],
    base: Path | None,
    scoring: Scoring,
    *,
    on_progress: Report | None = None,
    on_remark: Callable[[str], None] | None = None,
    cancel: threading.Event | None = None,
) -> list[QualityRecord | InferometerError]:
    """Like `measure`, but a model that cannot be measured has its fault at its place and the others their records.

    Args:
        models: GGUF files. One of the base's content gets the base's own record, which has no base.
        base: the model that the others are compared with; None: each is measured for itself.
        scoring: how.
        on_progress: hears what is done and the share of all of it.
        on_remark: hears what changes the figures' meaning: a model of another vocabulary than the base's is measured for itself.
        cancel: ends the work when set; whatever was measured is remembered.

    Raises:
        EnvironmentFault: the base cannot be read.
        Interrupted: `cancel` was set.
    """
    work = _Work(scoring, on_progress or (lambda _sentence, _share: None), on_remark or (lambda _sentence: None), cancel)
    reference = work.identify(base) if base is not None else None
    identities: list[_File | InferometerError] = []
    for path in models:
        try:
            identities.append(work.identify(path))
        except Interrupted:
            raise
        except InferometerError as error:
            identities.append(error)
    work.carry_out([each for each in identities if isinstance(each, _File)], reference)
    return [work.results[each.sha256] if isinstance(each, _File) else each for each in identities]


@dataclass(frozen=True, slots=True)
class _File:
    """A model file, known by its content."""

    path: Path
    sha256: str
    file_bytes: int


class _Work:
    """One measurement of several models.

    Attributes:
        results: by the content of a model.
    """

    def __init__(self, scoring: Scoring, report: Report, remark: Callable[[str], None], cancel: threading.Event | None) -> None:
        self._scoring = scoring
        self._report = report
        self._remark = remark
        self._cancel = cancel
        self._done_passes = 0
        self._passes = 1
        self.results: dict[str, QualityRecord | InferometerError] = {}

    def identify(self, path: Path) -> _File:
        """Raises EnvironmentFault when the file cannot be read, and Interrupted."""
        description = describe(path)
        content = sha256_of_parts(description.parts, lambda share: self._report(f"reading {path.name}", share), self._cancel)
        return _File(path, content, description.file_bytes)

    def carry_out(self, files: Sequence[_File], base: _File | None) -> None:
        """Fill `results`: from the cache, else by jobs of the engine."""
        wanted = {file.sha256: file for file in files}
        wants_base = base is not None and wanted.pop(base.sha256, None) is not None
        missing = [file for file in wanted.values() if not self._take_known(file, base)]
        needs_base = base is not None and wants_base and not self._take_known(base, None)
        groups = list(self._groups(missing, base))
        self._passes = sum(len(group) + (base is not None) for group in groups) or 1
        with EngineChild() as child:
            for group in groups:
                self._measure_group(child, group, base)
            if base is not None and needs_base and base.sha256 not in self.results:
                self._measure_group(child, [base], None)

    def _take_known(self, file: _File, base: _File | None) -> bool:
        record = known(self._key(file, base))
        if record is None:
            return False
        # Files may have been renamed since; their contents are what the key holds.
        base_name = base.path.name if base is not None else None
        self.results[file.sha256] = replace(record, text_name=self._scoring.text.name, base_name=base_name)
        return True

    def _key(self, file: _File, base: _File | None) -> QualityKey:
        scoring = self._scoring
        return QualityKey(
            file.sha256,
            base.sha256 if base else None,
            scoring.text.sha256,
            scoring.ctx_size,
            scoring.tokens,
            scoring.library_version,
        )

    def _groups(self, files: Sequence[_File], base: _File | None) -> Iterator[list[_File]]:
        """Models that are in memory together beside the base, so that it evaluates the text but once for them."""
        room = self._scoring.memory_bytes
        group: list[_File] = []
        for file in files:
            together = sum(each.file_bytes for each in (*group, file, *([base] if base else ())))
            if group and (base is None or room is None or together > room / 2 or len(group) == _MOST_AT_ONCE):
                yield group
                group = []
            group.append(file)
        if group:
            yield group

    def _measure_group(self, child: EngineChild, group: Sequence[_File], base: _File | None) -> None:
        """One job; one that fails with several models is done again model by model, so that each has its own end."""
        try:
            self._check_room(group, base)
            document = self._run(child, group, base)
        except Interrupted:
            raise
        except EnvironmentFault as fault:
            if len(group) == 1:
                self.results[group[0].sha256] = fault
                self._done_passes += 1 + (base is not None)
            else:
                self._passes += len(group) - 1
                for file in group:
                    self._measure_group(child, [file], base)
            return
        self._done_passes += len(group) + (base is not None)
        if base is not None and document["base"] is not None:
            base_scores = TokenScores.from_packed(document["base"])
            self._settle(base, None, base_scores, document, None)
        else:
            base_scores = None
        for file, columns in zip(group, document["models"], strict=True):
            if columns is not None:
                self._settle(file, base, TokenScores.from_packed(columns), document, base_scores)
                continue
            assert base is not None
            self._remark(
                f"{file.path.name} has another vocabulary than {base.path.name}: neither KL divergence nor perplexity compares "
                "the two, bits per byte does."
            )
            if not self._take_known(file, None):
                self._passes += 1
                self._measure_group(child, [file], None)

    def _settle(
        self, file: _File, base: _File | None, scores: TokenScores, document: dict[str, Any], base_scores: TokenScores | None
    ) -> None:
        text, ctx_size = self._scoring.text, self._scoring.ctx_size
        record = record_of(scores, text, ctx_size, int(document["bytes"]), base, base_scores)
        keep(self._key(file, base), record)
        self.results[file.sha256] = record

    def _check_room(self, group: Sequence[_File], base: _File | None) -> None:
        room, needed = self._scoring.memory_bytes, sum(file.file_bytes for file in (*group, *([base] if base else ())))
        if room is not None and needed > room:
            names = " and ".join(file.path.name for file in (*group, *([base] if base else ())))
            raise EnvironmentFault(
                f"{names} must be in memory together, {bytes_text(needed)}, where {bytes_text(room)} are free."
            )

    def _run(self, child: EngineChild, group: Sequence[_File], base: _File | None) -> dict[str, Any]:
        scoring, cancel = self._scoring, self._cancel
        names = ", ".join(file.path.name for file in group)
        sentence = f"measuring the quality of {names}" + (f" against {base.path.name}" if base else "")
        self._report(sentence, self._done_passes / self._passes)

        def hear(message: Message) -> None:
            if message.kind is MessageKind.PROGRESS:
                passes = self._done_passes + float(message.document()["share"]) * (len(group) + (base is not None))
                self._report(sentence, min(1.0, passes / self._passes))

        was_told = False

        def watch() -> None:
            nonlocal was_told
            if cancel is not None and cancel.is_set() and not was_told:
                was_told = True
                child.cancel()

        arguments = {
            "models": [str(file.path) for file in group],
            "base": str(base.path) if base else None,
            "text": scoring.text.content,
            "ctx_size": scoring.ctx_size,
            "windows": scoring.windows,
            "threads": scoring.threads,
            "n_gpu_layers": scoring.n_gpu_layers,
        }
        end = child.run_job("quality", arguments, on_message=hear, on_idle=watch)
        if cancel is not None and cancel.is_set():
            raise Interrupted("Measuring the quality was stopped; what was measured is remembered.")
        if not end.outcome.is_done:
            raise EnvironmentFault(f"The quality of {names} could not be measured. {end.outcome.sentence}")
        return end.result


def record_of(
    scores: TokenScores,
    text: QualityText,
    ctx_size: int,
    scored_bytes: int,
    base: _File | None,
    base_scores: TokenScores | None,
) -> QualityRecord:
    """The figures of a model's scores, with the errors of `quality_figures`; those that need a base are None without one."""
    own = perplexity(scores.nll)
    compared: dict[str, Any] = {}
    if base is not None and base_scores is not None:
        assert scores.kld is not None
        assert scores.same_top is not None
        assert scores.dp is not None
        kld, top1, ratio = mean(scores.kld), agreement(scores.same_top), log_ratio(scores.nll, base_scores.nll)
        compared = {
            "base_name": base.path.name,
            "base_sha256": base.sha256,
            "kld_mean": kld.value,
            "kld_mean_stderr": kld.stderr,
            "kld_median": nearest_rank(scores.kld, 0.5),
            "kld_p99": nearest_rank(scores.kld, 0.99),
            "kld_max": float(scores.kld.max()),
            "top1_agreement": top1.value,
            "top1_agreement_stderr": top1.stderr,
            "rms_dp": root_mean_square(scores.dp),
            "log_ratio": ratio.value,
            "log_ratio_stderr": ratio.stderr,
        }
    return QualityRecord(
        text_name=text.name,
        text_sha256=text.sha256,
        ctx_size=ctx_size,
        tokens=len(scores.nll),
        perplexity=own.value,
        perplexity_stderr=own.stderr,
        bits_per_byte=bits_per_byte(scores.nll, scored_bytes),
        **compared,
    )
