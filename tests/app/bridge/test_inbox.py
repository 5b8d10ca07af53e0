import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.bridge.inbox import Inbox


def test_one_bad_delivery_leaves_the_next_ones_to_be_delivered(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    hooked: list[type[BaseException]] = []
    monkeypatch.setattr("sys.excepthook", lambda kind, error, trace: hooked.append(kind))
    heard: list[object] = []

    def deliver(thing: object) -> None:
        if thing == "bad":
            raise ZeroDivisionError
        heard.append(thing)

    owner = QObject()
    inbox = Inbox(deliver, owner)
    for thing in ("first", "bad", "last"):
        inbox.put(thing)
    qtbot.waitUntil(lambda: len(heard) == 2)
    assert heard == ["first", "last"]
    assert hooked == [ZeroDivisionError]
