"""A number that Linux's kernel writes into a file of /sys, read again and again through one open file."""

import os
from pathlib import Path


class KernelNumber:
    """Opened at the first reading and kept open, since opening costs more than reading."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def read(self) -> int:
        """The number now; raises OSError or ValueError when there is none."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDONLY)
        return int(os.pread(self._descriptor, 32, 0))

    def close(self) -> None:
        """Give the file back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
