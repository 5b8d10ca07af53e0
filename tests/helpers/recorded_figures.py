"""Figures of a session's repetitions as a small JSON file: `python tests/helpers/recorded_figures.py SESSION OUT.json`.

Such files in tests/profiler/analysis/comparison/recorded are what the comparison is tested on itself with.
"""

import json
import sys
from pathlib import Path
from typing import Any

from profiler.exchange.comparison import read_session
from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession


def document(session: MeasuredSession) -> dict[str, Any]:
    """Without machine, paths and names: what a configuration says of a model is its label."""
    return {
        "created_utc": session.created_utc,
        "cells": [
            {
                "config": {name: value for name, value in cell.configuration.items() if value is not None},
                "runs": [{"block": run.block, "figures": _rounded(run)} for run in cell.runs],
            }
            for cell in session.cells
        ],
    }


def recorded_session(path: Path) -> MeasuredSession:
    """The session that such a file tells of."""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    cells = [
        MeasuredCell(cell["config"], None, tuple(MeasuredRun(run["block"], run["figures"]) for run in cell["runs"]))
        for cell in recorded["cells"]
    ]
    return MeasuredSession(path.stem, recorded["created_utc"], tuple(cells))


def _rounded(run: MeasuredRun) -> dict[str, float]:
    return {name: float(f"{value:.7g}") for name, value in run.figures.items()}


if __name__ == "__main__":
    session_path, target = map(Path, sys.argv[1:3])
    target.write_text(json.dumps(document(read_session(session_path)), indent=1) + "\n", encoding="utf-8")
