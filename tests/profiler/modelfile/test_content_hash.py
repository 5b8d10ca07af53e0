"""Hashes of files, and when they are remembered."""

import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from profiler.errors import EnvironmentFault, Interrupted
from profiler.modelfile import content_hash
from profiler.modelfile.content_hash import sha256, sha256_of_parts

CONTENT = b"0123456789" * 1_000_000


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "cache" / "content-hashes.json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read, as opposed to remembered."""
    read: list[Path] = []
    real = content_hash._digest

    def digest(path: Path, *arguments: object) -> str:
        read.append(path)
        return real(path, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(content_hash, "_digest", digest)
    return read


def test_digest_and_progress(file: Path) -> None:
    shares: list[float] = []
    assert sha256(file, shares.append) == hashlib.sha256(CONTENT).hexdigest()
    assert shares == sorted(shares)
    assert len(shares) >= 3
    assert shares[-1] == 1.0


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert sha256(tmp_path / "empty") == hashlib.sha256().hexdigest()


def test_remembered_until_the_file_changes(file: Path, digests: list[Path]) -> None:
    first = sha256(file)
    assert sha256(file) == first
    assert digests == [file]
    os.utime(file, ns=(0, 12345))
    assert sha256(file) == first
    assert len(digests) == 2, "another time of change"
    file.write_bytes(CONTENT + b"!")
    assert sha256(file) == hashlib.sha256(CONTENT + b"!").hexdigest()
    assert len(digests) == 3
    replacement = file.with_name("other")
    replacement.write_bytes(CONTENT[::-1] + b"!")
    os.utime(replacement, ns=(file.stat().st_mtime_ns, file.stat().st_mtime_ns))
    replacement.replace(file)
    assert sha256(file) == hashlib.sha256(CONTENT[::-1] + b"!").hexdigest(), "same size and time, another inode"


def test_relative_paths_share_the_memory(file: Path, digests: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    sha256(file)
    monkeypatch.chdir(file.parent)
    sha256(Path(file.name))
    assert digests == [file]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"PATH": 5}', '{"PATH": {"sha256": "short"}}', "\udcff", "[" * 100_000])
def test_damaged_cache_is_ignored_and_replaced(file: Path, own_cache: Path, digests: list[Path], damage: str) -> None:
    own_cache.parent.mkdir(parents=True)
    own_cache.write_bytes(damage.replace("PATH", str(file)).encode("utf-8", "surrogateescape"))
    assert sha256(file) == hashlib.sha256(CONTENT).hexdigest()
    sha256(file)
    assert len(digests) == 1
    assert list(json.loads(own_cache.read_text())) == [str(file)]


def test_short_digest_in_the_cache_is_not_believed(file: Path, own_cache: Path) -> None:
    sha256(file)
    own_cache.write_text(own_cache.read_text().replace(hashlib.sha256(CONTENT).hexdigest(), "abc"))
    assert sha256(file) == hashlib.sha256(CONTENT).hexdigest()


def test_cache_is_bounded_and_leaves_nothing_beside(
    file: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_hash, "MAX_REMEMBERED", 2)
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_bytes(b"x")
        sha256(path)
    assert list(json.loads(own_cache.read_text())) == [str(path) for path in paths[1:]]
    assert [path.name for path in own_cache.parent.iterdir()] == [own_cache.name]


def test_unwritable_cache_does_not_matter(file: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert sha256(file) == hashlib.sha256(CONTENT).hexdigest()
    assert list(own_cache.parent.iterdir()) == []


def test_cancelled(file: Path, own_cache: Path) -> None:
    cancel = threading.Event()
    with pytest.raises(Interrupted):
        sha256(file, lambda _: cancel.set(), cancel)
    assert not own_cache.exists()


def test_changed_while_read(file: Path, own_cache: Path) -> None:
    def grow(_: float) -> None:
        with open(file, "ab") as growing:
            growing.write(b"more")

    with pytest.raises(EnvironmentFault, match="changed while it was read"):
        sha256(file, grow)
    assert not own_cache.exists()


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="No such file"):
        sha256(tmp_path / "absent")
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        sha256(tmp_path)


def test_a_model_in_one_file_has_that_files_hash(file: Path) -> None:
    assert sha256_of_parts([file]) == hashlib.sha256(CONTENT).hexdigest()


def test_a_split_models_hash_depends_on_every_part_and_on_their_order(tmp_path: Path) -> None:
    first, second = tmp_path / "m-00001-of-00002.gguf", tmp_path / "m-00002-of-00002.gguf"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    both = hashlib.sha256(hashlib.sha256(b"one").digest() + hashlib.sha256(b"two").digest()).hexdigest()
    shares: list[float] = []
    assert sha256_of_parts([first, second], shares.append) == both
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert sha256_of_parts([second, first]) != both
    second.write_bytes(b"2wo, changed")
    assert sha256_of_parts([first, second]) != both
