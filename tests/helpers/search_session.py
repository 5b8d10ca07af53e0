"""A session file of a search over quantizations with their quality, and the events that such a search tells while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.analysis.intervals import cell_intervals
from profiler.plan.plan import Load, Models, Need, Plan, Search, Trust
from profiler.plan.slo import Slo, parse_slo
from profiler.records.quality import QualityRecord
from profiler.records.run_record import (
    CellRecord,
    CellStatus,
    Figures,
    ModelRecord,
    RunPurpose,
    RunStatus,
    SessionEvent,
)
from profiler.session.writer import SessionWriter
from profiler.sweep.events import (
    CellAdded,
    CellChanged,
    Happened,
    Progress,
    RunEnded,
    RunMeasuring,
    RunStarted,
    SweepEnded,
    SweepStarted,
)
from tests.helpers.scripted_sweep import BLANK, MACHINE, Hold, measuring, rows, run_of, samples
from tests.helpers.scripted_sweep import figures as speed_figures
from tests.helpers.written_session import run_data

FOREIGN_LOAD = "foreign load: Other programs took 31 % of the processors."
SHORT_ONLY = "Only short looks were taken at it."
UTC = "2026-11-24T23:04:12.000+00:00"

PLAN = Plan(
    title="Search",
    need=Need(slo="ttft_ms.p95<=900,tpot_ms.p95<=80"),
    models=Models(quant=("Q8_0", "Q4_K_M", "Q2_K", "F16")),
    load=Load(concurrency=(1, 8)),
    trust=Trust(repetitions=2, seed=7),
    search=Search(enabled=True, confirm_repetitions=3),
)


@dataclass(frozen=True)
class Quant:
    """A model of the search: its file, its quality, the gap between tokens of each user at a load."""

    name: str
    file_bytes: int
    bits: float
    kld: float | None
    gap_ms: float


QUANTS = (
    Quant("F16", 271_000_000, 16.0, None, 14.0),
    Quant("Q8_0", 145_000_000, 8.5, 0.0009, 10.0),
    Quant("Q4_K_M", 105_000_000, 6.2, 0.021, 9.0),
    Quant("Q2_K", 88_000_000, 5.1, 0.34, 9.5),
)

LOADS = {1: (8, "confirm"), 2: (8, "confirm"), 3: (8, "look"), 4: (8, "short look"), 5: (6, "look")}
"""Users and purpose of each cell; cell 5 is Q8_0's second look, cells 1 to 4 are F16, Q8_0, Q4_K_M, Q2_K at the highest load."""

EVENTS = (
    ("search step", "All 4 candidates with 8 users, the most allowed.", {"purpose": "look", "cells": [1, 2, 3, 4], "runs": 4}),
    ("search out", "Q2_K is looked at no further: gives at most 90 tok/s at any load, Q8_0 with 8 users at least 120.", {}),
    ("search step", "Narrowing down: Q8_0 with 6 users.", {"purpose": "look", "cells": [5], "runs": 1}),
    (
        "search step",
        "Fresh runs, which took no part in the choice: Q8_0 with 8 users and F16 with 8 users.",
        {"purpose": "confirm", "cells": [1, 2], "runs": 6},
    ),
)
FOUND = (
    ("search boundary", "F16 holds 8 users, the most allowed.", {}),
    ("search boundary", "Q8_0 holds 7 users, not 8.", {}),
    ("search boundary", "Q4_K_M holds 8 users, closely, the most allowed.", {}),
    (
        "search answer",
        "Use Q8_0 with 8 users: 98.4 ± 1.2 tok/s, ttft_ms.p95 830 of 900 allowed, in 3 fresh runs. "
        "Runner-up: F16 with 8 users, 70.2 ± 0.9 tok/s; the winner gives 40.1 % more (38.2 to 42.0 %, block by block).",
        {"winner_cell_id": 2, "confirmed_cell_ids": [2, 1]},
    ),
)


def models(*, has_quality: bool = True) -> tuple[ModelRecord, ...]:
    """F16 is the base of the others."""
    made = []
    for number, quant in enumerate(QUANTS, 1):
        quality = None
        if has_quality:
            perplexity = 14.0 * (1 + (quant.kld or 0.0))
            quality = QualityRecord("calibration.txt", "t" * 8, 512, 4080, perplexity, 0.4, 0.9 + (quant.kld or 0.0))
            if quant.kld is not None:
                quality = replace(
                    quality, base_name="sample-F16.gguf", base_sha256="base", kld_mean=quant.kld, kld_mean_stderr=0.1 * quant.kld,
                    top1_agreement=1 - quant.kld / 2, top1_agreement_stderr=0.004,
                )  # fmt: skip
        made.append(
            ModelRecord(
                number, "SmolLM2-135M", f"{quant.name}.gguf", "base" if quant.kld is None else f"sha-{quant.name}", "llama",
                134_515_008, quant.name, quant.file_bytes, quant.bits, 8192, None if quant.kld is None else "sample-F16.gguf",
                quality=quality,
            )
        )  # fmt: skip
    return tuple(made)


