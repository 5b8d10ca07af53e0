from dataclasses import replace
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.status_line import StatusLine, device_words, engine_words
from profiler.records.fingerprint import Device
from tests.helpers.scripted_sweep import MACHINE


def test_device_and_engine_in_words() -> None:
    assert device_words(MACHINE) == "CPU · AVX2 · 2 cores · 24.0 GB"
    assert engine_words(MACHINE) == "llama.cpp 0.3.36, CPU backend"
    gpu = Device("Example GPU", "gpu", "CUDA", 24_000_000_000, None, None)
    assert device_words(replace(MACHINE, devices=(gpu,))) == "Example GPU · 2 cores · 24.0 GB"
    assert device_words(None).startswith("CPU · ")


def test_whether_everything_is_saved(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    assert line.saved.text() == "nothing running"
    line.show_recording(Path("/x/a.inferometer"))
    assert line.saved.text() == "✓ saved every second · a.inferometer"
    line.show_saving()
    assert line.saved.text() == "▲ stopping and saving …"
    line.show_trouble("The disk is full.")
    assert line.saved.text() == "✕ The disk is full."
