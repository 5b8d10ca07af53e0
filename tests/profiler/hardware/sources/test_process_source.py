import os
import platform
import subprocess
import sys

import psutil
import pytest

from profiler.hardware.sources import process
from profiler.hardware.sources.process import ProcessSource
from profiler.hardware.sources.source import ReadingFailed
from profiler.hardware.sources.watched_process import WatchedProcess

STAT = (
    b"4242 (a (strange) na) me) S 1 4242 4242 0 -1 4194304 9000 17 31 9 250 50 3 4 20 0 7 0 12345 "
    b"222298112 2048 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
needs_linux = pytest.mark.skipif(platform.system() != "Linux", reason="reads /proc")


@needs_linux
def test_fields_are_counted_behind_the_last_bracket():
    account = process.parse_stat(STAT)
    assert account.rss_bytes == 2048 * os.sysconf("SC_PAGE_SIZE")
    assert account.cpu_s == pytest.approx(300 / os.sysconf("SC_CLK_TCK"))
    assert account.major_faults == 31


@pytest.fixture(params=["as on this system", "through psutil"])
def is_linux(request, monkeypatch):
    if request.param == "through psutil":
        monkeypatch.setattr(platform, "system", lambda: "Darwin")
    return platform.system() == "Linux"


def test_reads_a_living_process(is_linux, monkeypatch):
    now_ns = [0]
    monkeypatch.setattr(process.clock, "now_ns", lambda: now_ns[0])
    source = ProcessSource(WatchedProcess(os.getpid()))
    first = source.read()
    assert first["process_rss_bytes"] == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)
    assert "process_cpu_percent" not in first  # nothing to compare with yet
    before_s = sum(psutil.Process().cpu_times()[:2])
    while sum(psutil.Process().cpu_times()[:2]) - before_s < 0.05:
        sum(range(10_000))
    now_ns[0] = 50_000_000  # the work above counts as if it had been done in 50 ms: a full core
    assert source.read()["process_cpu_percent"] == pytest.approx(100, abs=70)
    now_ns[0] = 100_000_000
    assert ("process_major_faults" in first) is is_linux
    assert set(source.read()) == set(source.channels)
    source.close()


def test_no_process_and_an_ended_one_give_nothing(is_linux):
    watched = WatchedProcess()
    source = ProcessSource(watched)
    assert source.read() == {}
    watched.process_id = 2**30
    assert source.read() == {}
    with subprocess.Popen([sys.executable, "-c", "input('ready\\n')"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        watched.process_id = child.pid
        living = source.read()
        child.communicate(b"\n")
    assert living["process_rss_bytes"] > 0
    assert source.read() == {}
    watched.process_id = os.getpid()
    assert source.read()["process_rss_bytes"] > 0
    source.close()


@needs_linux
def test_a_child_that_waits_to_be_reaped_gives_nothing():
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    source = ProcessSource(WatchedProcess(child.pid))
    assert source.read() == {}
    source.close()
    child.wait()


def test_a_refusal_is_told(is_linux, monkeypatch):
    def refuse(*_):
        raise psutil.AccessDenied(1) if not is_linux else PermissionError

    monkeypatch.setattr(*((os, "pread", refuse) if is_linux else (psutil.Process, "cpu_times", refuse)))
    source = ProcessSource(WatchedProcess(os.getpid()))
    with pytest.raises(ReadingFailed, match=f"does not let us read process {os.getpid()}"):
        source.read()
    source.close()
