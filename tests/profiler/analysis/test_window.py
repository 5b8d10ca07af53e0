import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.analysis import throughput
from profiler.analysis.window import Window, measurement_window
from profiler.records.specification import RequestClass
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, TOKEN_DTYPE, RequestStatus, RunData

MS = 1_000_000


def test_one_user_from_its_first_to_its_last_end(closed_loop, context_of):
    # Prefill of 64: 74 ms, then 31 decodes of 11 ms = 341: a request takes 415 ms, the ends are 415, 830, 1245, 1660.
    data = closed_loop([0], per_user=4)
    window = measurement_window(data, context_of(users=1))
    assert window == Window(415 * MS, 1660 * MS, is_short=False)
    assert np.count_nonzero(window.stamped(data.tokens["time_ns"])) == 3 * 32
    assert np.count_nonzero(window.due(data.requests["due_ns"])) == 3


def test_eight_users_and_four_waves_in_lockstep_span_whole_cycles(closed_loop, context_of):
    # All prompts fit one step: 10 + 512 = 522 ms; 31 decodes of 18 ms = 558 ms; a cycle takes 1080 ms, and there are four.
    data = closed_loop([0] * 8, per_user=4)
    window = measurement_window(data, context_of(users=8))
    assert window == Window(1080 * MS, 4320 * MS, is_short=False)
    assert window.seconds == 3.24
    # Three cycles: 3 × 8 × 32 tokens, 3 × 8 × 64 prompt tokens, 3 × 8 requests; the same rate as one whole cycle alone.
    assert throughput.output_tok_s(data.tokens, window) == pytest.approx(768 / 3.24)
    assert throughput.output_tok_s(data.tokens, window) == pytest.approx(8 * 32 / 1.080)
    assert throughput.prompt_tok_s(data.steps, window) == pytest.approx(1536 / 3.24)
    assert throughput.requests_s(data.requests, window) == pytest.approx(24 / 3.24)
    assert np.count_nonzero(window.due(data.requests["due_ns"])) == 24


def test_two_waves_in_lockstep_are_just_enough(closed_loop, context_of):
    data = closed_loop([0] * 8, per_user=2)
    assert measurement_window(data, context_of(users=8)) == Window(1080 * MS, 2160 * MS, is_short=False)


def ends_of(data, user):
    """When that user's requests ended, rising."""
    return np.sort(data.requests["end_ns"][data.requests["user"] == user]).tolist()


def assert_spans_cycles_of_a_full_load(window, data, users):
    """It opens at the last of the first ends and closes at the opener's last end before some user's last one."""
    ends = [ends_of(data, user) for user in range(users)]
    opener = max(ends, key=lambda of_user: of_user[0])
    full_until_ns = min(of_user[-1] for of_user in ends)
    assert not window.is_short
    assert (window.start_ns, window.end_ns) == (opener[0], max(end for end in opener if end <= full_until_ns))


@pytest.mark.parametrize("prefill_chunk", [512, 64, 24])
@pytest.mark.parametrize(
    ("starts_ms", "tolerance"),
    [
        ([0, 130, 260, 390, 520, 650, 780, 910], 0.01),
        ([0, 50, 70, 100, 600, 610, 650, 1000], 0.01),
        ([0] * 8, 0.05),  # half the prompts wait for the next step, and the first rounds are unlike the later ones
    ],
)
def test_whole_cycles_give_the_speed_of_a_long_run_in_step_or_not(closed_loop, context_of, starts_ms, tolerance, prefill_chunk):
    speeds = []
    for per_user in (5, 60):
        data = closed_loop(starts_ms, per_user=per_user, prefill_chunk=prefill_chunk, batch=256)
        window = measurement_window(data, context_of(users=8))
        assert_spans_cycles_of_a_full_load(window, data, 8)
        speeds.append((throughput.output_tok_s(data.tokens, window), throughput.prompt_tok_s(data.steps, window)))
    assert speeds[0] == pytest.approx(speeds[1], rel=tolerance)


def test_a_counter_shared_by_all_users_closes_before_the_first_gets_nothing(closed_loop, context_of):
    data = closed_loop([0, 100, 200], requests=17)
    window = measurement_window(data, context_of(users=3))
    assert_spans_cycles_of_a_full_load(window, data, 3)


def test_a_duration_closes_before_the_first_end_that_is_not_followed(closed_loop, context_of):
    data = closed_loop([0, 100, 200], duration_s=3.0, think_s=0.05)
    window = measurement_window(data, context_of(users=3, think_time_s=0.05))
    assert_spans_cycles_of_a_full_load(window, data, 3)
    assert window.end_ns > 2_500 * MS


