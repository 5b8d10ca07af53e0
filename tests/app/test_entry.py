"""The entry decides before Qt is imported; what it starts is replaced here, or run in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import __main__ as entry


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(entry, "run_command", lambda arguments, rasterize: calls.append(("command", list(arguments))) or 3)
    monkeypatch.setattr(entry, "_show_window", lambda files: calls.append(("window", list(files))) or 4)
    return calls


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["inferometer", *arguments])
    return entry.main()


def test_no_argument_and_files_open_the_window(
    monkeypatch: pytest.MonkeyPatch, started: list[tuple[str, list[str]]], tmp_path: Path
) -> None:
    (tmp_path / "run").touch()
    for arguments in ([], ["gone.inferometer"], ["a.gguf", "b.toml"], [str(tmp_path / "run")]):
        assert call(monkeypatch, *arguments) == 4
        assert started[-1] == ("window", arguments)


def test_commands_options_and_typing_errors_go_to_the_command_line(
    monkeypatch: pytest.MonkeyPatch, started: list[tuple[str, list[str]]]
) -> None:
    for arguments in (["run", "sample"], ["--help"], ["--version"], ["rnu", "sample"], ["--frobnicate"]):
        assert call(monkeypatch, *arguments) == 3
        assert started[-1] == ("command", arguments)


def test_the_engine_child_is_served_by_both_entries(
    monkeypatch: pytest.MonkeyPatch, started: list[tuple[str, list[str]]]
) -> None:
    monkeypatch.setattr("profiler.engine.__main__.main", lambda: 7)
    assert call(monkeypatch, "--engine") == 7
    assert entry.window() == 7
    assert started == []


def in_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**kept, **environment}, check=False
    )


def test_the_entry_imports_no_qt() -> None:
    done = in_process(
        "import sys, app.__main__; sys.exit(any(name.startswith(('PySide6', 'pyqtgraph')) for name in sys.modules))"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux may lack a display")
def test_without_a_display_one_sentence_says_so() -> None:
    done = in_process("import sys; sys.argv = ['inferometer']; import app.__main__ as entry; sys.exit(entry.main())")
    assert done.returncode == 1
    assert done.stderr.startswith("inferometer: There is no display here")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only X11 has a display that may be gone")
def test_a_display_that_is_gone_is_told() -> None:
    code = "import sys; sys.argv = ['inferometer']; import app.__main__ as entry; sys.exit(entry.main())"
    done = in_process(code, DISPLAY=":4711")
    assert done.returncode == 1
    assert "needs lib" in done.stderr or ":4711 of the window cannot be reached" in done.stderr


def test_a_missing_system_library_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from app import qt_libraries

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setitem(sys.modules, "PySide6.QtWidgets", None)
    assert "The window cannot be shown" in qt_libraries.problem_with_window()
    sentence = qt_libraries._missing("libEGL.so.1: cannot open shared object file: No such file or directory")
    assert sentence.startswith(
        "The window needs libEGL.so.1, which this system lacks; on Debian and Ubuntu: sudo apt install lib"
    )
    assert "\n" not in sentence
