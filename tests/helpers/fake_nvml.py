"""A stand-in for NVIDIA's driver library, compiled from `fake_nvml.c` beside the tests of the source that reads it."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

_COMPILER = shutil.which("gcc") or shutil.which("cc")
_SOURCE = Path(__file__).parents[1] / "profiler/hardware/sources/fake_nvml.c"

needs_fake = pytest.mark.skipif(
    platform.system() != "Linux" or _COMPILER is None,
    reason="needs Linux and a C compiler to build the stand-in for libnvidia-ml",
)


def built(folder: Path, *, old: bool = False) -> Path:
    """The folder, with the library in it, to be put on the loader's path of a process; `old` lacks what old drivers lack."""
    assert _COMPILER is not None
    command = [_COMPILER, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", str(folder / "libnvidia-ml.so.1")]
    subprocess.run([*command, *(["-DOLD_DRIVER"] if old else []), str(_SOURCE)], check=True)
    return folder
