import numpy as np
import pytest

from profiler.analysis.slo import attainment, good_requests, goodput_s, is_met
from profiler.analysis.window import Window
from profiler.plan.slo import parse_slo
from profiler.records.timing import RequestStatus, RunData

MS = 1_000_000
WINDOW = Window(0, 2_000 * MS, is_short=False)


@pytest.fixture
def data(requests_of, tokens_of):
    """Three answers with TTFT 50, 100 and 150 ms and TPOT 10, 60 and 10 ms, one of a single token, and one that timed out."""
    requests = requests_of(
        (0, 0, 50, 70, 3),
        (100, 100, 200, 320, 3),
        (200, 200, 350, 370, 3),
        (300, 300, 340, 340, 1),
        (400, 400, 410, 420, 2, RequestStatus.TIMED_OUT),
    )
    tokens = tokens_of(
        *((0, 0, 50), (0, 1, 60), (0, 2, 70)),
        *((1, 3, 200), (1, 4, 210), (1, 5, 320)),
        *((2, 6, 350), (2, 7, 360), (2, 8, 370)),
        *((3, 9, 340), (4, 10, 410), (4, 11, 420)),
    )
    return RunData(requests, tokens)


@pytest.mark.parametrize(
    ("limits", "good"),
    [
        ("ttft_ms.p95<=100", [True, True, False, True, False]),
        ("ttft_ms.p95<=100,tpot_ms.p95<=20", [True, False, False, True, False]),
        ("e2e_ms.p95<=170", [True, False, True, True, False]),
        ("itl_ms.p50<=100", [True, False, True, True, False]),  # one stall of 110 ms spoils the second
    ],
)
def test_good_requests_keep_each_of_their_own_values(data, limits, good):
    assert good_requests(data.requests, data.tokens, parse_slo(limits)).tolist() == good


def test_attainment_is_of_all_requests_due_and_goodput_of_the_window(data):
    slo = parse_slo("ttft_ms.p95<=100")
    assert attainment(data, WINDOW, slo) == pytest.approx(3 / 5)
    assert goodput_s(data, WINDOW, slo) == pytest.approx(3 / 2.0)
    # Only those due inside: the first is not.
    assert attainment(data, Window(50 * MS, 2_050 * MS, is_short=False), slo) == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("limits", "met"),
    [
        ("ttft_ms.p50<=100", True),  # ranks 40, 50, 100, 150, never: the third of five
        ("ttft_ms.p50<=99.9", False),
        ("ttft_ms.p90<=10000", False),  # the fifth is the one that timed out
        ("e2e_ms.p50<=170", True),  # 40, 70, 170, 220, never
        ("tpot_ms.p50<=10", True),  # 10, 10, 60, never: the second of four; one token has none
        ("ttft_ms.p50<=100,tpot_ms.p50<=9", False),
        ("itl_ms.p50<=10", True),  # gaps 10 10 10 10 10 110, and two for the miss: the fourth of eight
        ("itl_ms.p90<=1000", False),
    ],
)
def test_met_counts_every_failure_as_a_miss(data, limits, met):
    assert is_met(data, WINDOW, parse_slo(limits)) is met


def test_without_limits_or_requests_nothing_is_said(data):
    assert goodput_s(data, WINDOW, ()) is None
    assert attainment(data, WINDOW, ()) is None
    assert is_met(data, WINDOW, ()) is None
    slo = parse_slo("ttft_ms.p95<=100")
    assert attainment(RunData(), WINDOW, slo) is None
    assert is_met(RunData(), WINDOW, slo) is None
    assert goodput_s(RunData(), WINDOW, slo) == 0
    assert goodput_s(RunData(), Window(0, 0, is_short=True), slo) is None


def test_answers_of_one_token_keep_any_limit_on_gaps(requests_of, tokens_of):
    data = RunData(requests_of((0, 0, 50, 50, 1)), tokens_of((0, 0, 50)))
    slo = parse_slo("itl_ms.p95<=1,tpot_ms.p95<=1")
    assert is_met(data, WINDOW, slo)
    assert attainment(data, WINDOW, slo) == 1


def test_all_failed_is_not_met(requests_of):
    data = RunData(requests_of((0, None, None, None, 0, RequestStatus.UNFINISHED)))
    for limits in ("ttft_ms.p50<=1000", "itl_ms.p50<=1000"):
        assert is_met(data, WINDOW, parse_slo(limits)) is False
        assert attainment(data, WINDOW, parse_slo(limits)) == 0


def test_requests_of_another_run_order_align_with_their_rows(data):
    slo = parse_slo("ttft_ms.p95<=100,itl_ms.p95<=100")
    order = np.array([2, 0, 4, 1, 3])
    good = good_requests(data.requests, data.tokens, slo)
    assert good_requests(data.requests[order], data.tokens, slo).tolist() == good[order].tolist()


def test_a_refused_request_misses_with_as_many_gaps_as_an_answer_has(requests_of, tokens_of):
    # Ten gaps of 10 ms, and ten that never came: of twenty, the median is there and p90 is not.
    requests = requests_of((0, 0, 10, 110, 11), (0, None, None, None, 0, RequestStatus.REFUSED))
    data = RunData(requests, tokens_of(*((0, step, 10 + 10 * step) for step in range(11))))
    assert is_met(data, WINDOW, parse_slo("itl_ms.p50<=10"))
    assert not is_met(data, WINDOW, parse_slo("itl_ms.p90<=10"))


@pytest.fixture
def mixed(data):
    """The requests of `data`, the second and the third of class 1."""
    requests = data.requests.copy()
    requests["class"][1:3] = 1
    return RunData(requests, data.tokens)


def test_a_class_is_held_to_its_own_limits(mixed):
    # Plan: 60 ms for the first, the fourth and the one that timed out; class 1 has 120 ms: of 100 and 150 one.
    plan, own = parse_slo("ttft_ms.p50<=60"), {1: parse_slo("ttft_ms.p50<=120")}
    assert attainment(mixed, WINDOW, plan, own) == pytest.approx(3 / 5)
    assert attainment(mixed, WINDOW, plan) == pytest.approx(2 / 5)
    assert goodput_s(mixed, WINDOW, plan, own) == pytest.approx(3 / 2.0)
    assert is_met(mixed, WINDOW, plan, own)  # 40, 50, never against 60; 100, 150 against 120
    assert is_met(mixed, WINDOW, plan) is False  # the median of all is 100
    assert is_met(mixed, WINDOW, plan, {1: parse_slo("ttft_ms.p50<=99")}) is False


def test_a_class_with_limits_suffices_and_the_others_need_only_complete(mixed):
    own = {1: parse_slo("ttft_ms.p50<=120")}
    assert attainment(mixed, WINDOW, (), own) == pytest.approx(3 / 5)
    assert is_met(mixed, WINDOW, (), own)
    assert attainment(mixed, WINDOW, (), {}) is None
    assert is_met(mixed, WINDOW, (), {7: parse_slo("ttft_ms.p50<=1")})  # no request of that class was due


@pytest.mark.parametrize(
    ("limits", "met"),
    [("ttft_ms.p50<=1000", False), ("e2e_ms.p50<=1000", False), ("queue_ms.p50<=1000", False), ("tpot_ms.p50<=10", True)],
)
def test_an_unstable_run_meets_no_limit_that_counts_from_due(data, limits, met):
    assert is_met(data, WINDOW, parse_slo(limits))
    assert is_met(data, WINDOW, parse_slo(limits), is_unstable=True) is met
