"""The status bar: the device, the engine and its backend at the left; at the right whether everything is saved."""

import importlib.metadata
from pathlib import Path

import psutil
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStatusBar, QWidget

from app.widgets.elided_button import ElidedButton
from app.widgets.elided_label import ElidedLabel
from app.widgets.sentence import Tone, marked, set_tone
from profiler.records.fingerprint import Fingerprint
from profiler.units import bytes_text

_TOLD_SETS = ("AMX_INT8", "AVX512F", "AVX2", "SVE2", "SVE", "ASIMDDP", "ASIMD", "AVX")
"""The instruction sets worth a word, the strongest first; only the first that is there is named."""


def device_words(machine: Fingerprint | None) -> str:
    """The device in short; before the engine was asked, what the system tells at once."""
    if machine is None:
        return f"CPU · {psutil.cpu_count(logical=True)} cores · {bytes_text(psutil.virtual_memory().total)}"
    sets = next((name for name in _TOLD_SETS if name in machine.cpu.instruction_sets), None)
    gpus = [device.name for device in machine.devices if device.kind == "gpu"]
    parts = gpus or ["CPU", *([sets] if sets else [])]
    return " · ".join([*parts, f"{machine.cpu.logical_cores} cores", bytes_text(machine.memory_total_bytes)])


def engine_words(machine: Fingerprint | None) -> str:
    """llama.cpp's binding and, once it was asked, its backends."""
    if machine is None:
        return f"llama.cpp {importlib.metadata.version('llama-cpp-python')}"
    return f"llama.cpp {machine.engine.llama_cpp_python}, {' and '.join(machine.engine.backends) or 'unknown'} backend"


class StatusLine(QStatusBar):
    """The device, which leads to all of the machine, and two labels; tips of menus pass over them as in any status bar.

    Attributes:
        machine: what is told of, None before the engine was asked.

    Signals:
        machine_wanted: the device was clicked.
    """

    machine_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.machine: Fingerprint | None = None
        self.device = ElidedButton("Device", "Show this machine, its ceilings and its telemetry", "small")
        self.device.clicked.connect(self.machine_wanted)
        self.engine = ElidedLabel(role="small")
        self.saved = ElidedLabel(role="small")
        for label, name in ((self.engine, "Engine"), (self.saved, "Saved")):
            label.setAccessibleName(name)
            label.setContentsMargins(10, 2, 10, 2)
            set_tone(label, "muted")
        self.addWidget(self.device)
        self.addWidget(self.engine)
        self.addPermanentWidget(self.saved)
        self.show_machine(None)
        self.show_idle()

    def show_machine(self, machine: Fingerprint | None) -> None:
        """Tell device and engine."""
        self.machine = machine
        self.device.show_text(device_words(machine))
        self.engine.show_text(engine_words(machine))

    def show_idle(self) -> None:
        """Nothing runs and nothing waits to be saved."""
        self._show_saved("nothing running", "muted")

    def show_recording(self, session: Path) -> None:
        """A sweep runs; its file takes everything once a second."""
        self._show_saved(f"saved every second · {session.name}", "met")

    def show_saving(self) -> None:
        """A sweep was asked to end."""
        self._show_saved("stopping and saving …", "caution")

    def show_saved(self, session: Path) -> None:
        """A sweep has ended and its file is closed."""
        self._show_saved(f"saved · {session.name}", "met")

    def show_trouble(self, sentence: str) -> None:
        """A sweep could not go on."""
        self._show_saved(sentence, "broken")

    def _show_saved(self, words: str, tone: Tone) -> None:
        set_tone(self.saved, tone)
        self.saved.show_text(marked(words, tone))
