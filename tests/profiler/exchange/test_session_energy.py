import pytest

from profiler.analysis.energy import Joules
from profiler.exchange import session_energy
from profiler.exchange.session_energy import add_energy, idle_power, interval_words, read_energy
from profiler.exchange.summary import summary_document
from profiler.records.energy_settings import EnergyPrice, WallCalibration
from profiler.session.reader import SessionReader
from tests.helpers.metered_session import IDLE_WATTS, WATTS, write_metered_session

CALIBRATION = WallCalibration(("gpu0",), 1.1, 40.0)
WALL_WATTS = 40 + 1.1 * WATTS


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return write_metered_session(tmp_path_factory.mktemp("sessions") / "metered.inferometer")


def told(path, price=None, calibration=None):
    with SessionReader.open(path) as reader:
        document = summary_document(reader)
        add_energy(document, read_energy(reader), price, calibration)
    (cell,) = document["cells"]
    return cell["energy"], cell["metrics"]


def test_joules_are_watts_over_speed_and_the_stored_figures(session):
    energy, metrics = told(session)
    assert energy["meters"] == ["gpu0"]
    assert energy["idle_watts"] == IDLE_WATTS
    assert energy["gross"]["watts"]["value"] == pytest.approx(WATTS)
    assert energy["gross"]["joules_per_output_token"]["value"] == pytest.approx(WATTS / metrics["output_tok_s"])
    assert energy["gross"]["joules_per_request"]["value"] == pytest.approx(WATTS / metrics["requests_s"])
    assert energy["above_idle"]["joules_per_output_token"]["value"] == pytest.approx(
        (WATTS - IDLE_WATTS) / metrics["output_tok_s"]
    )
    assert energy["above_idle"]["joules_per_output_token"]["value"] == pytest.approx(metrics["joules_per_output_token"])
    assert energy["above_idle"]["joules_per_request"]["value"] == pytest.approx(metrics["joules_per_request"])
    assert energy["tokens_per_joule"]["value"] == pytest.approx(metrics["tokens_per_joule"])
    assert energy["at_the_wall"] is None
    assert energy["cost_per_million_output_tokens"] is None


def test_each_figure_lies_between_the_ends_of_its_sampling_error(session):
    energy, _ = told(session)
    for figure in (*energy["gross"].values(), *energy["above_idle"].values(), energy["tokens_per_joule"]):
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert figure["low"] < figure["high"]


def test_cost_is_of_what_is_drawn_at_the_wall_where_that_is_known(session):
    energy, metrics = told(session, EnergyPrice(0.3, "EUR"), CALIBRATION)
    wall_j = WALL_WATTS / metrics["output_tok_s"]
    assert energy["at_the_wall"]["joules_per_output_token"]["value"] == pytest.approx(wall_j)
    assert energy["at_the_wall_above_idle"]["watts"]["value"] == pytest.approx(1.1 * (WATTS - IDLE_WATTS))
    cost = energy["cost_per_million_output_tokens"]
    assert cost["value"] == pytest.approx(wall_j * 1e6 / 3.6e6 * 0.3)
    assert (cost["currency"], cost["price_per_kwh"], energy["cost_is_of"]) == ("EUR", 0.3, "at_the_wall")
    unmetered, _ = told(session, EnergyPrice(0.3), WallCalibration(("gpu1",), 1.1, 40.0))
    assert unmetered["at_the_wall"] is None
    assert unmetered["cost_is_of"] == "gross"


def test_without_a_meter_the_reasons_of_the_meters_sources_are_told(tmp_path):
    energy, metrics = told(write_metered_session(tmp_path / "bare.inferometer", has_meter=False))
    assert metrics["energy_j"] is None
    assert energy["meters"] == []
    assert energy["reason"] == "No meter of power or energy could be read on this machine. No driver. Only root may read it."


def test_known_runs_are_not_read_again(session, monkeypatch):
    with SessionReader.open(session) as reader:
        first = read_energy(reader)
        monkeypatch.setattr(session_energy, "_read_run", None)
        assert read_energy(reader, first) == first


@pytest.mark.parametrize("text", [None, "", "null", "[]", "{", '{"draws": {"gpu0": 3}, "duration_s": 3}'])
def test_an_idle_power_that_makes_no_sense_is_none(text):
    assert idle_power(text) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Joules(1.8434, 1.5, 2.15), "1.84 ± 0.32"),
        (Joules(-0.0005, -0.3, 0.34), "0.00 ± 0.32"),
        (Joules(240.4, 199, 281), "240 ± 41"),
        (Joules(240.4, None, None), "240"),
        (None, "–"),
    ],
)
def test_words_have_the_digits_that_the_error_leaves(value, words):
    assert interval_words(value) == words
