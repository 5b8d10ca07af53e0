"""Runs for the analysis tests: single rows by hand, and whole loads served by the real scheduler with invented step times."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from profiler.analysis.context import RunContext
from profiler.plan.slo import parse_slo
from profiler.records.run_record import StepCosts
from profiler.records.specification import (
    ContextSettings,
    EngineFacts,
    LoadSettings,
    ModelSettings,
    RequestClass,
    RunSpecification,
)
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus, RunData
from profiler.scheduling.admission import Continuous
from profiler.scheduling.arrivals import Arrival, ArrivalSource, ClosedLoop, Offline, OpenLoop, StopRule
from profiler.scheduling.batcher import Batcher

MS = 1_000_000

ONE_USER = RequestClass(users=1, prompt_tokens="8", output_tokens="4", requests_per_user=4)
LOAD_NAMES = {field.name for field in dataclasses.fields(LoadSettings)}


def _request_row(number, due, prefill, first, end, output_tokens, status=RequestStatus.COMPLETED, user=0, sent=None):
    """A request by its instants in ms, None where it was not reached."""

    def ns(instant):
        return ABSENT_NS if instant is None else round(instant * MS)

    return (
        number,
        0,
        user,
        1,
        ns(due),
        ns(due if sent is None else sent),
        ns(prefill),
        ns(first),
        ns(end),
        8,
        0,
        output_tokens,
        status,
    )


@pytest.fixture(scope="session")
def requests_of() -> Callable[..., np.ndarray]:
    """Request rows from tuples (due, prefill start, first token, end, output tokens[, status[, user[, sent]]]), times in ms."""
    return lambda *rows: np.array([_request_row(number, *row) for number, row in enumerate(rows)], REQUEST_DTYPE)


@pytest.fixture(scope="session")
def tokens_of() -> Callable[..., np.ndarray]:
    """Token rows from tuples (request, step, time in ms)."""
    return lambda *rows: np.array([(request, step, round(time * MS), -1) for request, step, time in rows], TOKEN_DTYPE)


@pytest.fixture(scope="session")
def steps_of() -> Callable[..., np.ndarray]:
    """Step rows from dictionaries; start and end in ms, all else as in STEP_DTYPE, 0 when left out."""

    def build(*rows):
        steps = np.zeros(len(rows), STEP_DTYPE)
        for step, row in zip(steps, rows, strict=True):
            step["start_ns"], step["end_ns"] = round(row["start"] * MS), round(row["end"] * MS)
            for name in row.keys() - {"start", "end"}:
                step[name] = row[name]
        return steps

    return build


@pytest.fixture(scope="session")
def context_of() -> Callable[..., RunContext]:
    """A run's context; keywords of LoadSettings change the load, those of RequestClass its one class, others are RunContext's."""

    def build(*, slo="", kv_cells=1024, costs=None, peak_bandwidth_gb_s=None, last_level_cache_bytes=None, slots=8, **load):
        one = dataclasses.replace(ONE_USER, **{name: value for name, value in load.items() if name not in LOAD_NAMES})
        settings = {"classes": (one,)} | {name: value for name, value in load.items() if name in LOAD_NAMES}
        specification = RunSpecification(
            ModelSettings("model.gguf", 0, True),
            ContextSettings(slots, 256, 512, 512, 2, 2, "auto", "f16", "f16", True),
            LoadSettings(**settings),
        )
        facts = EngineFacts(0.0, True, 0, 2048, 256, 512, 512, 8, kv_cells, 1000, {}, [], 4)
        return RunContext(specification, facts, costs, peak_bandwidth_gb_s, parse_slo(slo), last_level_cache_bytes)

    return build


@pytest.fixture(scope="session")
def costs() -> StepCosts:
    """A model whose step reads 100 MB of weights and 20 MB of output matrix."""
    return StepCosts(100_000_000, 20_000_000, 1_000, 50_000)


StepTime = Callable[[int, int], int]


def serve(
    source: ArrivalSource,
    *,
    slots: int,
    prompt_tokens: int = 64,
    output_tokens: int = 32,
    batch: int = 512,
    prefill_chunk: int = 512,
    step_ns: StepTime,
    loop_ns: int = 0,
) -> RunData:
    """Serve a load with the scheduler that the engine uses; a step of (prefill tokens, decodes) takes `step_ns` of them.

    Between two steps the loop works `loop_ns`; with nothing to do it waits for the next due time.
    """
    scheduler = Batcher(slots, batch, prefill_chunk, admission=Continuous())
    arrivals: dict[int, Arrival] = {}
    open_requests: dict[int, np.void] = {}
    ended, tokens, steps = [], [], []
    emitted: dict[int, int] = {}
    now = 0
    while True:
        for arrival in source.take_due(now):
            row = np.zeros(1, REQUEST_DTYPE)[0]
            row["request"], row["user"], row["due_ns"], row["sent_ns"] = arrival.request, arrival.user, arrival.due_ns, now
            row["class"], row["turn"] = arrival.class_number, arrival.turn + 1
            row["prefill_start_ns"] = row["first_token_ns"] = row["end_ns"] = ABSENT_NS
            row["prompt_tokens"] = prompt_tokens
            open_requests[arrival.request] = row
            arrivals[arrival.request] = arrival
            assert scheduler.submit(arrival.request, prompt_tokens, output_tokens, arrival.due_ns)
        in_system = len(open_requests)
        plan = scheduler.plan(now)
        if plan is None:
            due_ns = source.next_due_ns()
            if due_ns is None:
                break
            now = due_ns
            continue
        waiting = scheduler.waiting
        for part in plan.prefill:
            if part.start == 0:
                open_requests[int(scheduler.request[part.slot])]["prefill_start_ns"] = now
        start = now + loop_ns
        now = start + step_ns(plan.prefill_tokens, len(plan.decode))
        result = scheduler.complete(plan)
        for slot in result.emitting.tolist():
            request = int(scheduler.request[slot])
            tokens.append((request, len(steps), now, -1))
            emitted[request] = emitted.get(request, 0) + 1
        for slot in result.first.tolist():
            open_requests[int(scheduler.request[slot])]["first_token_ns"] = now
        useful = int(scheduler.length.sum())
        outputs = len(plan.decode) + sum(part.completes for part in plan.prefill)
        counts = (
            plan.prefill_tokens,
            len(plan.decode),
            plan.sequences,
            outputs,
            1,
            useful,
            useful,
            useful,
            waiting,
            in_system,
            0,
            0,
        )
        steps.append((start, now, now - start, loop_ns, *counts))
        for slot in result.finished.tolist():
            row = open_requests.pop(int(scheduler.request[slot]))
            row["end_ns"], row["status"] = now, RequestStatus.COMPLETED
            row["output_tokens"] = emitted[int(row["request"])]
            ended.append(row)
            source.answered(arrivals[int(row["request"])], now, completed=True)
        scheduler.release(result.finished)
    return RunData(np.array(ended, REQUEST_DTYPE), np.array(tokens, TOKEN_DTYPE), np.array(steps, STEP_DTYPE))


def plain_step_ns(prefill_tokens: int, decodes: int) -> int:
    """10 ms a pass, 1 ms a prompt token, 1 ms a decode."""
    return (10 + prefill_tokens + decodes) * MS


@pytest.fixture(scope="session")
def closed_loop() -> Callable[..., RunData]:
    """A closed loop served to its end; `starts_ms` gives the users' first due times."""

    def run(
        starts_ms: Sequence[float], *, per_user=None, requests=None, duration_s=None, think_s=0.0, turns=1, slots=None, **served
    ):
        stop = StopRule(requests, per_user, None if duration_s is None else round(duration_s * 1e9))
        source = ClosedLoop([round(start * MS) for start in starts_ms], round(think_s * 1e9), stop, turns=turns)
        served.setdefault("step_ns", plain_step_ns)
        return serve(source, slots=slots or len(starts_ms), **served)

    return run


