import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.clock import WallClockAnchor
from profiler.records.metric import LATENCIES, METRICS, SINGLES, STATISTICS
from profiler.records.run_record import CellStatus, RunStatus, SessionEvent
from profiler.records.specification import LoadSettings, ModelSettings, RequestClass, RunSpecification, TraceSettings
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, RequestStatus
from profiler.session import rows

_NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
_DISTRIBUTIONS = st.fixed_dictionaries(dict.fromkeys(STATISTICS, st.none() | _NUMBERS)).filter(
    lambda values: any(value is not None for value in values.values())
)
_FIGURES = st.fixed_dictionaries(
    {metric.name: st.none() | (_DISTRIBUTIONS if metric.is_distribution else _NUMBERS) for metric in METRICS}
)
_NAMES = st.sampled_from([*SINGLES, *(f"{latency}.{statistic}" for latency in LATENCIES for statistic in STATISTICS)])
_INTERVALS = st.dictionaries(_NAMES, st.tuples(_NUMBERS, _NUMBERS))

_CLASSES = ("chat", "paste", "")
_INSTANTS = st.one_of(st.just(ABSENT_NS), st.integers(-(2**63) + 1, 2**63 - 1))
_COUNTS = st.integers(0, 2**32 - 1)
_REQUESTS = st.lists(
    st.tuples(
        _COUNTS,
        st.integers(0, len(_CLASSES) - 1),
        st.integers(-(2**31), 2**31 - 1),
        st.integers(0, 2**16 - 1),
        *[_INSTANTS] * 5,
        _COUNTS,
        _COUNTS,
        _COUNTS,
        st.sampled_from(list(RequestStatus)),
    )
)


@given(_REQUESTS)
def test_requests_come_back(values):
    requests = np.array(values, REQUEST_DTYPE)
    stored = list(rows.request_rows(requests, _CLASSES))
    assert np.array_equal(rows.request_array(stored, _CLASSES), requests)


def test_request_row_in_words():
    request = np.array([(7, 1, -1, 3, 10, 11, ABSENT_NS, ABSENT_NS, 40, 16, 4, 0, RequestStatus.TIMED_OUT)], REQUEST_DTYPE)
    assert list(rows.request_rows(request, _CLASSES)) == [(7, "paste", -1, 3, 10, 11, None, None, 40, 16, 4, 0, "timed_out")]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("user", None),
        ("due_ns", "1"),
        ("due_ns", 1.0),
        ("prompt_tokens", -1),
        ("due_ns", 2**63),
        ("status", "lost"),
        ("status", 1),
        ("class", "lost"),
        ("class", 0),
        ("turn", -1),
        ("turn", 2**16),
    ],
)
def test_requests_of_a_foreign_file_are_refused(records, column, value):
    (row,) = rows.request_rows(records.requests(RequestStatus.COMPLETED), ("",))
    values = dict(zip(rows.REQUEST_COLUMNS, row, strict=True)) | {column: value}
    with pytest.raises(ValueError, match=column):
        rows.request_array([tuple(values.values())], ("",))


def test_a_class_without_a_name_is_a_bug_of_whoever_numbered_it(records):
    with pytest.raises(ValueError, match="of class 1, the run has 1"):
        rows.request_rows(records.requests(RequestStatus.COMPLETED, RequestStatus.COMPLETED, classes=2), ("",))


def test_names_of_classes(records):
    assert rows.class_names(records.specification) == ("",)
    assert rows.class_names(records.mix) == ("chat", "paste")
    twice = dataclasses.replace(records.mix, load=dataclasses.replace(records.mix.load, classes=records.mix.load.classes * 2))
    with pytest.raises(ValueError, match="same name"):
        rows.class_names(twice)


@given(st.dictionaries(st.text(min_size=1), _FIGURES, max_size=2))
def test_figures_of_classes_come_back(classes):
    stored = [(name, *row) for name, figures in classes.items() for row in rows.figure_rows(figures, {})]
    known = {name: figures for name, figures in classes.items() if any(value is not None for value in figures.values())}
    found = rows.class_figures(stored)
    assert found == known
    assert list(found) == list(known)


