import pytest
from pytestqt.qtbot import QtBot

from app.widgets.work_strip import WorkStrip, time_left_text


@pytest.mark.parametrize(
    ("elapsed_ms", "share", "words"),
    [
        (10_000, None, ""),
        (10_000, 0.04, ""),
        (1000, 0.5, ""),
        (10_000, 0.25, "about 30 s left"),
        (2000, 0.99, "about 5 s left"),
        (60_000, 0.25, "about 3 min left"),
    ],
)
def test_time_left_is_a_guess_made_late_enough(elapsed_ms: int, share: float | None, words: str) -> None:
    assert time_left_text(elapsed_ms, share) == words


def test_it_is_there_while_there_is_something_to_tell(qtbot: QtBot) -> None:
    strip = WorkStrip()
    qtbot.addWidget(strip)
    assert strip.isHidden()
    strip.begin("making Q8_0")
    assert strip.words == "Making Q8_0…"
    assert strip.bar.isHidden()
    strip.show_progress("making Q8_0", 0.25)
    assert not strip.bar.isHidden()
    assert strip.bar.value() == 250
    with qtbot.waitSignal(strip.cancelled):
        strip.cancel_button.click()
    assert not strip.cancel_button.isEnabled()
    strip.show_end("Made.", "met")
    assert strip.cancel_button.isHidden()
    strip.show_end("", "plain")
    assert strip.isHidden()
