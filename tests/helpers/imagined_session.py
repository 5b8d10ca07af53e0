"""Cells with figures of one's choice in a session that was never measured: for tests of what is said of sessions."""

from dataclasses import replace
from pathlib import Path
from typing import cast

from profiler.exchange.findings.need_verdict import check
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.plan.cell_words import cell_title
from profiler.plan.slo import parse_slo
from profiler.records.axis import AXES, BY_NAME, AxisValue, Configuration
from profiler.records.run_record import CellStatus, Figures

NEED = "ttft_ms.p95<=500"
VARYING = ("quant", "concurrency", "threads")


def cell(number: int, users: int, ttft: float, output: float, n: int = 200, **changes: object) -> CellView:
    """A cell of Q8_0 on 2 threads with an interval of ± 2 tok/s; `changes` are of its axes or its fields."""
    configuration: Configuration = {**{axis.name: None for axis in AXES}, "quant": "Q8_0", "threads": 2, "concurrency": users}
    configuration.update({key: cast(AxisValue, changes.pop(key)) for key in ("quant", "threads") if key in changes})
    values: Figures = {"ttft_ms": {"p95": ttft, "n": n}, "output_tok_s": output}
    title = cell_title(configuration, VARYING)
    intervals = {"output_tok_s": (output - 2, output + 2)}
    checks = check(values, parse_slo(NEED))
    made = CellView(number, configuration, title, title, CellStatus.DONE, "", 3, values, intervals, (), (), checks)
    return replace(made, **changes)  # type: ignore[arg-type]


def session(*cells: CellView, slo: str = NEED) -> SessionView:
    """These cells, held against a need."""
    varying = tuple(BY_NAME[name] for name in VARYING)
    document = {"need": {"slo": slo}}
    return SessionView(Path("a"), "A", "", "", "", (), document, parse_slo(slo), None, varying, cells, 9, 0, 0)
