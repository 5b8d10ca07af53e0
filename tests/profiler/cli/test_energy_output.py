import json

import pytest

from profiler.cli.main import main
from tests.helpers.metered_session import write_metered_session


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))


@pytest.fixture
def session(tmp_path):
    return write_metered_session(tmp_path / "metered.inferometer")


def test_show_tells_energy_in_its_table_and_its_document(session, capsys):
    assert main(["show", str(session), "--price", "0.36", "--currency", "EUR"]) == 0
    text = capsys.readouterr().out
    assert "J/output token" in text
    assert "EUR per million output tokens" in text
    assert "Energy is of gpu0 (at rest: 50.0 W)" in text
    assert "of these meters alone" in text
    assert main(["show", str(session), "--price", "0.36", "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    energy = cell["energy"]
    joules = energy["gross"]["joules_per_output_token"]["value"]
    assert energy["cost_per_million_output_tokens"]["value"] == pytest.approx(joules / 10)


def test_a_reading_at_the_wall_is_kept_for_the_next_look(session, capsys):
    assert main(["show", str(session), "--wall-watts", "270", "--wall-idle-watts", "90"]) == 0
    assert "wall W" in capsys.readouterr().out
    assert main(["show", str(session), "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert cell["energy"]["at_the_wall"]["watts"]["value"] == pytest.approx(270)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--price", "-1"], "--price"),
        (["--wall-idle-watts", "90"], "needs --wall-watts"),
        (["--wall-watts", "40", "--wall-idle-watts", "90"], "more while something runs"),
    ],
)
def test_unusable_readings_are_told(session, capsys, options, words):
    assert main(["show", str(session), *options]) == 2
    assert words in capsys.readouterr().err


def test_without_a_meter_the_reason_is_told(tmp_path, capsys):
    bare = write_metered_session(tmp_path / "bare.inferometer", has_meter=False)
    assert main(["show", str(bare)]) == 0
    assert "Energy: not available. No meter of power or energy could be read" in " ".join(capsys.readouterr().out.split())
    assert main(["show", str(bare), "--wall-watts", "40"]) == 2
    assert "0 cells" in capsys.readouterr().err
