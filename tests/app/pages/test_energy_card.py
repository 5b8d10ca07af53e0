from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.pages.results.energy_words import NO_PRICE
from app.pages.results_page import ResultsPage
from app.settings import Settings
from profiler.records.energy_settings import EnergyPrice
from tests.helpers.metered_session import IDLE_WATTS, WATTS, write_metered_session


def opened(qtbot: QtBot, settings: Settings, path: Path) -> ResultsPage:
    page = ResultsPage(settings)
    qtbot.addWidget(page)
    page.resize(1300, 850)
    page.show()
    page.open_session(path)
    qtbot.waitUntil(lambda: page.session is not None and not page.is_busy, timeout=5000)
    return page


def told(page: ResultsPage) -> dict[str, str]:
    return {fact.label: fact.value for fact in page.energy.facts}


def number(words: str) -> float:
    return float(words.split()[0])


@pytest.fixture
def metered(qtbot: QtBot, settings: Settings, tmp_path: Path) -> ResultsPage:
    return opened(qtbot, settings, write_metered_session(tmp_path / "metered.inferometer"))


def test_the_card_tells_joules_speed_per_watt_and_meters(metered: ResultsPage) -> None:
    rows = told(metered)
    assert number(rows["Power, mean"]) == pytest.approx(WATTS, rel=0.01)
    assert number(rows["Output token, above rest"]) == pytest.approx(
        number(rows["Output token"]) * (WATTS - IDLE_WATTS) / WATTS, rel=0.01
    )
    assert number(rows["Speed per watt"]) == pytest.approx(1 / number(rows["Output token"]), rel=0.02)
    assert "±" in rows["Output token"]
    assert rows["A million output tokens"] == NO_PRICE
    assert "gpu0 (at rest 50.0 W)" in metered.energy.remark.accessibleName()


def test_a_price_adds_the_cost(metered: ResultsPage) -> None:
    metered.energy.show_price(EnergyPrice(0.36, "EUR"))
    rows = told(metered)
    assert rows["A million output tokens"].endswith(" EUR")
    # a million times J / 3.6e6 J a kWh × 0.36: a tenth of the joules
    assert number(rows["A million output tokens"]) == pytest.approx(number(rows["Output token"]) / 10, rel=0.01)


def test_a_reading_at_the_wall_is_kept_and_forgotten(
    metered: ResultsPage, qtbot: QtBot, settings: Settings, tmp_path: Path
) -> None:
    card = metered.energy
    assert not card.forget_button.isEnabled()
    card.wall_watts.setValue(10)
    card.wall_idle_watts.setValue(90)
    card.keep_button.click()
    assert "more while something runs" in card.wall_row.problem
    card.wall_watts.setValue(270)
    card.keep_button.click()
    assert card.wall_row.problem == ""
    assert number(told(metered)["Power at the wall"]) == pytest.approx(270, rel=0.01)
    assert card.calibration.summary == "at the wall 30.0 W + 1.20 × the machine's own meters"
    again = opened(qtbot, settings, write_metered_session(tmp_path / "another.inferometer"))
    assert "Power at the wall" in told(again)
    card.forget_button.click()
    assert "Power at the wall" not in told(metered)


def test_without_a_meter_the_card_says_why(qtbot: QtBot, settings: Settings, tmp_path: Path) -> None:
    page = opened(qtbot, settings, write_metered_session(tmp_path / "bare.inferometer", has_meter=False))
    assert page.energy.facts == ()
    assert page.energy.isVisible()
    assert "No meter of power or energy" in page.energy.remark.accessibleName()
    assert not page.energy.calibration.isVisible()
