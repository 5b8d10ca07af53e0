"""The button "Resume" of the Results page, and the question that comes when something has changed."""

import pytest

from app.dialogs.resume_question import ResumeQuestion
from app.pages.results_page import ResultsPage
from profiler.records.run_record import SessionEvent
from profiler.session.writer import SessionWriter
from tests.helpers.written_session import PLAN, write_session


@pytest.fixture
def opened(qtbot, settings, tmp_path):
    def open_with(*kinds):
        path = write_session(tmp_path / f"{'-'.join(kinds)}.inferometer")
        with SessionWriter.open(path) as writer:
            for kind in kinds:
                writer.add_event(SessionEvent("2026-01-01T00:00:00+00:00", kind, kind))
        page = ResultsPage(settings)
        qtbot.addWidget(page)
        page.open_session(path)
        qtbot.waitUntil(lambda: page.session is not None and not page.is_busy)
        return page

    return open_with


def test_it_is_there_for_a_session_that_was_broken_off_and_asks_for_its_rest(opened, qtbot):
    page = opened("start")
    assert page.resume_button.isVisibleTo(page)
    with qtbot.waitSignal(page.resume_requested) as asked:
        page.resume_button.click()
    assert asked.args == [PLAN, page.session.path]
    page.set_measuring(True)
    assert not page.resume_button.isEnabled()


@pytest.mark.parametrize("kinds", [("start", "end"), ("start", "stop", "resumed", "end")])
def test_it_is_not_there_for_a_session_that_has_ended(opened, kinds):
    page = opened(*kinds)
    assert not page.resume_button.isVisibleTo(page)


@pytest.mark.parametrize("goes_on", [True, False])
def test_changes_are_told_and_asked_about(qtbot, goes_on):
    accepted = []
    question = ResumeQuestion(["the model file a.gguf has other contents than before"])
    qtbot.addWidget(question)
    assert "a.gguf" in question.informativeText()
    assert question.defaultButton() is question.leave_button
    question.buttonClicked.connect(lambda button: accepted.append(button is question.resume_button))
    question.show()
    (question.resume_button if goes_on else question.leave_button).click()
    assert accepted == [goes_on]
