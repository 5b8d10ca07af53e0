import numpy as np

from profiler.analysis.timeline import run_timeline
from profiler.analysis.token_delay import TokenReader
from profiler.records.timing import STEP_DTYPE, RunData, Samples
from tests.helpers.timeline_rows import requests_of, tokens_of

MS = 1_000_000


def run(*steps_ms, samples=None):
    """One request of 10 prompt tokens due at 0 and begun at 5 ms, which gets a token with each step: (start, end, prompt
    tokens of others, sequences), in milliseconds.
    """
    steps = np.zeros(len(steps_ms), STEP_DTYPE)
    for number, (start, end, prompt, sequences) in enumerate(steps_ms):
        row = steps[number]
        row["start_ns"], row["end_ns"], row["sequences"] = start * MS, end * MS, sequences
        row["prefill_tokens"] = prompt + (10 if number == 0 else 0)
        row["decode_tokens"] = 0 if number == 0 else sequences
    ends = [end * MS for _, end, _, _ in steps_ms]
    requests = requests_of((0, 5 * MS, ends[0], ends[-1], 10))
    tokens = tokens_of(*((0, number, end) for number, end in enumerate(ends)))
    return run_timeline(RunData(requests, tokens, steps, samples or Samples()))


STEADY = ((5, 20, 0, 1), (20, 30, 0, 2), (30, 40, 0, 2), (40, 50, 0, 2), (50, 60, 0, 2))


def read(timeline, token, slots=4):
    return TokenReader(timeline, slots).read(token)


def test_a_token_tells_its_gap_batch_and_depth():
    reading = read(run(*STEADY), 3)
    assert (reading.number, reading.gap_ns, reading.sequences, reading.depth_tokens) == (4, 10 * MS, 2, 13)
    assert reading.usual_ns == 10 * MS
    assert reading.delay == "nothing"
    assert TokenReader(run(*STEADY), 4, depth=100).read(3).depth_tokens == 113


def test_a_prompt_of_somebody_else():
    reading = read(run(*STEADY, (60, 130, 64, 2)), 5)
    assert reading.delay == "prefill"
    assert "70.0 ms of the gap, 64 prompt tokens" in reading.sentence


def test_a_stall():
    reading = read(run(*STEADY, (100, 110, 0, 2)), 5)
    assert reading.delay == "stall"
    assert "40.0 ms of the gap" in reading.sentence


def test_a_stall_beside_other_programs():
    samples = Samples(np.array([0, 70 * MS]), {"foreign_cpu_percent": np.array([0.0, 42.0])})
    assert "other programs took 42 %" in read(run(*STEADY, (100, 110, 0, 2), samples=samples), 5).sentence


def test_a_full_batch():
    reading = read(run(*STEADY), 3, slots=2)
    assert reading.delay == "full batch"
    assert "all 2 slots" in reading.sentence


def test_a_long_step_and_a_throttled_one():
    assert read(run(*STEADY, (60, 90, 0, 2)), 5).delay == "long step"
    times = np.arange(0, 100 * MS, 10 * MS)
    clock = np.where(times >= 60 * MS, 900.0, 2000.0)
    reading = read(run(*STEADY, (60, 90, 0, 2), samples=Samples(times, {"cpu_frequency_mhz_0": clock})), 5)
    assert reading.delay == "throttle"
    assert "900" in reading.sentence
    quota = Samples(times, {"group_cpu_throttled_ms": np.where(times >= 70 * MS, 25.0, 0.0)})
    assert "quota" in read(run(*STEADY, (60, 90, 0, 2), samples=quota), 5).sentence


def test_the_first_token_tells_of_queue_and_prompt():
    assert read(run(*STEADY), 0).sentence == "Its own prompt took most of the time: 15.0 ms of 20.0 ms."
    assert read(run((5, 20, 90, 1), *STEADY[1:]), 0).delay == "prefill"


def test_without_steps_nothing_is_guessed():
    timeline = run(*STEADY)
    bare = run_timeline(RunData(timeline.data.requests, timeline.data.tokens))
    reading = TokenReader(bare, 4).read(3)
    assert reading.sequences is None
    assert reading.delay == "nothing"
    assert "no steps" in reading.sentence
