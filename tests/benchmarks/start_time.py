"""Start to usable window, warm: `uv run python tests/benchmarks/start_time.py [starts]`.

Each start is a new process from its very beginning until the window has been painted with its first page and has handled every
event that was waiting; the first one warms the disk cache and is left out. Prints the seconds beside those of importing Qt alone.
"""

import os
import statistics
import subprocess
import sys
import time

WINDOW = """
import sys, time
from PySide6.QtCore import QTimer
from app.application import run
from PySide6.QtWidgets import QApplication
def painted():
    print(time.perf_counter_ns(), flush=True)
    QApplication.instance().closeAllWindows()
def ready():
    QApplication.instance().processEvents()
    QTimer.singleShot(0, painted)
QTimer.singleShot(0, ready) if QApplication.instance() else None
import app.application as application
original = application.Application.exec
application.Application.exec = lambda self: (QTimer.singleShot(0, ready), original())[1]
sys.exit(run([]))
"""
QT_ALONE = """
import time
from PySide6.QtWidgets import QApplication, QWidget
application = QApplication([]); window = QWidget(); window.show(); application.processEvents()
print(time.perf_counter_ns(), flush=True)
"""


def seconds(script: str) -> float:
    """From starting the process to its word."""
    begin = time.perf_counter_ns()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    )
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return (int(done.stdout.split()[0]) - begin) / 1e9


def main() -> None:
    """Print the median of the starts, interleaved with Qt alone."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    pairs = [(seconds(WINDOW), seconds(QT_ALONE)) for _ in range(starts + 1)][1:]
    window, alone = (statistics.median(part) for part in zip(*pairs, strict=True))
    print(f"window usable after {window:.2f} s, Qt alone {alone:.2f} s: ratio {window / alone:.2f}, n = {starts}")


if __name__ == "__main__":
    main()
