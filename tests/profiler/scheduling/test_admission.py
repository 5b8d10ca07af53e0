from dataclasses import replace

import pytest

from profiler.records.specification import LoadSettings, RequestClass
from profiler.scheduling.admission import Continuous, Sequential, Static, admission_of

LOAD = LoadSettings((RequestClass(),), static_batch_size=4, static_wait_s=0.05)


def test_continuous_fills_the_free_slots():
    policy = Continuous()
    assert policy.room(now_ns=0, waiting=5, first_due_ns=0, taken=1, free=3) == 3
    assert policy.room(now_ns=0, waiting=2, first_due_ns=0, taken=1, free=3) == 2
    assert policy.wake_ns(waiting=5, first_due_ns=0, taken=4) is None


def test_sequential_admits_one_into_an_empty_system():
    policy = Sequential()
    assert policy.room(now_ns=0, waiting=5, first_due_ns=0, taken=0, free=4) == 1
    assert policy.room(now_ns=0, waiting=5, first_due_ns=0, taken=1, free=3) == 0
    assert policy.wake_ns(waiting=5, first_due_ns=0, taken=0) is None


def test_a_static_batch_begins_when_it_is_full():
    policy = Static(3, 100)
    assert policy.room(now_ns=10, waiting=2, first_due_ns=10, taken=0, free=8) == 0
    assert policy.room(now_ns=10, waiting=3, first_due_ns=10, taken=0, free=8) == 3
    assert policy.room(now_ns=10, waiting=9, first_due_ns=10, taken=0, free=8) == 3


def test_a_static_batch_begins_when_its_first_member_has_waited_long_enough():
    policy = Static(3, 100)
    assert policy.wake_ns(waiting=2, first_due_ns=10, taken=0) == 110
    assert policy.room(now_ns=109, waiting=2, first_due_ns=10, taken=0, free=8) == 0
    assert policy.room(now_ns=110, waiting=2, first_due_ns=10, taken=0, free=8) == 2


def test_nobody_joins_a_static_batch():
    policy = Static(3, 100)
    assert policy.room(now_ns=1_000, waiting=9, first_due_ns=10, taken=1, free=7) == 0
    assert policy.wake_ns(waiting=9, first_due_ns=10, taken=1) is None


def test_a_static_batch_larger_than_the_slots_is_full_when_they_are():
    assert Static(8, 10**12).room(now_ns=0, waiting=4, first_due_ns=0, taken=0, free=4) == 4


@pytest.mark.parametrize(("size", "wait_ns"), [(0, 5), (2, -1)])
def test_a_static_batch_without_members_or_with_a_negative_wait_is_refused(size, wait_ns):
    with pytest.raises(ValueError, match="static batch"):
        Static(size, wait_ns)


def test_only_static_reads_its_prompts_first():
    assert [policy.reads_prompts_first for policy in (Continuous(), Sequential(), Static(2, 0))] == [False, False, True]


def test_a_load_names_its_policy():
    assert admission_of(LOAD, 8) == Continuous()
    assert admission_of(replace(LOAD, batching="sequential"), 8) == Sequential()
    assert admission_of(replace(LOAD, batching="static"), 8) == Static(4, 50_000_000)
    assert admission_of(replace(LOAD, batching="static"), 2) == Static(2, 50_000_000), "bounded by the slots"
