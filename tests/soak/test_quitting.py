"""Quitting takes under 3 s, whatever hangs: a sweep, a job, an open report."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.soak, pytest.mark.skipif(sys.platform == "win32", reason="sends signals")]

PROGRAM = """
import os, signal, sys, threading
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import app.application as application
from app.bridge.job import Job
from app.bridge.sweep_bridge import SweepBridge
from profiler.plan.plan import Plan

HANGS = set(sys.argv[1:])

class Hung:
    def __init__(self, *_): pass
    def run(self): threading.Event().wait()
    def stop(self): pass

class Window(application.MainWindow):
    def showEvent(self, event):
        super().showEvent(event)
        QTimer.singleShot(300, self.begin)

    def begin(self):
        if "sweep" in HANGS:
            self._bridge.start(Plan(title="hangs"), Path("a.inferometer"))
        if "job" in HANGS:
            Job(lambda line: threading.Event().wait(), self).start()
        if "dialog" in HANGS:
            self.commands.preferences.trigger()
        if "fault" in HANGS:
            QTimer.singleShot(0, lambda: 1 / 0)
        QTimer.singleShot(300, self.told)

    def told(self):
        print("reports open:", sum(type(w).__name__ == "ErrorDialog" for w in QApplication.topLevelWidgets()), flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

application.MainWindow = Window
application.SweepBridge = lambda parent: SweepBridge(Hung, parent=parent)
sys.exit(application.run([]))
"""


@pytest.mark.parametrize("hangs", [[], ["sweep"], ["job"], ["dialog"], ["fault"], ["sweep", "job", "dialog", "fault"]])
def test_quitting_takes_under_three_seconds(hangs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *hangs], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told = process.stdout.readline()
            begin = time.perf_counter()
            process.wait(10)
        finally:
            process.kill()
    took_s = time.perf_counter() - begin
    print(f"\n{hangs}: {took_s:.2f} s; {told}")
    assert process.returncode == 0
    assert took_s < 3
    assert ("reports open: 1" in told) == ("fault" in hangs)
    log = (tmp_path / "log" / "window.log").read_text(encoding="utf-8")
    assert "window starts: inferometer" in log
    assert ("ZeroDivisionError" in log) == ("fault" in hangs)
