"""llama.cpp's own batched-bench, built from the pinned source and run on the installed library."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import platformdirs

from profiler.paths import APP_NAME

PACKAGE = "llama-cpp-python"
TOOL = "llama-batched-bench"
OWN_LIBRARIES = ("libllama-batched-bench-impl.so", "libllama-common.so.0")  # the others come from the package
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


class Speeds(NamedTuple):
    """Tokens a second as batched-bench defines them: S_PP = B·PP / T_PP and S_TG = B·TG / T_TG."""

    prefill: float
    decode: float


def library_folder() -> Path:
    """The shared libraries of the installed package."""
    package = find_spec("llama_cpp")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "lib"


def built_tool() -> Path:
    """The tool, from the user's cache or built into it (minutes, once); raises Unavailable.

    The tests' own home is a temporary folder, so that the cache is asked for directly.
    """
    if sys.platform != "linux":
        raise Unavailable("batched-bench is built and compared on Linux only")
    folder = Path(platformdirs.user_cache_dir(APP_NAME, appauthor=False)) / "reference" / f"{PACKAGE}-{version(PACKAGE)}"
    tool = folder / "bin" / TOOL
    if not tool.exists():
        if shutil.which("cmake") is None:
            raise Unavailable("cmake is not installed")
        work = folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        build = _build(_unpacked(_downloaded(work), work), work / "build")
        unfinished = folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        for name in (TOOL, *OWN_LIBRARIES):
            shutil.copy2(build / "bin" / name, unfinished / name)
        unfinished.rename(tool.parent)
        shutil.rmtree(work)
    return tool


def environment(tool: Path) -> dict[str, str]:
    """With the package's libraries before any others."""
    return os.environ | {"LD_LIBRARY_PATH": f"{library_folder()}:{tool.parent}"}


def loaded_libraries(tool: Path) -> str:
    """What the dynamic linker would take, as ldd tells it."""
    return subprocess.run(["ldd", str(tool)], env=environment(tool), capture_output=True, text=True, check=True).stdout


def run(tool: Path, model: Path, prompt: int, output: int, batch: int, threads: int, ctx_size: int) -> Speeds:
    """Measure one shape, in a process of its own; the first measurement of two only warms up."""
    arguments = {
        "-m": model,
        "-c": batch * ctx_size,
        "-b": 512,
        "-ub": 512,
        "-t": threads,
        "-tb": threads,
        "-npp": f"{prompt},{prompt}",
        "-ntg": output,
        "-npl": batch,
        "--output-format": "jsonl",
    }
    command = [str(tool), "-kvu", *(str(part) for pair in arguments.items() for part in pair)]
    done = subprocess.run(command, env=environment(tool), capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(rows) == 2, done.stdout + done.stderr
    row = rows[-1]
    assert (row["pp"], row["tg"], row["pl"], row["n_batch"], row["n_ubatch"]) == (prompt, output, batch, 512, 512)
    # Its own quotients are rounded to six digits, its seconds to microseconds: either will do.
    return Speeds(batch * prompt / row["t_pp"], batch * output / row["t_tg"])


def _pip() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    pip = shutil.which("pip") or shutil.which("pip3")
    if pip is None:
        raise Unavailable("pip is not installed, which fetches the source")
    return [pip]


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


def _build(source: Path, build: Path) -> Path:
    options = [f"-D{name}={value}" for name, value in OPTIONS.items()]
    for command in (
        ["cmake", "-S", str(source), "-B", str(build), *options],
        ["cmake", "--build", str(build), "--target", TOOL, "--parallel", str(os.cpu_count() or 1)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
        if done.returncode:
            raise Unavailable(f"{TOOL} could not be built: {_last_line(done.stderr)}")
    return build


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
