from datetime import datetime
from pathlib import Path

import pytest

from app.file_kind import FileKind, file_kind
from app.session_name import session_path
from profiler.errors import EnvironmentFault
from profiler.plan.plan import Models, Plan

NOW = datetime(2026, 11, 24, 23, 4)


def test_a_session_is_named_by_title_or_model_and_time(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "sessions"
    first = session_path(folder, Plan(title="4 users: chat/voice?"), NOW)
    assert first == folder / "4-users-chat-voice-2026-11-24-2304.inferometer"
    assert session_path(folder, Plan(models=Models(paths=("models/Qwen3-8B.gguf",))), NOW).name.startswith("Qwen3-8B-2026")
    assert session_path(folder, Plan(title="???"), NOW).name.startswith("sweep-2026")


def test_a_second_sweep_in_the_same_minute_gets_another_file(tmp_path: Path) -> None:
    first = session_path(tmp_path, Plan(title="a"), NOW)
    first.touch()
    assert session_path(tmp_path, Plan(title="a"), NOW).name == "a-2026-11-24-2304-2.inferometer"


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="cannot be made"):
        session_path(tmp_path / "file" / "x", Plan(), NOW)


def test_kinds_by_ending_and_by_first_bytes(tmp_path: Path) -> None:
    assert file_kind(tmp_path / "gone.GGUF") is FileKind.MODEL
    assert file_kind(tmp_path / "a.inferometer") is FileKind.SESSION
    assert file_kind(tmp_path / "plan.toml") is FileKind.PLAN
    (tmp_path / "blob").write_bytes(b"GGUF....")
    (tmp_path / "old").write_bytes(b"SQLite format 3\x00....")
    (tmp_path / "text").write_bytes(b"")
    assert file_kind(tmp_path / "blob") is FileKind.MODEL
    assert file_kind(tmp_path / "old") is FileKind.SESSION
    assert file_kind(tmp_path / "text") is None
    assert file_kind(tmp_path / "gone") is None
    assert file_kind(tmp_path) is None
