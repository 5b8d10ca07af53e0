"""Freezes Inferometer into OUT/inferometer: `uv run packaging/build_bundle.py [OUT]`; OUT is `dist` when it is not given."""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def build(out: Path) -> Path:
    """Freeze into `out`, replacing an earlier bundle there; returns the bundle's folder.

    Raises:
        subprocess.CalledProcessError: PyInstaller failed; what it wrote stands on standard error.
    """
    with tempfile.TemporaryDirectory() as work:
        options = ["--noconfirm", "--log-level", "ERROR", "--distpath", str(out), "--workpath", work]
        command = [sys.executable, "-m", "PyInstaller", *options, str(ROOT / "packaging" / "inferometer.spec")]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    bundle = out / "inferometer"
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, bundle)
    python_licence = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    if python_licence.is_file():
        shutil.copy(python_licence, bundle / "_internal" / "licenses" / "Python.txt")
    return bundle


def main() -> None:
    """Build, and say where it is and how big."""
    started_s = time.monotonic()
    bundle = build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve())
    size_bytes = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{bundle}: {size_bytes / 1e6:.0f} MB in {time.monotonic() - started_s:.0f} s")


if __name__ == "__main__":
    main()
