"""The search for models, on trees like those that other programs make."""

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFWriter

from profiler.errors import EnvironmentFault, Interrupted
from profiler.models import library
from profiler.models.library import FoundModel, scan


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, no variable that leads out of it, and no sample."""
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "LLAMA_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("JAN_DATA_FOLDER", raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("OLLAMA_MODELS", str(home / ".ollama" / "models"))
    monkeypatch.setattr(sys, "platform", "linux")

    def absent() -> Path:
        raise EnvironmentFault("no sample here")

    monkeypatch.setattr(library, "sample_model_path", absent)
    return home


def model(
    path: Path, *, architecture: str = "llama", kind: str = "", tensors: int = 1, keys: dict[str, int] | None = None
) -> Path:
    """A small GGUF file, its folders made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(None, architecture)
    if kind:
        writer.add_type(kind)
    for key, value in (keys or {}).items():
        writer.add_uint16(key, value)
    for number in range(tensors):
        writer.add_tensor(f"{path.name[:20]}.{number}", np.zeros(4, np.float32))
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def found(*folders: Path, **arguments: Any) -> list[tuple[str, str]]:
    return [(entry.name, entry.source) for entry in scan(folders, **arguments).files]


def ollama_model(store: Path, name: str, content: Path, hexadecimal: str, **layer: str) -> None:
    """A manifest for `name` (host/namespace/model/tag) and the blob that it names; `layer` changes what it says of that."""
    blob = store / "blobs" / f"sha256-{hexadecimal}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    content.rename(blob)
    manifest = store / "manifests" / name
    manifest.parent.mkdir(parents=True, exist_ok=True)
    weights = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{hexadecimal}"} | layer
    other = {"mediaType": "application/vnd.ollama.image.projector", "digest": "sha256:" + "f" * 64}
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": [other, weights]}))


def test_nothing_anywhere(home: Path) -> None:
    result = scan()
    assert (result.files, result.unreadable) == ((), ())


def test_hugging_face_cache(home: Path) -> None:
    repository = home / ".cache" / "huggingface" / "hub" / "models--someone--Tiny-GGUF"
    blob = model(repository / "blobs" / "0123abcd")
    for revision in ("rev1", "rev2"):
        link = repository / "snapshots" / revision / "sub" / "Tiny-Q4_0.gguf"
        link.parent.mkdir(parents=True)
        link.symlink_to(blob)
    result = scan()
    assert result.files == (
        FoundModel(repository / "snapshots" / "rev1" / "sub" / "Tiny-Q4_0.gguf", "Tiny-Q4_0", "Hugging Face"),
    ), "once, under the name that the link has"


def test_folders_of_other_programs(home: Path) -> None:
    model(home / ".lmstudio" / "models" / "publisher" / "name" / "A.Q8_0.gguf")
    model(home / ".cache" / "llama.cpp" / "B.gguf")
    model(home / ".local" / "share" / "Jan" / "data" / "llamacpp" / "models" / "org" / "C-Q4" / "model.gguf")
    model(home / ".local" / "share" / "nomic.ai" / "GPT4All" / "D.GGUF")
    assert found() == [("A.Q8_0", "LM Studio"), ("B", "llama.cpp"), ("C-Q4", "Jan"), ("D", "GPT4All")]


def test_ollama(home: Path, tmp_path: Path) -> None:
    store = home / ".ollama" / "models"
    ollama_model(store, "registry.ollama.ai/library/llama3/8b", model(tmp_path / "1"), "1" * 64)
    ollama_model(store, "registry.ollama.ai/someone/tiny/latest", model(tmp_path / "2"), "2" * 64)
    ollama_model(store, "hf.co/someone/tiny/Q4_0", model(tmp_path / "3"), "3" * 64)
    assert found() == [
        ("hf.co/someone/tiny:Q4_0", "Ollama"),
        ("llama3:8b", "Ollama"),
        ("someone/tiny:latest", "Ollama"),
    ]
    assert {entry.path.parent for entry in scan().files} == {store / "blobs"}