def test_too_few_requests_take_the_whole_run_and_say_so(closed_loop, context_of):
    data = closed_loop([0, 250, 500, 750], per_user=1)
    window = measurement_window(data, context_of(users=4))
    assert window == Window(0, int(data.tokens["time_ns"].max()), is_short=True)


def test_a_stretch_shorter_than_a_cycle_is_no_window(closed_loop, context_of):
    # Between the last first end and the first last end there is time, but not for a whole request.
    data = closed_loop([0, 200], per_user=2)
    ends = [ends_of(data, user) for user in range(2)]
    assert max(of_user[0] for of_user in ends) < min(of_user[-1] for of_user in ends)
    window = measurement_window(data, context_of(users=2))
    assert window == Window(0, int(data.tokens["time_ns"].max()), is_short=True)


def test_a_user_that_never_sends_makes_it_short(closed_loop, context_of):
    data = closed_loop([0, 0], per_user=4)
    assert measurement_window(data, context_of(users=3)).is_short


def test_offline_is_the_whole_run(offline, context_of):
    # Four slots, six requests; the last token is the run's end.
    data = offline(6, 4)
    window = measurement_window(data, context_of(arrival="offline", users=0))
    assert window == Window(0, int(data.tokens["time_ns"].max()), is_short=False)
    assert np.count_nonzero(window.stamped(data.tokens["time_ns"])) == 6 * 32
    assert np.count_nonzero(window.due(data.requests["due_ns"])) == 6


def test_an_unfinished_request_keeps_the_load_whole(requests_of, tokens_of, context_of):
    # User 0 opens at 100; user 1 is still being served when user 0 ends its last request.
    completed, failed, unfinished = RequestStatus.COMPLETED, RequestStatus.FAILED, RequestStatus.UNFINISHED
    requests = requests_of(
        (0, 0, 10, 100, 2, completed, 0),
        (100, 100, 110, 200, 2, completed, 0),
        (200, 200, 210, 300, 2, completed, 0),
        (0, 0, 10, 90, 2, completed, 1),
        (90, 90, 100, 190, 2, completed, 1),
        (190, 190, 200, None, 2, unfinished, 1),
    )
    data = RunData(requests, tokens_of((2, 9, 310)))
    assert measurement_window(data, context_of(users=2)) == Window(100 * MS, 300 * MS, is_short=False)
    requests["status"][2] = failed  # an end that is no completion closes no cycle
    assert measurement_window(data, context_of(users=2)) == Window(100 * MS, 200 * MS, is_short=False)


def test_a_request_that_failed_at_once_does_not_open_the_window(requests_of, tokens_of, context_of):
    requests = requests_of((0, None, None, 1, 0, RequestStatus.FAILED), (1, 1, 50, 101, 2), (101, 101, 150, 201, 2))
    data = RunData(requests, tokens_of((2, 9, 201)))
    assert measurement_window(data, context_of(users=1)) == Window(101 * MS, 201 * MS, is_short=False)


def test_an_empty_run_has_an_empty_window(context_of):
    assert measurement_window(RunData(), context_of()) == Window(0, 0, is_short=True)
    assert measurement_window(RunData(), context_of(arrival="offline", users=0)) == Window(0, 0, is_short=True)


def test_a_run_in_which_all_fails_still_counts_every_request(requests_of, context_of):
    refused = RequestStatus.REFUSED
    data = RunData(requests_of((0, None, None, 1, 0, refused), (5, None, None, None, 0, refused)))
    window = measurement_window(data, context_of(users=1))
    assert window.is_short
    assert window.due(data.requests["due_ns"]).all()


def even(requests_of, count, stay=50):
    """A request every 100 ms from 1 s on, each gone before the next comes unless it stays longer."""
    return requests_of(*((1000 + 100 * i, 1000 + 100 * i, 1000 + 100 * i + stay, 1000 + 100 * i + stay, 1) for i in range(count)))


def test_an_open_loop_lasts_to_the_last_due_time_inclusive(requests_of, tokens_of, context_of):
    data = RunData(even(requests_of, 30), tokens_of((29, 9, 5000)))
    window = measurement_window(data, context_of(arrival="constant", users=0))
    assert window == Window(1000 * MS, 3900 * MS + 1, is_short=False)
    assert window.due(data.requests["due_ns"]).all()


