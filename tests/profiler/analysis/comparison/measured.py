"""Builders of measured sessions, with plain defaults."""

import numpy as np

from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession, ModelIdentity

MODEL = ModelIdentity("Small", "Q8_0", "ab" * 32)


def cell(values=(100.0, 101.0, 99.0, 100.5, 99.5, 100.0), *, model=MODEL, figure="output_tok_s", flags=(), **config):
    """One repetition a value, in blocks from 1; a value of None lacks the figure."""
    runs = [MeasuredRun(block, {} if value is None else {figure: value}) for block, value in enumerate(values, 1)]
    axes = {"model": "small", "quant": "Q8_0", "concurrency": 1, "threads": 2, "arrival": "closed"}
    return MeasuredCell(axes | config, model, tuple(runs), flags=tuple(flags))


def session(*cells, name="a", created="2026-01-01T00:00:00+00:00", plan=None, machine=None):
    return MeasuredSession(name, created, tuple(cells), machine or {"cpu": {"name": "Some CPU"}}, plan or {})


def noisy(generator, typical, cv=0.01, n=6):
    return tuple(float(value) for value in typical * np.exp(generator.normal(0, cv, n)))
