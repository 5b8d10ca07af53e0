"""What a fresh interpreter has loaded after work of each kind: contracts see imports in the source, this sees the real ones."""

import json
import subprocess
import sys
from pathlib import Path

WINDOW_LIBRARIES = {"PySide6", "shiboken6", "pyqtgraph", "app"}
# numpy and llama_cpp are what the engine works with; of these each would cost it memory and start time, or carry Qt.
FOREIGN_TO_THE_ENGINE = WINDOW_LIBRARIES | {"pydantic", "typer", "rich", "scipy", "tomlkit", "gguf", "pynvml", "profiler.plan"}

_REPORT = "\nimport json, sys; json.dump(sorted(sys.modules), open(sys.argv[1], 'w'))"


def _modules_after(code: str, tmp_path: Path, *arguments: str) -> set[str]:
    """The names in `sys.modules` once a new interpreter has carried out `code`; `sys.argv[2:]` are the arguments."""
    report = tmp_path / "modules.json"
    command = [sys.executable, "-c", code + _REPORT, str(report), *arguments]
    end = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert end.returncode == 0, end.stderr
    return set(json.loads(report.read_text()))


def test_help_loads_no_window_library(tmp_path):
    code = "import sys\nfrom profiler.cli.main import main\nassert main(['run', '--help']) == 0"
    assert not _modules_after(code, tmp_path) & WINDOW_LIBRARIES


def test_a_run_loads_neither_a_window_library_nor_llama_cpp(tmp_path):
    code = "import sys\nfrom profiler.cli.main import main\nassert main(sys.argv[2:]) == 0"
    load = ["--concurrency", "1", "--requests", "1", "--prompt-tokens", "8", "--output-tokens", "4"]
    arguments = ["run", "sample", *load, "--threads", "1", "--repetitions", "1", "-o", str(tmp_path / "a.inferometer"), "--json"]
    loaded = _modules_after(code, tmp_path, *arguments)
    assert "profiler.sweep.runner" in loaded
    assert not loaded & (WINDOW_LIBRARIES | {"llama_cpp", "profiler.engine"})


def test_the_engine_loads_what_it_works_with_and_no_more(tmp_path):
    loaded = _modules_after("import profiler.engine.server", tmp_path)
    assert {"llama_cpp", "numpy", "profiler.scheduling"} <= loaded
    assert not loaded & FOREIGN_TO_THE_ENGINE


def test_the_package_itself_loads_nothing_but_its_version(tmp_path):
    loaded = _modules_after("import profiler", tmp_path)
    assert {name for name in loaded if name.partition(".")[0] == "profiler"} == {"profiler"}


def test_the_entry_loads_no_window_library_for_a_command(tmp_path):
    code = "import app.__main__ as entry\nstatus = entry._run(['run', '--help'])\nassert status == 0"
    assert not _modules_after(code, tmp_path) & (WINDOW_LIBRARIES - {"app"})