@pytest.fixture(scope="session")
def open_loop() -> Callable[..., RunData]:
    """Requests due at `due_ms`, served to their end."""

    def run(due_ms, *, slots=1, **served):
        served.setdefault("step_ns", plain_step_ns)
        return serve(OpenLoop(np.round(np.asarray(due_ms) * MS).astype(np.int64)), slots=slots, **served)

    return run


@pytest.fixture(scope="session")
def offline() -> Callable[..., RunData]:
    """Requests that are all due at 0, served to their end."""
    return lambda requests, slots, **served: serve(Offline(requests), slots=slots, **({"step_ns": plain_step_ns} | served))


@pytest.fixture(scope="session")
def single_server() -> Callable[..., RunData]:
    """Poisson arrivals, one a second on average, at one server that takes `utilisation` seconds for each, one after the other."""

    def run(utilisation, arrivals, seed):
        due_s = np.cumsum(np.random.default_rng(seed).exponential(1.0, arrivals))
        end_s = np.empty(arrivals)
        free_s = 0.0
        for number, at_s in enumerate(due_s.tolist()):
            free_s = end_s[number] = max(at_s, free_s) + utilisation
        requests = np.zeros(arrivals, REQUEST_DTYPE)
        requests["request"], requests["user"], requests["turn"] = np.arange(arrivals), -1, 1
        requests["due_ns"] = requests["sent_ns"] = np.round(due_s * 1e9)
        requests["end_ns"] = requests["first_token_ns"] = np.round(end_s * 1e9)
        requests["prefill_start_ns"] = np.round((end_s - utilisation) * 1e9)
        requests["output_tokens"], requests["status"] = 1, RequestStatus.COMPLETED
        tokens = np.zeros(arrivals, TOKEN_DTYPE)
        tokens["request"], tokens["time_ns"] = requests["request"], requests["end_ns"]
        return RunData(requests, tokens)

    return run
