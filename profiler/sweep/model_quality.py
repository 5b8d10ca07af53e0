"""Quality beside speed: how well a sweep's models predict, as far as it is known, or measured now where the plan asks for it."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from profiler.errors import InferometerError, Interrupted
from profiler.hardware.main_memory import available_bytes
from profiler.modelfile.content_hash import sha256_of_parts
from profiler.modelfile.description import ModelDescription, describe
from profiler.models.quality import Scoring, attempt
from profiler.models.quality_cache import most_tokens
from profiler.models.quality_text import QualityText, read_text
from profiler.plan.cells import model_labels
from profiler.plan.plan import Plan
from profiler.records.quality import QualityRecord
from profiler.sweep.preparation import PreparedModel, Report, resolve_model_path


def with_quality(
    plan: Plan,
    prepared: Sequence[PreparedModel],
    library_version: str,
    threads: int,
    report: Report,
    cancel: threading.Event,
) -> list[PreparedModel]:
    """The models with `quality` in their records, in the same order.

    Each is compared with the best model present of the same source (`bases`). With `plan.models.quality_tokens` what is not
    known is measured now; without, only what is known of the plan's text is told. A model that cannot be measured keeps None,
    and `report` hears why.

    Raises:
        EnvironmentFault: the plan's text cannot be read.
        Interrupted: `cancel` was set.
    """
    tokens = plan.models.quality_tokens
    path = plan.models.quality_text
    text = read_text(Path(path).expanduser() if path is not None else None)
    qualities: dict[int, QualityRecord] = {}
    for base, members in bases(plan, prepared):
        if tokens is None:
            qualities |= _known(members, base, text, report, cancel)
        else:
            scoring = Scoring(text, threads, library_version, tokens=tokens, memory_bytes=available_bytes())
            qualities |= _measured(members, base, scoring, report, cancel)
    return [
        replace(model, record=replace(model.record, quality=qualities[model.record.model_id]))
        if model.record is not None and model.record.model_id in qualities
        else model
        for model in prepared
    ]


def bases(plan: Plan, prepared: Sequence[PreparedModel]) -> list[tuple[ModelDescription, list[PreparedModel]]]:
    """The models that exist, grouped by what they are made from, each group with the file that its members are compared with.

    That is the best file present of the same source: of those that were not made here the one with the most bits per weight, the
    first of several. A file made here is never better than its source however many bits it has, so it is never the base.
    Files are of one source when the plan made them from one, or when name, architecture and number of weights are the same.
    """
    paths = [resolve_model_path(name) for name in plan.models.paths]
    sources = {label: describe(path) for label, path in zip(model_labels([str(path) for path in paths]), paths, strict=True)}
    groups: dict[tuple[str, str, int], list[PreparedModel]] = {}
    best: dict[tuple[str, str, int], ModelDescription] = {}
    for model in prepared:
        if model.record is None or model.path is None:
            continue
        source = sources[model.label]
        identity = (source.name, source.architecture, source.parameters)
        groups.setdefault(identity, []).append(model)
        if identity not in best or source.bits_per_weight > best[identity].bits_per_weight:
            best[identity] = source
    return [(best[identity], members) for identity, members in groups.items()]


def _known(
    members: Sequence[PreparedModel], base: ModelDescription, text: QualityText, report: Report, cancel: threading.Event
) -> dict[int, QualityRecord]:
    base_sha256 = sha256_of_parts(base.parts, lambda share: report(f"reading {base.path.name}", share), cancel)
    found = {}
    for member in members:
        assert member.record is not None
        content = member.record.sha256
        record = most_tokens(content, None if content == base_sha256 else base_sha256, text.sha256)
        if record is not None:
            found[member.record.model_id] = record
    return found


def _measured(
    members: Sequence[PreparedModel], base: ModelDescription, scoring: Scoring, report: Report, cancel: threading.Event
) -> dict[int, QualityRecord]:
    records = [(member.record, member.path) for member in members if member.record is not None and member.path is not None]
    try:
        results = attempt(
            [path for _, path in records],
            base.path,
            scoring,
            on_progress=report,
            on_remark=lambda sentence: report(sentence, None),
            cancel=cancel,
        )
    except Interrupted:
        raise
    except InferometerError as fault:  # the base cannot be read
        report(fault.sentence, None)
        return {}
    found = {}
    for (record, _), result in zip(records, results, strict=True):
        if isinstance(result, InferometerError):
            report(result.sentence, None)
        else:
            found[record.model_id] = result
    return found
