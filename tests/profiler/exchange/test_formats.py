import pytest

from profiler.exchange.formats import BY_NAME, FORMATS
from profiler.session.reader import SessionReader


def test_names():
    assert [item.name for item in FORMATS] == list(BY_NAME) == ["csv", "json"]


@pytest.mark.parametrize("name", BY_NAME)
def test_every_format_writes_what_it_says(tmp_path, session_file, name):
    target = tmp_path / f"x{BY_NAME[name].suffix}"
    with SessionReader.open(session_file) as reader:
        BY_NAME[name].export(reader, target)
    assert target.is_dir() if BY_NAME[name].target == "folder" else target.is_file()