def test_ollama_files_that_are_not_what_they_seem(home: Path, tmp_path: Path) -> None:
    store = home / ".ollama" / "models"
    library_folder = "registry.ollama.ai/library"
    ollama_model(store, f"{library_folder}/outside/1", model(tmp_path / "1"), "1" * 64, digest="sha256:../../../../secret")
    ollama_model(
        store, f"{library_folder}/newer/1", model(tmp_path / "2"), "2" * 64, mediaType="application/vnd.ollama.image.tensor"
    )
    ollama_model(store, "misplaced", model(tmp_path / "3"), "3" * 64)
    for name, text in (
        ("a", "{"),
        ("b", "[1]"),
        ("c", '{"layers": 5}'),
        ("d", '{"layers": [7]}'),
        ("e", '{"layers": [{"digest": 1}]}'),
    ):
        manifest = store / "manifests" / library_folder / name / "latest"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(text)
    big = store / "manifests" / library_folder / "big" / "latest"
    big.parent.mkdir(parents=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{'1' * 64}"}
    big.write_text(json.dumps({"layers": [layer], "padding": "x" * 2**20}))
    result = scan()
    assert (result.files, result.unreadable) == ((), ())


def test_ollama_blob_gone_or_no_gguf(home: Path, tmp_path: Path) -> None:
    store = home / ".ollama" / "models"
    (tmp_path / "text").write_text("safetensors")
    ollama_model(store, "registry.ollama.ai/library/other/1", tmp_path / "text", "1" * 64)
    ollama_model(store, "registry.ollama.ai/library/gone/1", model(tmp_path / "2"), "2" * 64)
    (store / "blobs" / f"sha256-{'2' * 64}").unlink()
    result = scan()
    assert result.files == ()
    reasons = dict(result.unreadable)
    assert "no GGUF file" in reasons[store / "blobs" / f"sha256-{'1' * 64}"]
    assert "No such file" in reasons[store / "blobs" / f"sha256-{'2' * 64}"]


def test_given_folders_come_first_and_files_are_listed_once(home: Path, tmp_path: Path) -> None:
    original = model(home / ".lmstudio" / "models" / "p" / "m" / "A.gguf")
    mine = tmp_path / "mine"
    mine.mkdir()
    os.link(original, mine / "hard.gguf")
    (mine / "soft.gguf").symlink_to(original)
    assert found(mine) == [("hard", str(mine))]
    assert found() == [("A", "LM Studio")]
    assert found(mine, with_known_places=False) == [("hard", str(mine))]
    assert found(with_known_places=False) == []


def test_relative_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model(home / "mine" / "A.gguf")
    monkeypatch.chdir(home)
    assert scan([Path("mine")]).files == (FoundModel(path, "A", "mine"),)


def test_sample_is_listed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model(tmp_path / "installed" / "Sample.Q4_1.gguf")
    monkeypatch.setattr(library, "sample_model_path", lambda: path)
    assert scan().files == (FoundModel(path, "Sample.Q4_1", "sample"),)


def test_what_is_not_a_model_of_its_own(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for part in (1, 2, 3):
        model(folder / f"Big-{part:05}-of-00003.gguf", keys={"split.no": part - 1}, tensors=part - 1)
    model(folder / "mmproj-model-f16.gguf")
    model(folder / "vision.gguf", architecture="clip")
    model(folder / "projector.gguf", kind="mmproj")
    model(folder / "lora.gguf", kind="adapter")
    model(folder / "typed.gguf", kind="model")
    model(folder / "ggml-vocab-tiny.gguf", tensors=0)
    (folder / "notes.txt").write_text("no model")
    assert [name for name, _ in found(folder)] == ["Big", "typed"]


def test_files_that_cannot_be_used_are_told(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    good = model(folder / "good.gguf")
    (folder / "pointer.gguf").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (folder / "cut.gguf").write_bytes(good.read_bytes()[:40])
    (folder / "dangling.gguf").symlink_to(tmp_path / "nowhere")
    (folder / "circle.gguf").symlink_to(folder / "circle.gguf")
    result = scan([folder])
    assert [entry.name for entry in result.files] == ["good"]
    reasons = {path.name: reason for path, reason in result.unreadable}
    assert set(reasons) == {"pointer.gguf", "cut.gguf", "dangling.gguf", "circle.gguf"}
    assert "no GGUF file" in reasons["pointer.gguf"]
    assert "claims" in reasons["cut.gguf"] or "ends within" in reasons["cut.gguf"]
    assert "No such file" in reasons["dangling.gguf"]


def test_given_folder_that_is_not_there(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reasons = dict(scan([tmp_path / "absent", tmp_path / "file"]).unreadable)
    assert "No such file" in reasons[tmp_path / "absent"]
    assert "Not a directory" in reasons[tmp_path / "file"]


def forbid(monkeypatch: pytest.MonkeyPatch, function: str, folder: Path) -> None:
    """Let an os function fail for this folder as it does for one of another user; as root no mode would."""
    real: Callable[..., Any] = getattr(os, function)

    def refusing(path: Any, *arguments: Any, **keywords: Any) -> Any:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(os, function, refusing)


def test_folder_without_permission_does_not_stop_the_rest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = home / ".lmstudio" / "models"
    model(models / "closed" / "m" / "A.gguf")
    model(models / "open" / "m" / "B.gguf")
    forbid(monkeypatch, "scandir", models / "closed")
    result = scan()
    assert [entry.name for entry in result.files] == ["B"]
    assert result.unreadable == (
        (models / "closed", f"{models / 'closed'} cannot be read (Permission denied); check the path and its permissions"),
    )


def test_service_of_another_user_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = home / ".ollama" / "models" / "manifests"
    forbid(monkeypatch, "stat", manifests)
    assert [(path, "Permission denied" in reason) for path, reason in scan().unreadable] == [(manifests, True)]


def test_links_in_a_circle_end(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(Path(path).name), real(path))[1])
    folder = tmp_path / "mine"
    model(folder / "below" / "A.gguf")
    (folder / "below" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "below" / "again").symlink_to(folder / "below", target_is_directory=True)
    assert [name for name, _ in found(folder)] == ["A"]
    assert listed == ["mine", "below"], "each folder is listed once"


def test_depth_is_bounded(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    within = folder.joinpath(*"abcdefgh")
    model(within / "within.gguf")
    model(within / "i" / "beyond.gguf")
    assert [name for name, _ in found(folder)] == ["within"]


def test_found_models_are_told_at_once_and_a_scan_can_be_stopped(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for name in "abc":
        model(folder / f"{name}.gguf")
    told: list[str] = []
    scan([folder], lambda entry: told.append(entry.name))
    assert told == ["a", "b", "c"]

    told.clear()
    cancel = threading.Event()

    def stop_after_two(entry: FoundModel) -> None:
        told.append(entry.name)
        if len(told) == 2:
            cancel.set()

    with pytest.raises(Interrupted):
        scan([folder], stop_after_two, cancel)
    assert told == ["a", "b"]


def test_a_file_met_often_is_read_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model(tmp_path / "mine" / "A.gguf")
    reads = []
    real = library.read_beginning

    def counting(path: Path) -> Any:
        reads.append(path)
        return real(path)

    monkeypatch.setattr(library, "read_beginning", counting)
    for number in range(50):
        (path.parent / f"copy{number}.gguf").symlink_to(path)
    assert len(found(path.parent)) == 1
    assert reads == [path]
