import os
import subprocess
import sys
import time

import pytest

from profiler.hardware.sources import watched_process
from profiler.hardware.sources.watched_process import OwnProcesses, WatchedProcess


@pytest.fixture
def child():
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; sum(range(3_000_000)); print(flush=True); time.sleep(60)"], stdout=-1
    )
    process.stdout.readline()  # it has used some time by now
    yield process
    process.kill()
    process.communicate()


def test_descendants_are_ours_and_use_time(child):
    seconds = OwnProcesses(WatchedProcess()).cpu_seconds()
    assert seconds[child.pid] >= 0.01
    assert seconds[os.getpid()] == pytest.approx(time.process_time(), abs=0.5)


def test_a_process_of_somebody_else_is_ours_while_it_is_watched():
    watched = WatchedProcess()
    own = OwnProcesses(watched)
    parent = os.getppid()
    assert parent not in own.cpu_seconds()
    watched.process_id = parent
    assert parent in own.cpu_seconds()
    watched.process_id = None
    assert parent not in own.cpu_seconds()


def test_a_new_descendant_is_found_when_it_is_searched_for_again(monkeypatch, request):
    now_ns = [0]
    monkeypatch.setattr(watched_process.clock, "now_ns", lambda: now_ns[0])
    own = OwnProcesses(WatchedProcess())
    own.cpu_seconds()
    child = request.getfixturevalue("child")
    assert child.pid not in own.cpu_seconds()
    now_ns[0] = watched_process._SEARCH_PERIOD_NS + 1
    assert child.pid in own.cpu_seconds()


def test_one_that_ended_is_left_out(child):
    own = OwnProcesses(WatchedProcess(child.pid))
    assert child.pid in own.cpu_seconds()
    child.kill()
    child.wait()
    assert child.pid not in own.cpu_seconds()


def test_a_process_that_does_not_exist_is_no_fault():
    assert list(OwnProcesses(WatchedProcess(2**30)).cpu_seconds()) != []
