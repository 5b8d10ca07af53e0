"""The text that models' quality is measured on: a mixed one that ships, or the user's own."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from profiler.errors import EnvironmentFault
from profiler.units import bytes_text

SHIPPED_TEXT = "calibration.txt"
MOST_TEXT_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class QualityText:
    """A text, known by name and by content."""

    name: str
    sha256: str
    content: str


def read_text(path: Path | None) -> QualityText:
    """A text file in UTF-8, or the text that ships; raises EnvironmentFault when it cannot be read."""
    name = SHIPPED_TEXT if path is None else path.name
    try:
        if path is None:
            data = resources.files("resources").joinpath("text", SHIPPED_TEXT).read_bytes()
        else:
            if path.stat().st_size > MOST_TEXT_BYTES:
                raise EnvironmentFault(f"{path} holds more than {bytes_text(MOST_TEXT_BYTES)}; give a part of it.")
            data = path.read_bytes()
        content = data.decode("utf-8")
    except OSError as error:
        raise EnvironmentFault(f"The text {path or name} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError:
        raise EnvironmentFault(f"{path or name} is no text in UTF-8; save it as that.") from None
    return QualityText(name, hashlib.sha256(data).hexdigest(), content)
