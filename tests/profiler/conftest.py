"""A small session file with known contents, for the rooms that write, read and export one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from profiler.clock import WallClockAnchor
from profiler.records.axis import AXES
from profiler.records.metric import METRICS, STATISTICS
from profiler.records.run_record import CellRecord, CellStatus, ModelRecord, RunRecord, RunStatus, SessionEvent, StepCosts
from profiler.records.specification import (
    ContextSettings,
    EngineFacts,
    LoadSettings,
    ModelSettings,
    RequestClass,
    RunSpecification,
)
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus, Samples
from profiler.session.writer import SessionWriter

MODEL = ModelRecord(1, "SmolLM2", "/models/small.gguf", "ab" * 32, "llama", 134_515_008, "Q4_1", 98_000_000, 5.83, 8192)
SPECIFICATION = RunSpecification(
    ModelSettings("/models/small.gguf", 0, True),
    ContextSettings(2, 256, 512, 512, 2, 2, "auto", "f16", "f16", True),
    LoadSettings((RequestClass(users=2, prompt_tokens="16", output_tokens="8", requests=4),)),
)
MIX = replace(
    SPECIFICATION,
    load=LoadSettings(
        (
            RequestClass("chat", users=2, requests=2),
            RequestClass("paste", "poisson", prompt_tokens="uniform:100:400", rate_s=0.5, requests=2, start_s=1.0),
        )
    ),
)
FACTS = EngineFacts(0.25, False, 5_000, 512, 256, 512, 512, 2, 512, 49_152, {"CPU buffer": 7}, ["CPU"], 3)


def _cell(cell_id, **changes):
    configuration = {axis.name: None for axis in AXES}
    configuration |= {"model": "SmolLM2", "quant": "as-is", "concurrency": cell_id, "think_time": 0.5, "threads": 2}
    costs = StepCosts(100, 20, 3, 4)
    return CellRecord(**{"cell_id": cell_id, "model_id": 1, "configuration": configuration, "costs": costs} | changes)


def _run(run_id, cell_id, **changes):
    return RunRecord(
        **{"run_id": run_id, "cell_id": cell_id, "repetition": 1, "block": 1, "specification": SPECIFICATION} | changes
    )


def _requests(*statuses, classes=1):
    """One request a status: due at 1, 2 … ms, 16 prompt tokens of which 4 cached, 8 output tokens when completed.

    They are of the `classes` in turn.
    """
    rows = []
    for number, status in enumerate(statuses):
        due = (number + 1) * 1_000_000
        is_completed = status is RequestStatus.COMPLETED
        instants = (due + 10, due + 20, due + 900) if is_completed else (due + 10, ABSENT_NS, ABSENT_NS)
        rows.append((number, number % classes, 0, 1, due, due + 1, *instants, 16, 4, 8 if is_completed else 0, status))
    return np.array(rows, REQUEST_DTYPE)


def _tokens(count):
    rows = [(number % 2, number // 2, 1_000_000 * (number // 2), 100 + number) for number in range(count)]
    return np.array(rows, TOKEN_DTYPE)


def _steps(count):
    steps = np.zeros(count, STEP_DTYPE)
    steps["start_ns"] = np.arange(count) * 1_000_000
    steps["end_ns"] = steps["start_ns"] + 900_000
    steps["decode_tokens"] = 2
    return steps


def _samples(*values, channel="process_rss_bytes"):
    return Samples(np.arange(len(values), dtype=np.int64) * 250_000_000, {channel: np.array(values, float)})


def _figures(**known):
    """All metrics, None but for those given; a distribution is given by its p95 alone."""
    figures = {metric.name: None for metric in METRICS}
    for name, value in known.items():
        is_distribution = isinstance(figures.get(name), dict) or name in {
            metric.name for metric in METRICS if metric.is_distribution
        }
        figures[name] = {**dict.fromkeys(STATISTICS), "p95": value, "n": 4} if is_distribution else value
    return figures


@pytest.fixture(scope="session")
def records():
    """Builders of the records of a session, with plain defaults."""
    return SimpleNamespace(
        model=MODEL,
        specification=SPECIFICATION,
        mix=MIX,
        facts=FACTS,
        cell=_cell,
        run=_run,
        requests=_requests,
        tokens=_tokens,
        steps=_steps,
        samples=_samples,
        figures=_figures,
    )


@pytest.fixture(scope="session")
def session_file(tmp_path_factory) -> Path:
    """A finished session of three cells; do not change it.

    Cell 1 is done: run 1 valid with 2 completed requests and a failed one, run 2 invalid, run 4 valid with one completed.
    Cell 2 failed with its only run, 3. Cell 3 is done, a mix of "chat" and "paste", in run 5 with two requests each.
    """
    path = tmp_path_factory.mktemp("session") / "known.inferometer"
    done, failed, refused = RequestStatus.COMPLETED, RequestStatus.FAILED, RequestStatus.REFUSED
    with SessionWriter.create(path, plan={"title": "known"}, machine={"cpu": {"name": "Some CPU"}}, title="Known") as writer:
        writer.add_model(MODEL)
        writer.add_cell(_cell(1))
        writer.add_cell(_cell(2, costs=None))
        for run_id, statuses in ((1, (done, done, failed)), (2, (done, done, done)), (4, (done, refused))):
            run = _run(run_id, 1, anchor=WallClockAnchor(5_000, "2026-01-02T03:04:05.678+00:00"), facts=FACTS)
            writer.start_run(run)
            writer.add_requests(run_id, _requests(*statuses))
            writer.add_rows(run_id, "token", _tokens(4 * run_id))
            writer.add_rows(run_id, "step", _steps(2 * run_id))
            writer.add_samples(run_id, _samples(1e8, 1.5e8))
            is_valid = run_id != 2
            flags = (
                ("short: the window is short",) if is_valid else ("foreign load: 40 % of the CPU", "short: the window is short")
            )
            writer.update_run(
                _run(run_id, 1, status=RunStatus.DONE, is_valid=is_valid, flags=flags, anchor=run.anchor, facts=FACTS)
            )
            writer.set_run_figures(
                run_id, _figures(ttft_ms=10.5 * run_id, output_tok_s=100.0 + run_id, rss_peak_bytes=150_000_000)
            )
        writer.set_cell_figures(
            1, _figures(ttft_ms=42.5, output_tok_s=103.0), {"output_tok_s": (99.5, 106.5), "ttft_ms.p95": (40, 45)}
        )
        writer.update_cell(_cell(1, status=CellStatus.DONE))
        writer.start_run(_run(3, 2))
        writer.update_run(_run(3, 2, status=RunStatus.FAILED, reason="It did not fit.", log_tail=("one", "two")))
        writer.update_cell(_cell(2, status=CellStatus.FAILED, reason="It did not fit.", costs=None))
        classes = {"chat": _figures(ttft_ms=5.5, output_tok_s=60.0), "paste": _figures(ttft_ms=77.5)}
        writer.add_cell(_cell(3))
        writer.start_run(_run(5, 3, specification=MIX))
        writer.add_requests(5, _requests(done, done, done, RequestStatus.TIMED_OUT, classes=2))
        writer.update_run(_run(5, 3, specification=MIX, status=RunStatus.DONE))
        writer.set_run_figures(5, _figures(ttft_ms=33.0), {"chat": _figures(ttft_ms=5.0), "paste": _figures(ttft_ms=77.0)})
        writer.set_cell_figures(3, _figures(ttft_ms=33.5), {}, classes)
        writer.update_cell(_cell(3, status=CellStatus.DONE))
        writer.add_event(SessionEvent("2026-01-02T03:04:05+00:00", "cell failed", "It did not fit.", 2, 3, {"tries": 1}))
    return path
