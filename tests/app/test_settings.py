from pathlib import Path

from app.settings import Settings
from profiler import paths


def test_values_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "window.ini"
    first = Settings(file)
    first.theme = "dark"
    first.quiet = True
    first.last_page = "Live"
    first.sessions_folder = tmp_path / "sessions"
    first.library_folders = (tmp_path / "one, with comma",)
    first.last_plan = {"load": {"concurrency": [1, 8]}}
    first.save()
    again = Settings(file)
    assert (again.theme, again.quiet, again.last_page) == ("dark", True, "Live")
    assert again.sessions_folder == tmp_path / "sessions"
    assert again.library_folders == (tmp_path / "one, with comma",)
    assert again.last_plan == {"load": {"concurrency": [1, 8]}}


def test_first_start_has_defaults(settings: Settings) -> None:
    assert settings.theme == "system"
    assert not settings.quiet
    assert settings.geometry.isEmpty()
    assert settings.sessions_folder == paths.sessions_folder()
    assert settings.recent_sessions == ()
    assert settings.last_plan is None


def test_nonsense_counts_as_absent(tmp_path: Path) -> None:
    file = tmp_path / "window.ini"
    file.write_text("[window]\ntheme=purple\ngeometry=3\n[folders]\nlibrary=[1, oops\n[plan]\nlast=7\n", encoding="utf-8")
    settings = Settings(file)
    assert settings.theme == "system"
    assert settings.geometry.isEmpty()
    assert settings.library_folders == ()
    assert settings.last_plan is None


def test_recent_sessions_are_unique_newest_first_and_there(settings: Settings, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.inferometer" for number in range(12)]
    for file in files:
        file.touch()
        settings.add_recent_session(file)
    settings.add_recent_session(files[5])
    assert settings.recent_sessions[:2] == (files[5], files[11])
    assert len(settings.recent_sessions) == 10
    files[11].unlink()
    assert files[11] not in settings.recent_sessions
    settings.forget_recent_sessions()
    assert settings.recent_sessions == ()


def test_watched_folders_and_baseline(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "w.ini")
    settings.sessions_folder = tmp_path
    settings.run_folders = (tmp_path / "more", tmp_path)
    assert settings.watched_folders == (tmp_path, tmp_path / "more")
    assert settings.baseline is None
    session = tmp_path / "a.inferometer"
    session.write_text("")
    settings.baseline = session
    settings.save()
    again = Settings(tmp_path / "w.ini")
    assert again.baseline == session
    session.unlink()
    assert again.baseline is None
