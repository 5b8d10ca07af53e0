"""The real window on the real engine, without a screen."""

import pytest
from PySide6.QtWidgets import QApplication

from tests.helpers.offscreen import application


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    return application()
