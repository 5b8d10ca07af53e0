import numpy as np

from profiler.analysis.latency import (
    generator_lateness_ms,
    latency_from,
    pooled,
    request_latencies_ms,
    token_gaps,
    window_latencies,
)
from profiler.analysis.window import Window
from profiler.records.metric import LATENCIES
from profiler.records.timing import ABSENT_NS, RequestStatus, RunData

MS = 1_000_000
WINDOW = Window(0, 10_000 * MS, is_short=True)


def test_each_latency_of_one_request(requests_of):
    # Due at 100, prefill from 130, first token at 180, fifth and last at 300: TPOT (300 - 180) / 4.
    latencies = request_latencies_ms(requests_of((100, 130, 180, 300, 5)))
    assert {name: values.tolist() for name, values in latencies.items()} == {
        "ttft_ms": [80],
        "queue_ms": [30],
        "prefill_ms": [50],
        "e2e_ms": [200],
        "tpot_ms": [30],
    }


def test_latencies_count_from_due_not_from_sent(requests_of):
    latencies = request_latencies_ms(requests_of((100, 130, 180, 300, 5, RequestStatus.COMPLETED, 0, 125)))
    assert latencies["ttft_ms"].tolist() == [80]
    assert latencies["e2e_ms"].tolist() == [200]


def test_three_views_of_one_request(requests_of):
    # Due at 100, sent at 125, its turn at 130, first token at 180, last at 300.
    row = requests_of((100, 130, 180, 300, 5, RequestStatus.COMPLETED, 0, 125))
    views = {since: latency_from(row, since) for since in ("due", "sent", "turn")}
    assert {since: view["ttft_ms"].tolist() for since, view in views.items()} == {"due": [80], "sent": [55], "turn": [50]}
    assert {since: view["e2e_ms"].tolist() for since, view in views.items()} == {"due": [200], "sent": [175], "turn": [170]}


def test_the_view_from_due_is_the_definition_and_what_was_not_reached_is_nan(requests_of):
    requests = requests_of(
        (0, 0, 10, 30, 3),
        (0, 0, 10, 25, 2, RequestStatus.TIMED_OUT),
        (0, None, None, 1, 0, RequestStatus.REFUSED),
        (0, 0, 20, None, 2, RequestStatus.UNFINISHED),
    )
    defined = request_latencies_ms(requests)
    for name, values in latency_from(requests, "due").items():
        np.testing.assert_array_equal(values, defined[name])
    requests["sent_ns"][0] = ABSENT_NS
    assert np.isnan(latency_from(requests, "sent")["ttft_ms"]).tolist() == [True, False, True, False]
    assert np.isnan(latency_from(requests, "turn")["e2e_ms"]).tolist() == [False, True, True, True]


def test_one_token_has_no_time_per_output_token(requests_of, tokens_of):
    data = RunData(requests_of((0, 0, 50, 50, 1)), tokens_of((0, 0, 50)))
    latencies = window_latencies(data, WINDOW)
    assert len(latencies["tpot_ms"].values_ms) == 0
    assert latencies["tpot_ms"].missing == 0
    assert latencies["e2e_ms"].values_ms.tolist() == [50]


def test_gaps_are_within_a_request_and_rows_may_come_mixed(tokens_of):
    # Request 0 at 10, 30, 60; request 1 at 20, 30: gaps 20, 30 and 10.
    gaps = token_gaps(tokens_of((0, 0, 10), (1, 1, 20), (0, 2, 30), (1, 2, 30), (0, 3, 60)))
    assert gaps.request.tolist() == [0, 0, 1]
    assert gaps.gap_ms.tolist() == [20, 30, 10]
    assert gaps.step.tolist() == [2, 3, 2]


