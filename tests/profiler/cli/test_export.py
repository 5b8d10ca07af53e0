import json

import pytest

from profiler.cli.main import main
from profiler.exchange.formats import BY_NAME
from profiler.session.reader import SessionReader
from tests.helpers.written_session import write_session


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return write_session(tmp_path_factory.mktemp("export") / "a.inferometer")


def export(*arguments):
    return main(["export", *map(str, arguments)])


def test_an_existing_out_is_refused_without_force(session, tmp_path, capsys):
    target = tmp_path / "x.md"
    target.write_text("precious")
    assert export(session, "--to", "md", "-o", target) == 2
    assert "--force" in capsys.readouterr().err
    assert target.read_text() == "precious"
    assert export(session, "--to", "md", "-o", target, "--force") == 0
    assert target.read_text(encoding="utf-8").startswith("### 2 users chatting")


def test_what_has_no_place_is_told_on_standard_error(session, tmp_path, capsys):
    assert export(session, "--to", "vllm", "-o", tmp_path / "x") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "Written:" in told.err
    assert export(session, "--to", "llama-bench", "-o", tmp_path / "y") == 2, "its steps do not tell how prompts were read"
    assert "cell 1: no request of it was completed alone" in capsys.readouterr().err
    assert not (tmp_path / "y").exists()


def test_unknown_formats_and_options_without_meaning(session, tmp_path, capsys):
    assert export(session, "--to", "xml", "-o", tmp_path / "x") == 2
    assert "no format 'xml'" in capsys.readouterr().err
    assert export(session, "--to", "csv", "-o", tmp_path / "x", "--anonymize") == 2
    assert "--anonymize goes with --to session" in capsys.readouterr().err
    assert export(tmp_path / "nothing.inferometer", "--to", "csv", "-o", tmp_path / "x") == 1
    assert list(tmp_path.iterdir()) == []


def test_anonymize(session, tmp_path):
    assert export(session, "--to", "session", "-o", tmp_path / "x.inferometer", "--anonymize") == 0
    with SessionReader.open(tmp_path / "x.inferometer") as reader:
        assert (reader.title(), reader.models()[0].path) == ("", "model 1.gguf")


def test_help_tells_every_format(capsys):
    assert export("--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"{name}: {item.contents}" in told for name, item in BY_NAME.items())


def test_json_is_one_document(session, tmp_path):
    assert export(session, "--to", "json", "-o", tmp_path / "x.json") == 0
    assert len(json.loads((tmp_path / "x.json").read_text())["cells"]) == 6
