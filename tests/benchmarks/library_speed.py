"""How long the library takes to list sessions: read anew, and from its index. Printed, never asserted.

python -m tests.benchmarks.library_speed [--sessions 1000]
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from profiler.exchange.run_library import RunLibrary
from tests.helpers.repeated_session import write_repeated


def main() -> None:
    """Write one session, copy it, list the copies three times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=1000)
    count = parser.parse_args().sessions
    with tempfile.TemporaryDirectory() as place:
        folder, index = Path(place) / "runs", Path(place) / "index.json"
        folder.mkdir()
        first = write_repeated(folder / "0000.inferometer")
        for number in range(1, count):
            shutil.copy(first, folder / f"{number:04}.inferometer")
        for kind in ("read anew", "from the index", "from the index, again"):
            begin = time.perf_counter()
            listing = RunLibrary(index).scan([folder])
            took_s = time.perf_counter() - begin
            print(f"{len(listing.rows)} sessions {kind}: {took_s:.3f} s, {listing.opened} files opened")
        print(f"index: {index.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
