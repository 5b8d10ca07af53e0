import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from app.theme import ThemeSwitch
from app.tokens import DARK, LIGHT, Tokens, contrast, mixed, tokens


def test_choice_reaches_palette_tokens_and_stylesheet(qapp: QApplication) -> None:
    switch = ThemeSwitch(qapp, "light")
    assert tokens() is LIGHT
    assert qapp.palette().color(QPalette.ColorRole.Base).name() == LIGHT.surface
    switch.choose("dark")
    assert tokens() is DARK
    assert DARK.accent in qapp.styleSheet()
    assert "$" not in qapp.styleSheet()


def test_system_choice_falls_back_to_light_when_the_platform_says_nothing(qapp: QApplication) -> None:
    switch = ThemeSwitch(qapp, "dark")
    switch.choose("system")
    assert switch.choice == "system"
    assert tokens() is LIGHT


@pytest.mark.parametrize("chosen", [DARK, LIGHT], ids=lambda chosen: chosen.name)
def test_every_text_colour_is_readable_on_cards_and_ground(chosen: Tokens) -> None:
    for color in (chosen.text, chosen.muted, chosen.accent, chosen.met, chosen.broken, chosen.caution):
        assert contrast(color, chosen.surface) >= 4.5, color
    for color in (chosen.text, chosen.muted):
        assert contrast(color, chosen.ground) >= 4.5, color
    assert contrast(chosen.on_accent, chosen.accent) >= 4.5
    for curve in chosen.series:
        assert contrast(curve, chosen.surface) >= 3, curve


def test_contrast_and_mixture_by_hand() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)
    assert mixed("#000000", "#64c800", 0.5).name() == "#326400"
