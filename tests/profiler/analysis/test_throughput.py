import pytest

from profiler.analysis.throughput import output_tok_s, prompt_tok_s, requests_s, user_tok_s
from profiler.analysis.window import Window
from profiler.records.timing import RequestStatus

MS = 1_000_000
WINDOW = Window(100 * MS, 600 * MS, is_short=False)  # half a second


def test_tokens_stamped_after_the_start_and_up_to_the_end(tokens_of):
    tokens = tokens_of((0, 0, 100), (0, 1, 100.5), (0, 2, 300), (0, 3, 600), (0, 4, 600.5))
    assert output_tok_s(tokens, WINDOW) == 6  # three in half a second


def test_prompt_tokens_of_the_steps_that_end_inside(steps_of):
    steps = steps_of(
        {"start": 0, "end": 100, "prefill_tokens": 512},
        {"start": 90, "end": 120, "prefill_tokens": 64},
        {"start": 590, "end": 600, "prefill_tokens": 16},
        {"start": 600, "end": 601, "prefill_tokens": 512},
    )
    assert prompt_tok_s(steps, WINDOW) == 160


def test_requests_completed_inside_failed_ones_not_counted(requests_of):
    requests = requests_of(
        (0, 0, 50, 100, 2), (0, 0, 50, 200, 2), (300, 300, 400, 600, 2), (0, 0, 50, 500, 1, RequestStatus.FAILED)
    )
    assert requests_s(requests, WINDOW) == 4


def test_user_speed_is_the_sum_of_steps_over_the_sum_of_times(requests_of):
    # 4 steps in 80 ms and 10 in 400 ms: 14 / 0.48 = 29.1667; the mean of 50 and 25 would be 37.5.
    requests = requests_of(
        (100, 100, 120, 200, 5),
        (200, 200, 300, 700, 11),
        (300, 300, 310, 310, 1),
        (0, 0, 10, 20, 101),
        (400, 400, 410, 420, 101, RequestStatus.FAILED),
    )
    assert user_tok_s(requests, WINDOW) == pytest.approx(14 / 0.48)


def test_without_a_window_there_is_no_rate_and_with_an_empty_one_zero(tokens_of, requests_of, steps_of):
    nothing = Window(0, 0, is_short=True)
    assert output_tok_s(tokens_of(), nothing) is None
    assert prompt_tok_s(steps_of(), nothing) is None
    assert requests_s(requests_of(), nothing) is None
    assert user_tok_s(requests_of(), nothing) is None
    assert output_tok_s(tokens_of(), WINDOW) == 0
    assert user_tok_s(requests_of((100, 100, 120, 120, 1)), WINDOW) is None
