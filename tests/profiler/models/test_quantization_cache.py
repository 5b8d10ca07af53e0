import json
import os
import subprocess
import sys

import pytest

from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.models import quantization_cache as cache

HASH = "ab" * 32


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))
    return cache.quantizations_folder()


def put(folder, name, type_name="Q8_0", size=1000, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{type_name}.gguf"
    path.write_bytes(bytes(size))
    note = {"type": type_name, "file_bytes": size, "sha256": "cd" * 32, "fallback_tensors": 3, "source_name": f"{name}.gguf"}
    cache.write_note(path, note | {"imatrix_name": None} | changes)
    return path


def test_an_empty_or_absent_cache_is_none():
    assert cache.entries() == ()
    assert cache.total_bytes() == cache.delete_all() == 0
    assert cache.find(cache.folder_of(HASH, "1"), "Q8_0") is None


def test_what_is_complete_is_listed_the_latest_used_first():
    folder = cache.folder_of(HASH, "1")
    old, new = put(folder, "a"), put(folder, "a", "Q4_0", 500, imatrix_name="m.gguf")
    os.utime(old.with_suffix(".json"), (2e9, 2e9))
    first, second = cache.entries()
    assert (first.path, first.type, first.file_bytes, first.fallback_tensors) == (old, "Q8_0", 1000, 3)
    assert first.last_used_utc.startswith("2033-05-18")
    assert (second.path, second.imatrix_name, second.source_name, second.is_in_use) == (new, "m.gguf", "a.gguf", False)
    assert first.made_utc is not None
    notes = sum(path.with_suffix(".json").stat().st_size for path in (old, new))
    assert cache.total_bytes() == 1500 + notes


def test_a_key_has_content_version_and_importance_matrix():
    folders = {
        cache.folder_of(HASH, "1"),
        cache.folder_of("cd" * 32, "1"),
        cache.folder_of(HASH, "2"),
        cache.folder_of(HASH, "1", HASH),
    }
    assert len(folders) == 4


def test_a_model_is_found_by_type_whatever_the_source_was_called():
    folder = cache.folder_of(HASH, "1")
    path = put(folder, "other-name")
    note = path.with_suffix(".json")
    os.utime(note, (1e9, 1e9))
    found = cache.find(folder, "Q8_0")
    assert found is not None
    assert found.path == path
    assert note.stat().st_mtime > 1e9  # used now
    assert cache.find(folder, "8_0") is None
    assert cache.find(folder, "Q4_0") is None


@pytest.mark.parametrize("spoil", ["no note", "torn note", "wrong size", "note of a list", "no model", "text as size"])
def test_what_is_not_complete_is_not_found(spoil):
    folder = cache.folder_of(HASH, "1")
    path = put(folder, "a")
    note = path.with_suffix(".json")
    match spoil:
        case "no note":
            note.unlink()
        case "torn note":
            note.write_text(note.read_text()[:20])
        case "wrong size":
            path.write_bytes(bytes(999))
        case "note of a list":
            note.write_text("[1]")
        case "no model":
            path.unlink()
        case "text as size":
            note.write_text(json.dumps(json.loads(note.read_text()) | {"file_bytes": "much"}))
    assert cache.find(folder, "Q8_0") is None
    assert cache.entries() == ()
    cache.delete_all()
    assert cache.total_bytes() == 0
    assert not folder.exists()


def test_one_is_deleted_with_its_note():
    folder = cache.folder_of(HASH, "1")
    path, other = put(folder, "a"), put(folder, "a", "Q4_0")
    expected = 1000 + path.with_suffix(".json").stat().st_size
    assert cache.delete(path) == expected
    assert [model.path for model in cache.entries()] == [other]
    assert not path.with_suffix(".json").exists()


def test_nothing_else_can_be_deleted(tmp_path):
    put(cache.folder_of(HASH, "1"), "a")
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"precious")
    for path in (mine, cache.quantizations_folder() / "x" / ".." / ".." / ".." / "mine.gguf", cache.quantizations_folder()):
        with pytest.raises(UnusableArguments, match="no model of the cache"):
            cache.delete(path)
    assert mine.exists()


def test_what_a_sweep_holds_stays():
    folder = cache.folder_of(HASH, "1")
    held, free = put(folder, "a"), put(folder, "a", "Q4_0")
    cache.hold(held)
    cache.hold(held)
    cache.release(held)
    with pytest.raises(EnvironmentFault, match="being measured"):
        cache.delete(held)
    assert [model.is_in_use for model in cache.entries() if model.path == held] == [True]
    cache.delete_all()
    assert held.exists()
    assert not free.exists()
    cache.release(held)
    cache.release(held)  # once too often does no harm
    cache.delete(held)
    assert cache.entries() == ()


def test_unfinished_files_go_only_when_nobody_writes_them():
    folder = cache.folder_of(HASH, "1")
    target = folder / "a.Q8_0.gguf"
    folder.mkdir(parents=True)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = cache.part_path(target)
    theirs = mine.with_name(mine.name.replace(f".{os.getpid()}.", f".{ended.pid}."))
    older = folder / "a.Q8_0.part"  # of a version that did not say whose it is
    for path in (mine, theirs, older):
        path.write_bytes(bytes(10))
    assert cache.total_bytes() == 30
    assert cache.delete_all() == 20
    assert [path.name for path in folder.iterdir()] == [mine.name]
    assert cache.part_path(target) != mine
