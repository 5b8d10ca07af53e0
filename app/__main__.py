"""The program's entry. It looks at the arguments before anything of Qt is imported, so that commands and the engine need none."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from app.rasterizer import rasterize
from profiler.cli.main import VERBS
from profiler.cli.main import main as run_command

ENGINE = "--engine"
_OPENED_SUFFIXES = frozenset({".inferometer", ".gguf", ".toml"})


def _is_for_window(argument: str) -> bool:
    """A file to open, or what was meant as one; anything else is a command, an option, or a mistyped one of these."""
    path = Path(argument)
    return not argument.startswith("-") and (path.exists() or path.suffix.lower() in _OPENED_SUFFIXES)


def _run(arguments: Sequence[str]) -> int:
    if arguments[:1] == [ENGINE]:
        from profiler.engine.__main__ import main as serve

        return serve()
    if arguments and (arguments[0] in VERBS or not all(map(_is_for_window, arguments))):
        return run_command(arguments, rasterize)
    return _show_window(arguments)


def _import_numpy_with_one_thread() -> None:
    """OpenBLAS starts a thread a core when numpy is imported, which is a tenth of the start; the window multiplies no matrices.

    The variable goes again, since the engine child would inherit it.
    """
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        import numpy  # noqa: F401  # for its effect

        del os.environ["OPENBLAS_NUM_THREADS"]


def _show_window(files: Sequence[str]) -> int:
    from app.qt_libraries import problem_with_window

    problem = problem_with_window()
    if problem:
        print(f"inferometer: {problem}", file=sys.stderr)
        return 1
    _import_numpy_with_one_thread()
    from app.application import run

    return run([Path(name).absolute() for name in files])


def main() -> int:
    """`inferometer`: a command, the engine child, or the window with files."""
    return _run(sys.argv[1:])


def window() -> int:
    """`inferometer-window`: the window with files, started by the desktop; frozen, it is the engine child's entry as well."""
    if sys.argv[1:2] == [ENGINE]:
        return _run(sys.argv[1:])
    return _show_window(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
