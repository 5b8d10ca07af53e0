"""What the engine benchmarks share: runs of the sample model from keyword arguments, and ratios with an interval."""

import math
import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.intervals import log_t_interval
from profiler.child.engine_child import EngineChild
from profiler.hardware.cpu import default_threads
from profiler.models.sample import sample_model_path
from profiler.records.message import MessageKind
from profiler.records.specification import (
    Arrival,
    ContextSettings,
    LoadSettings,
    ModelSettings,
    RequestClass,
    RunSpecification,
    Sampling,
)
from profiler.records.timing import COLUMN_DTYPES, no_rows
from profiler.scheduling.lengths import parse_length


@dataclass(frozen=True, slots=True)
class Measured:
    """The rows of one run."""

    requests: NDArray[Any]
    tokens: NDArray[Any]
    steps: NDArray[Any]

    @property
    def tokens_per_second(self) -> float:
        """Output tokens over the whole run."""
        begin, end = self.requests["due_ns"].min(), self.tokens["time_ns"].max()
        return float(len(self.tokens) / (end - begin) * 1e9)


def order(
    users: int,
    prompt: int,
    output: int | str,
    *,
    per_user: int = 4,
    unified: bool = True,
    think_time_s: float = 0.0,
    chunk: int = 512,
    threads: int | None = None,
    sampling: Sampling = "greedy",
    seed: int = 1,
    arrival: Arrival = "closed",
) -> RunSpecification:
    """A load on the sample model: `users` users in a closed loop, or offline as many slots and requests (one even wave).

    The output's length may be one of `scheduling.lengths`, of limited length.
    """
    count = threads or default_threads()
    longest = parse_length(str(output)).longest
    assert longest is not None
    ctx_size = -(-(prompt + longest) // 256) * 256
    users_told, requests, each = (users, None, per_user) if arrival == "closed" else (0, users * per_user, None)
    one_class = RequestClass(
        arrival=arrival,
        users=users_told,
        think_time_s=think_time_s,
        prompt_tokens=str(prompt),
        output_tokens=str(output),
        requests=requests,
        requests_per_user=each,
    )
    return RunSpecification(
        ModelSettings(str(sample_model_path()), 0, True),
        ContextSettings(users, ctx_size, 512, 512, count, count, "auto", "f16", "f16", unified),
        LoadSettings((one_class,), prefill_chunk=chunk, sampling=sampling, seed=seed),
    )


def measure(child: EngineChild, specification: RunSpecification) -> Measured:
    """Run it; raises RuntimeError when it does not end well."""
    tables: dict[str, list[NDArray[Any]]] = {name: [no_rows(dtype)] for name, dtype in COLUMN_DTYPES.items()}

    def hear(message: Any) -> None:
        if message.kind is MessageKind.ROWS:
            for name, rows in message.tables().items():
                tables[name].append(rows)

    end = child.run_job("run", specification.to_json(), on_message=hear)
    if not end.outcome.is_done:
        raise RuntimeError(end.outcome.sentence)
    joined = {name: np.concatenate(parts) for name, parts in tables.items()}
    return Measured(joined["request"], joined["token"], joined["step"])


def ratio_text(ratios: list[float]) -> str:
    """The geometric mean of paired ratios with its 95 % t-interval on the logs."""
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
    interval = log_t_interval(ratios)
    told = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return f"{mean:.3f}{told}, n = {len(ratios)}"
