import os
from contextlib import suppress

import pytest

from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.exchange.target import new_file, new_folder


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "x.json"
    with new_file(target, force=False) as stream:
        stream.write("whole ✓")
        assert not target.exists()
    assert target.read_text(encoding="utf-8") == "whole ✓"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_is_not_finished_does_not_appear(tmp_path):
    target = tmp_path / "x.json"
    target.write_text("old")
    with suppress(ZeroDivisionError), new_file(target, force=True) as stream:
        stream.write("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_is_not_finished_does_not_appear(tmp_path):
    target = tmp_path / "x"
    with suppress(ZeroDivisionError), new_folder(target, force=False, own_files=["a"]) as folder:
        (folder / "a").write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_never_replaced(tmp_path):
    target = tmp_path / "documents"
    target.mkdir()
    (target / "thesis.txt").write_text("precious")
    with pytest.raises(UnusableArguments, match="no export"), new_folder(target, force=True, own_files=["a"]):
        pytest.fail("began")
    assert (target / "thesis.txt").read_text() == "precious"


def test_a_file_is_no_folder_and_the_reverse(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnusableArguments, match="is a file"), new_folder(tmp_path / "file", force=True, own_files=[]):
        pytest.fail("began")
    with pytest.raises(UnusableArguments, match="is a folder"), new_file(tmp_path / "folder", force=True):
        pytest.fail("began")


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(EnvironmentFault, match="does not exist"), new_file(tmp_path / "nowhere" / "x", force=False):
        pytest.fail("began")
    with pytest.raises(EnvironmentFault, match="does not exist"), new_folder(tmp_path / "no" / "x", force=False, own_files=[]):
        pytest.fail("began")


def test_the_replaced_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    target = tmp_path / "x"
    target.mkdir()
    (target / "a").write_text("old")
    really_replace = os.replace

    def replace_but_for_the_new_one(source, destination):
        if (source / "a").read_text() == "new":
            raise PermissionError(13, "Permission denied")
        really_replace(source, destination)

    monkeypatch.setattr(os, "replace", replace_but_for_the_new_one)
    with pytest.raises(EnvironmentFault, match="Permission denied"), new_folder(target, force=True, own_files=["a"]) as folder:
        (folder / "a").write_text("new")
    assert (target / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_told(tmp_path):
    with pytest.raises(EnvironmentFault, match="No space left"), new_folder(tmp_path / "x", force=False, own_files=[]):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
