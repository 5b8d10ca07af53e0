"""The command `repair`."""

import json

from profiler.cli.main import main
from profiler.session.reader import SessionReader
from tests.helpers.written_session import write_session


def test_it_tells_what_was_saved_and_leaves_the_old_file_as_it_was(tmp_path, capsys):
    path = tmp_path / "a.inferometer"
    write_session(path)
    before = path.read_bytes()
    assert main(["repair", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["is_whole"]
    assert told["target"] == str(tmp_path / "a-repaired.inferometer")
    assert path.read_bytes() == before
    with SessionReader.open(path) as old, SessionReader.open(tmp_path / "a-repaired.inferometer") as new:
        assert old.cells() == new.cells()
    assert main(["repair", str(path)]) == 2
    assert "exists already" in capsys.readouterr().err
