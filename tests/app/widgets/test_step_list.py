from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.theme import ThemeSwitch
from app.widgets.step_list import StepList
from profiler.exchange.findings.search_view import Step, step_of
from profiler.records.run_record import SessionEvent


def test_each_kind_is_told_in_words(qtbot: QtBot, theme: ThemeSwitch) -> None:
    steps = StepList("Steps")
    qtbot.addWidget(steps)
    steps.show_steps(
        [
            Step("step", "All <4> candidates."),
            Step("out", "Q2_K is looked at no further: too slow."),
            Step("out", "Something else."),
            Step("step", "Narrowing down."),
        ],
        is_under_way=True,
    )
    assert steps.toPlainText().split("\n") == [
        "1. All <4> candidates.",
        "Q2_K out: too slow.",
        "out: Something else.",
        "2. now Narrowing down.",
    ]
    assert "line-through" in steps.toHtml()
    steps.add(Step("boundary", "Q8_0 holds 7 users, not 8."), is_under_way=False)
    assert steps.toPlainText().split("\n")[-2:] == ["2. Narrowing down.", "→ Q8_0 holds 7 users, not 8."]


def test_the_newest_is_in_sight_unless_somebody_reads_further_up(qtbot: QtBot) -> None:
    steps = StepList("Steps")
    qtbot.addWidget(steps)
    steps.resize(200, 80)
    steps.show()
    for number in range(20):
        steps.add(Step("step", f"Step of the search, the {number}th."))
    bar = steps.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    steps.resize(200, 50)
    assert bar.value() == bar.maximum()
    qtbot.keyClick(steps, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    bar.setValue(0)
    steps.add(Step("step", "One more."))
    assert bar.value() == 0


def test_only_a_searchs_events_are_steps() -> None:
    assert step_of(SessionEvent("", "flag", "Run 1")) is None
    assert step_of(SessionEvent("", "search out", "x")) == Step("out", "x")
