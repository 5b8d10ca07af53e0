from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from app.theme import ThemeSwitch
from app.tokens import tokens
from app.widgets.card import Card
from app.widgets.elided_label import ElidedLabel
from app.widgets.empty_state import EmptyState
from app.widgets.event_list import EventList
from app.widgets.page_header import ActionButton, PageHeader
from app.widgets.sentence import Sentence
from app.widgets.tile import Tile


def test_a_sentence_is_never_markup(qtbot: QtBot) -> None:
    label = Sentence("Measure **a <b>bold** <img src=x>", "caution")
    qtbot.addWidget(label)
    assert label.text() == '▲ Measure <span style="font-weight: 600;">a &lt;b&gt;bold</span> &lt;img src=x&gt;'
    assert label.accessibleName() == "Measure a <b>bold <img src=x>"
    label.show_text("good", "met")
    assert label.text() == "✓ good"


def test_the_tone_colours_a_sentence_in_both_themes(qtbot: QtBot, theme: ThemeSwitch) -> None:
    label = Sentence("late", "broken")
    qtbot.addWidget(label)
    label.ensurePolished()
    assert label.palette().color(label.foregroundRole()).name() == tokens().broken


def test_a_tile_tells_figure_unit_limit_and_term(qtbot: QtBot) -> None:
    tile = Tile("First token, p50 · p95", "TTFT, time to first token")
    qtbot.addWidget(tile)
    assert tile.accessibleDescription().startswith("not available")
    tile.show_figure("412 · 690", "ms", "limit 1000 ms, met by 98 %", "met")
    assert tile.accessibleName() == "First token, p50 · p95"
    assert tile.accessibleDescription() == "412 · 690 ms. ✓ limit 1000 ms, met by 98 %"
    assert "TTFT" in tile.toolTip()
    tile.show_unknown("the model's steps are not understood")
    assert tile.figure == "–"


def test_a_tile_widens_for_its_words_and_does_not_shrink_again(qtbot: QtBot) -> None:
    tile = Tile("Output")
    qtbot.addWidget(tile)
    tile.show_figure("158", "tok/s", "prompt 61 tok/s · 2.4 requests a second")
    wide = tile.minimumSizeHint().width()
    tile.show_figure("1", "tok/s")
    assert tile.minimumSizeHint().width() == wide > 184


def test_a_cut_label_is_told_in_full(qtbot: QtBot) -> None:
    label = ElidedLabel("cell 7 of 16 · run 2 of 6")
    qtbot.addWidget(label)
    label.resize(300, 20)
    label.show()
    assert label.toolTip() == ""
    label.resize(60, 20)
    assert label.toolTip() == "cell 7 of 16 · run 2 of 6"


def test_a_header_follows_its_actions(qtbot: QtBot) -> None:
    action = QAction("Pause")
    action.setToolTip("Pause after this run")
    header = PageHeader("Live", "nothing runs")
    button = ActionButton(action)
    header.add(button)
    qtbot.addWidget(header)
    header.show()
    action.setEnabled(False)
    assert not button.isEnabled()
    action.setEnabled(True)
    action.setText("Resume")
    assert button.text() == "Resume"
    with qtbot.waitSignal(action.triggered):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    header.show_text("Q4_K_M · 8 users", "cell 7 of 16")
    assert (header.title, header.subtitle) == ("Q4_K_M · 8 users", "cell 7 of 16")


def test_an_empty_state_leads_on(qtbot: QtBot) -> None:
    state = EmptyState("Nothing is being measured", "Go to Plan and press Start.", "Go to Plan")
    qtbot.addWidget(state)
    state.show()
    with qtbot.waitSignal(state.acted):
        qtbot.keyClick(state.button, Qt.Key.Key_Space)


def test_events_are_latest_first_and_never_markup(qtbot: QtBot) -> None:
    events = EventList()
    qtbot.addWidget(events)
    events.add("23:01", "first")
    events.add("23:02", "<b>second</b>", "caution")
    assert events.toPlainText() == "23:02 ▲ <b>second</b>\n23:01 first"
    events.clear_entries()
    assert events.toPlainText() == ""


def test_a_card_is_named_and_its_stripe_follows_the_theme(qtbot: QtBot, theme: ThemeSwitch) -> None:
    card = Card("In words")
    qtbot.addWidget(card)
    card.set_stripe("met")
    card.resize(200, 100)
    assert card.accessibleName() == "In words"
    assert card.grab().toImage().pixelColor(1, 50).name() == tokens().met
    card.set_title("Sweep", "16 cells")
    assert card.accessibleName() == "Sweep"
