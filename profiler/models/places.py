"""Where other programs keep their models on this platform, as their documentation or source says."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path


class Layout(Enum):
    """How a place is organised."""

    FOLDERS = auto()  # GGUF files by name, in folders
    NAMED_FOLDERS = auto()  # the same, but files are called model.gguf and the folder names the model
    OLLAMA = auto()  # manifests that name blobs


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that may hold models, and whose it is.

    Attributes:
        source: the program's name as users know it.
    """

    source: str
    folder: Path
    layout: Layout = Layout.FOLDERS

    @property
    def root(self) -> Path:
        """Where a search begins."""
        return self.folder / "manifests" if self.layout is Layout.OLLAMA else self.folder


def known_places(platform: str, environment: Mapping[str, str], home: Path) -> tuple[Place, ...]:
    """All places to look at, whether or not they exist.

    Args:
        platform: `sys.platform`.
        environment: `os.environ`.
        home: the user's own folder.
    """
    surroundings = _Surroundings(platform, environment, home)
    return tuple(
        Place(source, folder, layout)
        for source, folders, layout in (
            ("Hugging Face", _hugging_face(surroundings), Layout.FOLDERS),
            ("LM Studio", [home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"], Layout.FOLDERS),
            ("Ollama", _ollama(surroundings), Layout.OLLAMA),
            ("llama.cpp", [surroundings.variable("LLAMA_CACHE") or surroundings.caches / "llama.cpp"], Layout.FOLDERS),
            ("Jan", _jan(surroundings), Layout.NAMED_FOLDERS),
            ("GPT4All", [surroundings.local_data / "nomic.ai" / "GPT4All"], Layout.FOLDERS),
        )
        for folder in dict.fromkeys(folders)
    )


class _Surroundings:
    """The platform's usual folders, with the environment's say in them."""

    def __init__(self, platform: str, environment: Mapping[str, str], home: Path) -> None:
        self._environment = environment
        self.is_linux = platform not in ("darwin", "win32")
        self.home = home
        if platform == "darwin":
            self.caches = home / "Library" / "Caches"
            self.data = self.local_data = home / "Library" / "Application Support"
        elif platform == "win32":
            self.data = self.variable("APPDATA") or home / "AppData" / "Roaming"
            self.caches = self.local_data = self.variable("LOCALAPPDATA") or home / "AppData" / "Local"
        else:
            self.caches = self.variable("XDG_CACHE_HOME") or home / ".cache"
            self.data = self.local_data = self.variable("XDG_DATA_HOME") or home / ".local" / "share"

    def variable(self, name: str) -> Path | None:
        """The folder that an environment variable names, None when it is unset or empty."""
        value = self._environment.get(name)
        return Path(os.path.expanduser(value)) if value else None


def _hugging_face(surroundings: _Surroundings) -> list[Path]:
    """The one cache that its library uses; the same on every platform."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if folder := surroundings.variable(name):
            return [folder]
    if folder := surroundings.variable("HF_HOME"):
        return [folder / "hub"]
    caches = surroundings.variable("XDG_CACHE_HOME") or surroundings.home / ".cache"
    return [caches / "huggingface" / "hub"]


def _ollama(surroundings: _Surroundings) -> list[Path]:
    """The user's folder, and on Linux that of the system's service."""
    if folder := surroundings.variable("OLLAMA_MODELS"):
        return [folder]
    folders = [surroundings.home / ".ollama" / "models"]
    if surroundings.is_linux:
        folders.append(Path("/usr/share/ollama/.ollama/models"))
    return folders


def _jan(surroundings: _Surroundings) -> list[Path]:
    """Its data folder of now and, on Linux, of before; within it the models of now and of before."""
    data = [surroundings.variable("JAN_DATA_FOLDER") or surroundings.data / "Jan" / "data"]
    if surroundings.is_linux:
        data.append(surroundings.home / ".config" / "Jan" / "data")
    return [folder / models for folder in data for models in (Path("llamacpp") / "models", Path("models"))]