def test_gaps_count_once_a_step_when_asking_for_independent_values(requests_of, tokens_of):
    data = RunData(
        requests_of((0, 0, 10, 30, 3), (0, 0, 10, 30, 3)),
        tokens_of((0, 0, 10), (1, 0, 10), (0, 1, 20), (1, 1, 20), (0, 2, 30), (1, 2, 30)),
    )
    gaps = window_latencies(data, WINDOW)["itl_ms"]
    assert gaps.values_ms.tolist() == [10, 10, 10, 10]
    assert gaps.independent == 2


def test_a_request_due_inside_counts_to_its_end_beyond_and_others_do_not(requests_of, tokens_of):
    data = RunData(
        requests_of((0, 0, 10, 300, 2), (100, 100, 110, 900, 2), (200, 200, 210, 220, 2)),
        tokens_of((0, 0, 10), (0, 5, 300), (1, 1, 110), (1, 9, 900), (2, 2, 210), (2, 3, 220)),
    )
    latencies = window_latencies(data, Window(50 * MS, 200 * MS, is_short=False))
    assert latencies["e2e_ms"].values_ms.tolist() == [800]
    assert latencies["itl_ms"].values_ms.tolist() == [790]


def test_what_was_not_reached_is_missing_not_dropped(requests_of, tokens_of):
    data = RunData(
        requests_of(
            (0, 0, 10, 30, 3),
            (0, 0, 10, 25, 2, RequestStatus.TIMED_OUT),
            (0, 5, None, 40, 0, RequestStatus.FAILED),
            (0, None, None, 1, 0, RequestStatus.REFUSED),
            (0, 0, 20, None, 2, RequestStatus.UNFINISHED),
        ),
        tokens_of((0, 0, 10), (0, 1, 20), (0, 2, 30), (1, 0, 10), (1, 1, 20), (4, 1, 20)),
    )
    latencies = window_latencies(data, WINDOW)
    assert {name: (sorted(values.values_ms.tolist()), values.missing) for name, values in latencies.items()} == {
        "ttft_ms": ([10, 10, 20], 2),
        "queue_ms": ([0, 0, 0, 5], 1),
        "prefill_ms": ([10, 10, 20], 2),
        "tpot_ms": ([10], 4),
        "e2e_ms": ([30], 4),
        "itl_ms": ([10, 10, 10], 0),
    }


def test_nothing_measured_is_empty_for_every_latency():
    latencies = window_latencies(RunData(), Window(0, 0, is_short=True))
    assert set(latencies) == set(LATENCIES)
    assert all(len(values.values_ms) == values.missing == values.independent == 0 for values in latencies.values())


def test_lateness_leaves_out_the_step_that_was_running(requests_of, steps_of):
    completed = RequestStatus.COMPLETED
    requests = requests_of(
        (100, 100, 150, 160, 2, completed, 0, 103),  # due as a step ends: 3 ms late
        (140, 200, 250, 260, 2, completed, 0, 200),  # due amid a step, sent as it ends
        (140, 200, 250, 260, 2, completed, 0, 207),  # … and 7 ms after
        (500, 520, 550, 560, 2, completed, 0, 520),  # due while nothing ran: 20 ms late
    )
    steps = steps_of({"start": 0, "end": 100}, {"start": 100, "end": 200}, {"start": 200, "end": 300})
    assert generator_lateness_ms(requests, steps).tolist() == [3, 0, 7, 20]
    assert generator_lateness_ms(requests, steps_of()).tolist() == [3, 60, 67, 20]
    requests["sent_ns"][0] = ABSENT_NS
    assert len(generator_lateness_ms(requests, steps)) == 3


def test_pooling_takes_all_raw_values_together(requests_of):
    parts = [window_latencies(RunData(requests_of((0, 0, first, first, 1))), WINDOW)["ttft_ms"] for first in (10, 20)]
    whole = pooled(parts)
    assert np.sort(whole.values_ms).tolist() == [10, 20]
    assert (whole.missing, whole.independent) == (0, 2)
    assert pooled([]).independent == 0
