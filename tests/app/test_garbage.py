"""Cyclic garbage dies in the window's thread, whoever allocates."""

import gc
import threading
from typing import ClassVar

from tests.helpers import offscreen


class Cycle:
    """One that can only die by the cyclic collector, and tells where."""

    died_in: ClassVar[list[threading.Thread]] = []

    def __init__(self) -> None:
        self.self = self

    def __del__(self) -> None:
        self.died_in.append(threading.current_thread())


def allocate() -> None:
    kept = [[] for _ in range(200_000)]
    for one in kept:
        one.append(one)


def test_a_busy_thread_collects_nothing(qtbot):
    gc.collect()
    Cycle.died_in.clear()
    Cycle()
    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert not Cycle.died_in
    offscreen.application()
    qtbot.waitUntil(lambda: bool(Cycle.died_in), timeout=5000)
    assert Cycle.died_in == [threading.main_thread()]