@given(_FIGURES, _INTERVALS)
def test_figures_and_intervals_come_back(figures, intervals):
    stored = list(rows.figure_rows(figures, intervals))
    found, found_intervals = rows.figures_and_intervals(stored)
    assert found_intervals == intervals
    assert found == (figures if stored else None)


def test_names_of_stored_figures(records):
    figures = records.figures(ttft_ms=12.5, output_tok_s=99)
    intervals = {"ttft_ms.p95": (12.0, 13.0), "output_tok_s": (98.0, 100.0)}
    assert set(rows.figure_rows(figures, intervals)) == {
        ("ttft_ms", "p95", 12.5),
        ("ttft_ms", "n", 4),
        ("output_tok_s", "value", 99),
        ("ttft_ms", "p95_ci_low", 12.0),
        ("ttft_ms", "p95_ci_high", 13.0),
        ("output_tok_s", "ci_low", 98.0),
        ("output_tok_s", "ci_high", 100.0),
    }


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_figures_that_are_no_numbers_are_bugs_of_whoever_made_them(records, value):
    with pytest.raises(ValueError, match=r"ttft_ms\.p95"):
        list(rows.figure_rows(records.figures(ttft_ms=value), {}))
    with pytest.raises(ValueError, match="output_tok_s"):
        list(rows.figure_rows({}, {"output_tok_s": (value, 1.0)}))


@pytest.mark.parametrize("value", [math.inf, "12", None, b"12"])
def test_figures_of_a_foreign_file_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        rows.figures_and_intervals([("ttft_ms", "p95", value)])


def test_figures_of_unknown_metrics_are_left_out():
    figures, intervals = rows.figures_and_intervals([("from_the_future", "value", 1.0)])
    assert figures == {metric.name: None for metric in METRICS}
    assert intervals == {}


def test_models_cells_runs_and_events_come_back(records):
    assert rows.model_record(rows.model_row(records.model)) == records.model
    for cell in (records.cell(1), records.cell(2, model_id=None, costs=None, status=CellStatus.FAILED, reason="no")):
        assert rows.cell_record(rows.cell_row(cell)) == cell
    begun = records.run(1, 1)
    ended = dataclasses.replace(
        begun,
        status=RunStatus.DONE,
        anchor=WallClockAnchor(7, "2026-01-01T00:00:00.000+00:00"),
        facts=records.facts,
        flags=("short: x",),
        log_tail=("a", "b"),
        is_valid=False,
    )
    trace = TraceSettings("/a.csv", "ab", "columns", ("t", "p", "o"), 2.0, 10)
    replayed = RequestClass("replay", "trace", prompt_tokens="trace", trace=trace, slo="ttft_ms.p95<=1000")
    model = ModelSettings("/a.gguf", 9, False, "row", (3.0, 1.0), 1)
    mixed = records.run(
        2, 1, specification=RunSpecification(model, records.specification.context, LoadSettings((replayed, RequestClass("chat"))))
    )
    for run in (begun, ended, mixed):
        assert rows.run_record(rows.run_row(run)) == run
    event = SessionEvent("2026-01-01T00:00:00+00:00", "flag", "It was short.", 1, None, {"n": [1, 2]})
    assert rows.event_record(rows.event_row(event)) == event


def test_a_cell_has_its_axes_twice(records):
    row = rows.cell_row(records.cell(4))
    assert row["concurrency"] == 4
    assert '"concurrency": 4' in row["configuration"]


@pytest.mark.parametrize(
    "configuration", ["[]", "{", '{"threads": [1]}', '{"threads": true}', '{"threads": Infinity}', b"{}", None]
)
def test_cells_of_a_foreign_file_are_refused(records, configuration):
    with pytest.raises(ValueError, match=r"."):
        rows.cell_record(rows.cell_row(records.cell(1)) | {"configuration": configuration})


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "sleeping"},
        {"specification": "{}"},
        {"facts": "[]"},
        {"flags": '["a", 1]'},
        {"log_tail": None},
        {"start_monotonic_ns": 1, "start_utc": None},
    ],
)
def test_runs_of_a_foreign_file_are_refused(records, changes):
    with pytest.raises(ValueError, match=r"."):
        rows.run_record(rows.run_row(records.run(1, 1)) | changes)
