"""llama.cpp's libraries built with the Vulkan backend from the pinned source, and what that takes beside a compiler.

The backend needs Vulkan-Hpp and SPIRV headers of Debian 13 or a current Vulkan SDK, and the shader compiler glslc. They are taken
from the folder that VULKAN_SDK names, or from the system. Where these are too old, as on Debian 12, apt-get downloads the newer
headers from the mirror it is set up for; they are unpacked into the user's cache, and nothing is installed.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import platformdirs

from profiler.paths import APP_NAME
from tests.reference.llama_tools import PACKAGE, Unavailable, built, one_at_a_time, source_in

TOO_OLD_HEADERS = 239
"""VK_HEADER_VERSION of Debian 12, with which the backend does not compile."""

NEWER_SUITE = "trixie"
_LIBRARIES = ("llama", "ggml", "ggml-base", "ggml-cpu", "ggml-vulkan")
_DEVICE = {"GGML_VK_VISIBLE_DEVICES": "0"}  # the backend leaves out processors unless they are asked for
_DRIVERS = ("/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d")


def environment() -> dict[str, str]:
    """What an engine needs to be of this build and to find Mesa's software device; raises Unavailable, saying what is missing.

    The libraries come from the user's cache, or are built into it: a quarter of an hour, once.
    """
    if sys.platform != "linux":
        raise Unavailable("Mesa's software device is looked for on Linux only")
    if not any(path for folder in _DRIVERS for path in Path(folder).glob("lvp_icd*.json")):
        raise Unavailable("Mesa's software Vulkan device is not installed (Debian: mesa-vulkan-drivers)")
    folder = Path(platformdirs.user_cache_dir(APP_NAME, appauthor=False)) / "reference" / f"{PACKAGE}-{version(PACKAGE)}-vulkan"
    folder.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(folder):
        if not (folder / "lib").exists():
            _build_into(folder)
    lib = str(folder / "lib")
    return {"LLAMA_CPP_LIB_PATH": lib, "LD_LIBRARY_PATH": _before("LD_LIBRARY_PATH", lib), **_DEVICE}


def _build_into(folder: Path) -> None:
    if shutil.which("cmake") is None:
        raise Unavailable("cmake is not installed")
    sdk = _sdk(folder / "sdk")
    work = folder / "work"
    work.mkdir(exist_ok=True)
    options = {"GGML_VULKAN": "ON", "LLAMA_BUILD_COMMON": "OFF", "LLAMA_BUILD_TOOLS": "OFF"}
    before = dict(os.environ)
    if sdk is not None:
        options["CMAKE_PREFIX_PATH"] = str(sdk)
        libraries = ":".join(str(path) for path in (sdk / "lib", *sdk.glob("lib/*-linux-gnu")))
        os.environ |= {"VULKAN_SDK": str(sdk), "PATH": _before("PATH", str(sdk / "bin"))}
        os.environ["LD_LIBRARY_PATH"] = _before("LD_LIBRARY_PATH", libraries)
    try:
        build = built(source_in(work), work / "build", ["llama", "ggml"], options)
    finally:
        os.environ.clear()
        os.environ.update(before)
    unfinished = folder / "lib.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for name in _LIBRARIES:
        for library in (build / "bin").glob(f"lib{name}.so*"):
            shutil.copy2(library, unfinished)
    unfinished.rename(folder / "lib")
    shutil.rmtree(work)


def _before(variable: str, first: str) -> str:
    return ":".join(filter(None, (first, os.environ.get(variable))))


def _sdk(own: Path) -> Path | None:
    """The folder of headers and compiler; None stands for the system's own. Raises Unavailable."""
    named = os.environ.get("VULKAN_SDK")
    for root in (Path(named) if named else None, own, Path("/usr")):
        if root is not None and _is_complete(root):
            return None if root == Path("/usr") else root
    _download_into(own)
    if not _is_complete(own):
        raise Unavailable(f"Debian {NEWER_SUITE}'s Vulkan headers are not what the backend needs; name an SDK in VULKAN_SDK")
    return own


def _is_complete(root: Path) -> bool:
    try:
        text = (root / "include/vulkan/vulkan_core.h").read_text(encoding="utf-8")
    except OSError:
        return False
    found = re.search(r"#define VK_HEADER_VERSION (\d+)", text)
    complete = re.search(r"#define VK_HEADER_VERSION_COMPLETE VK_MAKE_API_VERSION\(0, 1, (\d+),", text)
    is_new = complete is not None and found is not None and (int(complete[1]), int(found[1])) > (3, TOO_OLD_HEADERS)
    others = (root / "include/vulkan/vulkan.hpp", root / "include/spirv/unified1/spirv.hpp")
    has_compiler = (root / "bin/glslc").exists() or shutil.which("glslc") is not None
    return is_new and has_compiler and all(path.exists() for path in others)


def _download_into(own: Path) -> None:
    """Headers of Debian's next release and this system's glslc, unpacked and not installed; raises Unavailable."""
    missing = "Vulkan-Hpp headers newer than 1.3.239, SPIRV headers and glslc are needed: name a Vulkan SDK in VULKAN_SDK"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable(missing)
    packages = own.parent / "packages"
    for name in ("lists/partial", "archives/partial"):
        (packages / name).mkdir(parents=True, exist_ok=True)
    told = _run(["apt-get", "indextargets", "--format", "$(SITE) $(LABEL)", "Created-By: Packages"], packages, missing)
    sites = [line.split()[0] for line in told.splitlines() if line.endswith(" Debian")]
    if not sites:
        raise Unavailable(missing)
    (packages / "newer.list").write_text(f"deb {sites[0]} {NEWER_SUITE} main\n", encoding="utf-8")
    places = {
        "Dir::Etc::SourceList": packages / "newer.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": packages / "lists",
        "Dir::Cache": packages,
    }
    newer = ["apt-get", *(part for name, value in places.items() for part in ("-o", f"{name}={value}"))]
    _run([*newer, "update"], packages, missing)
    _run([*newer, "download", "libvulkan-dev", "spirv-headers"], packages, missing)
    _run(["apt-get", "download", "glslc", "libshaderc1"], packages, missing)
    for package in packages.glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), str(packages / "root")], packages, missing)
    (packages / "root/usr").rename(own)
    for libraries in own.glob("lib/*-linux-gnu"):
        link = libraries / "libvulkan.so"  # to the loader, which is this system's
        if link.is_symlink():
            link.unlink()
            link.symlink_to(Path("/usr/lib") / libraries.name / "libvulkan.so.1")
    shutil.rmtree(packages)


def _run(command: Sequence[str], folder: Path, missing: str) -> str:
    english: Mapping[str, str] = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, env=english, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"{missing}. Downloading them failed: {reason}")
    return done.stdout
