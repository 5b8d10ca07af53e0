import os
import stat
import subprocess
import sys

import pytest

from profiler.errors import EnvironmentFault
from profiler.session.claim import Claim, is_claimed
from tests.helpers.written_session import write_session

HOLDER = """
import sys
from pathlib import Path
from profiler.session.claim import Claim
claim = Claim.take(Path(sys.argv[1]))
print("taken", flush=True)
sys.stdin.read()
"""


def test_one_claim_at_a_time(tmp_path):
    path = tmp_path / "a.inferometer"
    assert not is_claimed(path)
    claim = Claim.take(path)
    assert is_claimed(path)
    with pytest.raises(EnvironmentFault, match="another Inferometer"):
        Claim.take(path)
    claim.release()
    claim.release()
    assert not is_claimed(path)
    assert list(tmp_path.iterdir()) == []
    Claim.take(path).release()


def test_a_killed_process_frees_its_claim(tmp_path):
    path = tmp_path / "a.inferometer"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        holder.stdout.readline()
        assert is_claimed(path)
        with pytest.raises(EnvironmentFault):
            Claim.take(path)
        holder.kill()
    assert not is_claimed(path)
    Claim.take(path).release()


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(EnvironmentFault, match="does not exist"):
        Claim.take(tmp_path / "nowhere" / "a.inferometer")


def test_a_lock_file_that_its_owner_removed_does_not_count(tmp_path, monkeypatch):
    """The writer before us removes the lock file between our opening it and locking it: our lock would be on nothing."""
    path = tmp_path / "a.inferometer"
    lock_file = tmp_path / "a.inferometer-lock"
    really_open = os.open
    opened = []

    def open_and_lose(name, *arguments):
        descriptor = really_open(name, *arguments)
        opened.append(name)
        if len(opened) == 1:
            lock_file.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_lose)
    claim = Claim.take(path)
    monkeypatch.undo()
    assert len(opened) == 2
    assert is_claimed(path)
    claim.release()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed here")
def test_a_planted_link_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "a.inferometer-lock").symlink_to(elsewhere)
    with pytest.raises(EnvironmentFault, match=r"a\.inferometer"):
        Claim.take(tmp_path / "a.inferometer")
    assert not elsewhere.exists()


@pytest.mark.skipif(os.name == "nt", reason="rights are other things there")
def test_files_have_the_rights_that_the_user_gives_new_files(tmp_path):
    before = os.umask(0o077)
    try:
        path = write_session(tmp_path / "a.inferometer")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
