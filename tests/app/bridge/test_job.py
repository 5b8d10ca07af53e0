import threading

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, QThread
from pytestqt.qtbot import QtBot

from app.bridge.job import Job, JobLine
from profiler.errors import BadFile, Interrupted


class Owner(QObject):
    """Collects what a job says and on which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[object] = []
        self.threads: set[QThread] = set()

    def hear(self, *values: object) -> None:
        self.heard.append(values[0] if len(values) == 1 else values)
        self.threads.add(QThread.currentThread())


def job_of(owner: Owner, work: object) -> Job:
    job = Job(work, owner)  # type: ignore[arg-type]
    job.progressed.connect(owner.hear)
    job.item_found.connect(owner.hear)
    job.succeeded.connect(owner.hear)
    job.failed.connect(owner.hear)
    return job


def test_everything_arrives_in_order_on_the_main_thread(qtbot: QtBot) -> None:
    owner = Owner()
    worked_on: list[int] = []

    def work(line: JobLine) -> str:
        worked_on.append(threading.get_ident())
        line.progress("hashing", 0.5)
        line.item("a.gguf")
        return "done"

    job = job_of(owner, work)
    assert not job.is_running
    with qtbot.waitSignal(job.ended):
        job.start()
        assert job.is_running
    assert owner.heard == [("hashing", 0.5), "a.gguf", "done"]
    assert owner.threads == {QThread.currentThread()}
    assert worked_on != [threading.get_ident()]
    assert not job.is_running


def test_a_thousand_words_arrive_in_order(qtbot: QtBot) -> None:
    owner = Owner()

    def work(line: JobLine) -> None:
        for number in range(1000):
            line.item(number)

    job = job_of(owner, work)
    with qtbot.waitSignal(job.ended):
        job.start()
    assert owner.heard == [*range(1000), None]


def test_a_failure_is_a_sentence(qtbot: QtBot) -> None:
    owner = Owner()

    def work(line: JobLine) -> None:
        raise BadFile("a.gguf is truncated; download it again.")

    job = job_of(owner, work)
    with qtbot.waitSignal(job.ended), qtbot.assertNotEmitted(job.succeeded):
        job.start()
    assert owner.heard == ["a.gguf is truncated; download it again."]


def test_a_cancelled_job_ends_without_a_word(qtbot: QtBot) -> None:
    owner = Owner()

    def work(line: JobLine) -> None:
        line.cancel.wait(5)
        raise Interrupted("cancelled")

    job = job_of(owner, work)
    job.start()
    with qtbot.waitSignal(job.ended):
        job.cancel()
    assert owner.heard == []


def test_a_mistake_of_ours_reaches_the_excepthook(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Owner()
    hooked: list[type[BaseException]] = []
    monkeypatch.setattr("sys.excepthook", lambda kind, error, trace: hooked.append(kind))

    def work(line: JobLine) -> None:
        raise ZeroDivisionError

    job = job_of(owner, work)
    with qtbot.waitSignal(job.ended):
        job.start()
    assert hooked == [ZeroDivisionError]
    assert len(owner.heard) == 1


@pytest.mark.parametrize("speaks_before", [True, False])
def test_a_page_destroyed_while_its_jobs_thread_talks_takes_nothing_down(qtbot: QtBot, speaks_before: bool) -> None:
    ended: list[bool] = []
    threads: list[threading.Thread] = []
    for _ in range(30):
        owner = Owner()
        started, gone = threading.Event(), threading.Event()

        def work(line: JobLine, started: threading.Event = started, gone: threading.Event = gone) -> None:
            while speaks_before and not line.cancel.is_set():
                line.progress("looking")
                started.set()
            started.set()
            gone.wait(5)
            line.item("after the end")
            ended.append(line.cancel.is_set())

        job = job_of(owner, work)
        job.start()
        threads.append(job._thread)
        assert started.wait(5)
        shiboken6.delete(owner)
        del job, owner
        gone.set()
    for thread in threads:
        thread.join(5)
    QCoreApplication.processEvents()
    assert ended == [True] * 30, "a page that goes cancels its jobs"
