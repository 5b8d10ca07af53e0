"""Where other programs keep their models, platform by platform."""

from pathlib import Path

import pytest

from profiler.models.places import Layout, known_places

HOME = Path("/home/someone")


def folders(platform: str, **environment: str) -> dict[str, list[str]]:
    """Source → its folders, those in the user's own folder relative to it."""
    told: dict[str, list[str]] = {}
    for place in known_places(platform, environment, HOME):
        inside = place.folder.is_relative_to(HOME)
        told.setdefault(place.source, []).append((place.folder.relative_to(HOME) if inside else place.folder).as_posix())
    return told


def test_linux() -> None:
    assert folders("linux") == {
        "Hugging Face": [".cache/huggingface/hub"],
        "LM Studio": [".lmstudio/models", ".cache/lm-studio/models"],
        "Ollama": [".ollama/models", "/usr/share/ollama/.ollama/models"],
        "llama.cpp": [".cache/llama.cpp"],
        "Jan": [
            ".local/share/Jan/data/llamacpp/models",
            ".local/share/Jan/data/models",
            ".config/Jan/data/llamacpp/models",
            ".config/Jan/data/models",
        ],
        "GPT4All": [".local/share/nomic.ai/GPT4All"],
    }


def test_macos() -> None:
    assert folders("darwin") == {
        "Hugging Face": [".cache/huggingface/hub"],
        "LM Studio": [".lmstudio/models", ".cache/lm-studio/models"],
        "Ollama": [".ollama/models"],
        "llama.cpp": ["Library/Caches/llama.cpp"],
        "Jan": ["Library/Application Support/Jan/data/llamacpp/models", "Library/Application Support/Jan/data/models"],
        "GPT4All": ["Library/Application Support/nomic.ai/GPT4All"],
    }


def test_windows() -> None:
    told = folders("win32", APPDATA=str(HOME / "Roaming"), LOCALAPPDATA=str(HOME / "Local"))
    assert told["llama.cpp"] == ["Local/llama.cpp"]
    assert told["Jan"] == ["Roaming/Jan/data/llamacpp/models", "Roaming/Jan/data/models"]
    assert told["GPT4All"] == ["Local/nomic.ai/GPT4All"]
    assert told["Ollama"] == [".ollama/models"]
    assert folders("win32")["GPT4All"] == ["AppData/Local/nomic.ai/GPT4All"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HF_HUB_CACHE": ""}, ".cache/huggingface/hub"),
    ],
)
def test_hugging_face_follows_its_variables(environment: dict[str, str], expected: str) -> None:
    assert folders("linux", **environment)["Hugging Face"] == [expected]


def test_other_variables() -> None:
    told = folders(
        "linux", OLLAMA_MODELS="/o", LLAMA_CACHE="/l", JAN_DATA_FOLDER="/j", XDG_DATA_HOME="/d", HF_HOME="~nobody-of-that-name/x"
    )
    assert told["Ollama"] == ["/o"]
    assert told["llama.cpp"] == ["/l"]
    assert told["Jan"][:2] == ["/j/llamacpp/models", "/j/models"]
    assert told["GPT4All"] == ["/d/nomic.ai/GPT4All"]


def test_layouts() -> None:
    layouts = {place.source: place.layout for place in known_places("linux", {}, HOME)}
    assert [source for source, layout in layouts.items() if layout is not Layout.FOLDERS] == ["Ollama", "Jan"]
    assert next(place.root for place in known_places("darwin", {}, HOME) if place.source == "Ollama").name == "manifests"