def cells() -> tuple[CellRecord, ...]:
    """The highest load of each quantization, and one that the search comes to."""
    quants = [quant.name for quant in QUANTS]
    made = []
    for number, (users, _) in LOADS.items():
        quant = quants[number - 1] if number <= len(quants) else "Q8_0"
        values = {"model": "sample", "quant": quant, "arrival": "closed", "concurrency": users, "slots": users, "threads": 2}
        made.append(CellRecord(number, quants.index(quant) + 1, {**BLANK, **values}))
    return tuple(made)


def write_search_session(path: Path, *, has_ended: bool = True, has_quality: bool = True, has_memory: bool = True) -> Path:
    """The search; without its end it was stopped before it told what it found. A counted run of cell 3 carries a flag."""
    slo = parse_slo(PLAN.need.slo)
    with SessionWriter.create(path, plan=PLAN.to_document(), machine=MACHINE.to_json(), title=PLAN.title) as writer:
        for model in models(has_quality=has_quality):
            writer.add_model(model)
        run_id = 0
        for cell in cells():
            writer.add_cell(cell)
            run_id = _write_cell(writer, cell, run_id, slo, has_memory=has_memory)
        for kind, sentence, data in (*EVENTS, *(FOUND if has_ended else ())):
            writer.add_event(SessionEvent(UTC, kind, sentence, None, None, dict(data)))
    return path


def _write_cell(writer: SessionWriter, cell: CellRecord, run_id: int, slo: Slo, *, has_memory: bool) -> int:
    users, purpose = LOADS[cell.cell_id][0], RunPurpose(LOADS[cell.cell_id][1])
    quant = next(quant for quant in QUANTS if quant.name == cell.configuration["quant"])
    done = []
    for repetition in range(1, 4 if purpose is RunPurpose.CONFIRM else 2):
        run_id += 1
        counts = purpose is not RunPurpose.SHORT_LOOK
        run = replace(measuring(run_of(cell, run_id, repetition)), purpose=purpose, is_valid=counts)
        data = run_data(users, 100 * users + 10 * repetition, round(quant.gap_ms * users))
        context = RunContext(run.specification, run.facts, None, None, slo)
        figures = run_figures(data, context)
        if has_memory:
            figures |= {"rss_peak_bytes": 2.2 * quant.file_bytes + 1e6 * repetition}
        writer.start_run(run)
        writer.add_requests(run_id, data.requests)
        writer.add_rows(run_id, "token", data.tokens)
        writer.add_rows(run_id, "step", data.steps)
        flags = (FOREIGN_LOAD,) if cell.cell_id == 3 else ()
        writer.update_run(replace(run, status=RunStatus.DONE, flags=flags))
        writer.set_run_figures(run_id, figures)
        if counts:
            done.append((data, context, figures))
    if done:
        writer.set_cell_figures(cell.cell_id, cell_figures(done), cell_intervals([figures for _, _, figures in done]))
        writer.update_cell(replace(cell, status=CellStatus.DONE))
    else:
        writer.update_cell(replace(cell, status=CellStatus.PARTIAL, reason=SHORT_ONLY))
    return run_id


def told(kind: str, sentence: str, data: dict[str, object] | None = None) -> Happened:
    """An entry of the log, as subscribers hear it."""
    return Happened(SessionEvent(UTC, kind, sentence, None, None, dict(data or {})))


def running_search(session: Path, while_confirming: Hold | None = None) -> list[object]:
    """Looks at all four, one further cell that was not there at the start, then fresh runs, and the answer."""
    made = cells()
    script: list[object] = [SweepStarted(session, MACHINE, models(), made[:4], 10), told("start", "A search begins.")]
    script.append(told(*EVENTS[0]))
    order = [(made[0], "look"), (made[1], "look"), (made[2], "look"), (made[3], "look")]
    number = 0
    for cell, purpose in order:
        number += 1
        script += _run(cell, number, purpose, 10)
    script += [told(*EVENTS[1]), CellAdded(made[4]), told(*EVENTS[2])]
    number += 1
    script += _run(made[4], number, "look", 7)
    script.append(told(*EVENTS[3]))
    for block, cell in enumerate((made[1], made[0])):
        number += 1
        held = while_confirming if block == 0 else None
        script += _run(cell, number, "confirm", 12, held)
    script += [told(*event) for event in FOUND]
    script.append(SweepEnded(session, False, ""))
    return script


def _run(cell: CellRecord, number: int, purpose: str, planned: int, hold: Hold | None = None) -> Sequence[object]:
    users = int(cell.configuration["concurrency"] or 0)
    run = replace(run_of(cell, number), purpose=RunPurpose(purpose))
    done: Figures = speed_figures(30.0 - 2 * number)
    flags = (FOREIGN_LOAD,) if number == 3 else ()
    return [
        RunStarted(run, cell),
        RunMeasuring(measuring(run)),
        rows(number, 0.0, 2.0, users),
        samples(number, 0.0, 2.0),
        *([hold] if hold is not None else []),
        RunEnded(replace(run, status=RunStatus.DONE, flags=flags), done),
        CellChanged(replace(cell, status=CellStatus.DONE), done, {"user_tok_s": (18.0, 29.0)}, 1),
        Progress(number, planned, 4.0 * number, 4.0 * (planned - number), "running"),
    ]
