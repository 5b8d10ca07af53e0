"""llama.cpp's own tools, built from the pinned source and run on the installed library."""

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from profiler.paths import APP_NAME

PACKAGE = "llama-cpp-python"
TOOLS = ("llama-batched-bench", "llama-perplexity", "llama-quantize", "llama-imatrix")
"""Built together, since most of the minutes go to what they share."""

COMMON_LIBRARY = "libllama-common.so.0"  # the tools' own; the others come from the package
BUILD_S = 3600
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_CXX_FLAGS_INIT": "-fno-tree-dse -fno-dse",  # as pyproject.toml has it for the package
    "BUILD_SHARED_LIBS": "ON",
    "LLAMA_BUILD_COMMON": "ON",
    "LLAMA_BUILD_TOOLS": "ON",
    **dict.fromkeys(
        (
            "LLAMA_BUILD_APP",
            "LLAMA_BUILD_EXAMPLES",
            "LLAMA_BUILD_SERVER",
            "LLAMA_BUILD_TESTS",
            "LLAMA_BUILD_UI",
            "LLAMA_USE_PREBUILT_UI",
            "LLAMA_CURL",
            "LLAMA_OPENSSL",
        ),
        "OFF",
    ),
}


class Unavailable(Exception):
    """The tool cannot be had here; the text says why."""


def library_folder() -> Path:
    """The shared libraries of the installed package."""
    package = find_spec("llama_cpp")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "lib"


def built_tool(name: str) -> Path:
    """A tool of TOOLS, from the user's cache or built into it (minutes, once); raises Unavailable.

    The tests' own home is a temporary folder, so that the cache is asked for directly.
    """
    assert name in TOOLS
    if sys.platform != "linux":
        raise Unavailable("llama.cpp's tools are built and compared on Linux only")
    folder = Path(platformdirs.user_cache_dir(APP_NAME, appauthor=False)) / "reference" / f"{PACKAGE}-{version(PACKAGE)}"
    tool = folder / "bin" / name
    if not tool.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(folder):
            missing = [other for other in TOOLS if not (folder / "bin" / other).exists()]
            if missing:  # nobody else has built them meanwhile
                _build_into(folder, missing)
    return tool


def run(tool: Path, arguments: Iterable[object], timeout_s: float = BUILD_S) -> subprocess.CompletedProcess[str]:
    """The tool's whole output; a failure is told with the end of it."""
    command = [str(tool), *map(str, arguments)]
    done = subprocess.run(command, env=environment(tool), capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def environment(tool: Path) -> dict[str, str]:
    """With the package's libraries before any others."""
    return os.environ | {"LD_LIBRARY_PATH": f"{library_folder()}:{tool.parent}"}


def assert_uses_the_installed_library(tool: Path) -> None:
    """What the dynamic linker would take, as ldd tells it, is what the engine runs on."""
    loaded = subprocess.run(["ldd", str(tool)], env=environment(tool), capture_output=True, text=True, check=True).stdout
    for library in ("libllama.so", "libggml-cpu.so"):
        assert f"{library_folder()}/{library}" in loaded


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Nobody else builds in this folder meanwhile."""
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_into(folder: Path, names: list[str]) -> None:
    if shutil.which("cmake") is None:
        raise Unavailable("cmake is not installed")
    work = folder / "work"
    work.mkdir(exist_ok=True)
    build = built(source_in(work), work / "build", names)
    target = folder / "bin"
    target.mkdir(exist_ok=True)
    if not (target / COMMON_LIBRARY).exists():
        _put(build / "bin" / COMMON_LIBRARY, target)
    for name in names:
        own_library = build / "bin" / f"lib{name}-impl.so"
        if own_library.exists():  # not every tool has one
            _put(own_library, target)
        _put(build / "bin" / name, target)  # last: what is there is whole
    shutil.rmtree(work)


def _put(source: Path, folder: Path) -> None:
    unfinished = folder / f"{source.name}.unfinished"
    shutil.copy2(source, unfinished)
    unfinished.rename(folder / source.name)


def _pip() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    pip = shutil.which("pip") or shutil.which("pip3")
    if pip is None:
        raise Unavailable("pip is not installed, which fetches the source")
    return [pip]


def source_in(work: Path) -> Path:
    """The pinned llama.cpp, downloaded and unpacked below this folder where it is not there yet; raises Unavailable."""
    return _unpacked(_downloaded(work), work)


def _downloaded(work: Path) -> Path:
    archives = list(work.glob("*.tar.gz"))
    if not archives:
        command = [*_pip(), "download", "--no-deps", "--no-binary", ":all:", "--dest", str(work)]
        done = subprocess.run([*command, f"{PACKAGE}=={version(PACKAGE)}"], capture_output=True, text=True, check=False)
        archives = list(work.glob("*.tar.gz"))
        if done.returncode or not archives:
            raise Unavailable(f"the source of {PACKAGE} could not be downloaded: {_last_line(done.stderr)}")
    return archives[0]


def _unpacked(archive: Path, work: Path) -> Path:
    source = work / archive.name.removesuffix(".tar.gz")
    if not source.exists():
        with tarfile.open(archive) as packed:
            packed.extractall(work, filter="data")
    return source / "vendor" / "llama.cpp"


def built(source: Path, build: Path, targets: list[str], more_options: Mapping[str, str] | None = None) -> Path:
    """The build folder with these targets made; raises Unavailable with llama.cpp's own reason."""
    options = [f"-D{name}={value}" for name, value in {**OPTIONS, **(more_options or {})}.items()]
    for command in (
        ["cmake", "-S", str(source), "-B", str(build), *options],
        ["cmake", "--build", str(build), "--target", *targets, "--parallel", str(os.cpu_count() or 1)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
        if done.returncode:
            raise Unavailable(f"{', '.join(targets)} could not be built: {_last_line(done.stderr)}")
    return build


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
