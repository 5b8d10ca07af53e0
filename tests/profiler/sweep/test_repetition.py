"""What a repetition makes of a suspended machine and of an engine that says too little."""

import pytest

from profiler.clock import slept_ns
from profiler.records.message import GarbledStreamError, Message, MessageKind
from profiler.sweep.repetition import _asleep, _facts


def test_a_suspension_is_a_flag_with_its_length():
    assert _asleep(400_000_000) == ()
    assert _asleep(3_600_000_000_000) == ("stood still: The machine was suspended for 3600 s during the run.",)


def test_the_clock_that_counts_sleep_goes_no_further_while_nobody_sleeps():
    first = slept_ns()
    assert abs(slept_ns() - first) < 500_000_000, "nobody suspended this machine just now"


@pytest.mark.parametrize("payload", [b"{}", b"[]", b"\xff", b'{"load_s": 1}'])
def test_a_start_without_facts_is_rubbish(payload):
    with pytest.raises(GarbledStreamError):
        _facts(Message(MessageKind.STARTED, payload))
