"""PySide6 6.12.0 drops a reference to None with every void call; on Python 3.11 that ends in an abort."""

import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication


def test_void_calls_keep_the_references_to_none(qapp: QApplication) -> None:
    timer = QTimer()
    before = sys.getrefcount(None)
    for interval_ms in range(1000):
        timer.setInterval(interval_ms)
    assert abs(sys.getrefcount(None) - before) < 50