def test_the_warm_up_of_a_steady_open_loop_is_cut_off(requests_of, context_of):
    # Requests of 2 s at ten a second: the count rises for 2 s of 19.9 s, four of forty batches.
    data = RunData(even(requests_of, 200, stay=2000))
    window = measurement_window(data, context_of(arrival="poisson", users=0))
    assert not window.is_short
    assert window.is_stationary
    assert window.warmup_ns in [19_900 * MS * batches // 40 for batches in (4, 5)]
    assert window.start_ns == 1000 * MS + window.warmup_ns
    assert window.end_ns == 20_900 * MS + 1


@pytest.mark.parametrize("arrival", ["burst", "spike", "ramp", "trace"])
def test_a_load_that_changes_by_design_has_no_warm_up(requests_of, context_of, arrival):
    data = RunData(even(requests_of, 200, stay=2000))
    assert measurement_window(data, context_of(arrival=arrival, users=0)) == Window(1000 * MS, 20_900 * MS + 1, is_short=False)


def test_a_steady_open_loop_that_never_settles_is_kept_whole_and_says_so(requests_of, context_of):
    requests = requests_of(*((100 * i, None, None, None, 0, RequestStatus.UNFINISHED) for i in range(100)))
    window = measurement_window(RunData(requests), context_of(arrival="poisson", users=0))
    assert window == Window(0, 9_900 * MS + 1, is_short=False, warmup_ns=0, is_stationary=False)


@pytest.mark.parametrize("arrival", ["poisson", "spike"])
def test_an_open_loop_of_few_requests_is_the_whole_run(requests_of, tokens_of, context_of, arrival):
    data = RunData(even(requests_of, 19), tokens_of((18, 9, 5000)))
    assert measurement_window(data, context_of(arrival=arrival, users=0)) == Window(1000 * MS, 5000 * MS, is_short=True)
    at_once = RunData(requests_of(*((0, 0, 10, 500, 2) for _ in range(30))), tokens_of((0, 9, 500)))
    assert measurement_window(at_once, context_of(arrival=arrival, users=0)) == Window(0, 500 * MS, is_short=True)


def test_a_closed_class_beside_an_open_one_gives_the_window(closed_loop, context_of, requests_of):
    data = closed_loop([0, 130], per_user=5)
    alone = measurement_window(data, context_of(users=2))
    pasted = requests_of(*((at, at, at + 100, at + 200, 2, RequestStatus.COMPLETED, -1) for at in range(0, 4000, 100)))
    pasted["class"] = 1
    mixed = RunData(np.concatenate((data.requests, pasted)), data.tokens, data.steps)
    classes = (RequestClass("chat", users=2), RequestClass("paste", arrival="constant"))
    assert measurement_window(mixed, context_of(classes=classes)) == alone
    assert not alone.is_short


def test_an_offline_class_beside_an_open_one_takes_the_whole_run(offline, context_of):
    data = offline(6, 4)
    classes = (RequestClass("pile", arrival="offline"), RequestClass("visitors", arrival="poisson"))
    window = measurement_window(data, context_of(classes=classes))
    assert window == Window(0, int(data.tokens["time_ns"].max()), is_short=False)


def test_conversations_are_counted_whole(closed_loop, context_of):
    # One user, three conversations of three turns, 415 ms each: from its first end to the first end of its third conversation.
    data = closed_loop([0], per_user=9, turns=3)
    context = context_of(users=1, turns=3)
    assert measurement_window(data, context) == Window(415 * MS, 7 * 415 * MS, is_short=False)
    assert measurement_window(closed_loop([0], per_user=3, turns=3), context).is_short


@st.composite
def runs(draw):
    """Request rows of any shape: users with chains of requests, some failed, some never ended."""
    rows = []
    users = draw(st.integers(1, 4))
    for user in range(users):
        now = draw(st.integers(0, 1000))
        for _ in range(draw(st.integers(0, 5))):
            due, first = now, now + draw(st.integers(1, 500))
            end = first + draw(st.integers(0, 500))
            status = draw(st.sampled_from(list(RequestStatus)))
            ended = status != RequestStatus.UNFINISHED
            rows.append((len(rows), 0, user, 1, due, due, due, first, end if ended else ABSENT_NS, 8, 0, 2, status))
            now = end + draw(st.integers(0, 50))
    requests = np.array(rows, REQUEST_DTYPE)
    last = [row[7] for row in rows] + [row[8] for row in rows if row[8] != ABSENT_NS]
    tokens = np.array([(0, 0, time, -1) for time in last], TOKEN_DTYPE)
    return users, RunData(requests, tokens)


@given(runs())
def test_the_window_lies_within_the_run(context_of, case):
    users, data = case
    contexts = [context_of(arrival=arrival, users=0) for arrival in ("offline", "poisson", "spike")]
    for context in (context_of(users=users), *contexts):
        window = measurement_window(data, context)
        assert window.start_ns <= window.end_ns
        if len(data.requests):
            assert window.start_ns >= data.requests["due_ns"].min()
            assert window.end_ns <= data.tokens["time_ns"].max()
