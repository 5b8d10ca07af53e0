"""Trees of files as Linux's kernel shows them, laid out from the texts in `recorded`."""

from collections.abc import Callable
from pathlib import Path

import pytest

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def laid_out(tmp_path: Path) -> Callable[[str], Path]:
    """Lays out a recorded tree by its name and gives the root."""

    def lay_out(name: str) -> Path:
        for line in (RECORDED / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            path, _, content = line.partition(" = ")
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content.replace("\\n", "\n") + "\n", encoding="ascii")
        return tmp_path

    return lay_out
