"""What every test stands on: a home of its own for caches and settings, the real sample model, and one way to run the engine."""

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory):
    """Caches, learned figures, settings and documents of all tests lie in one temporary folder, never in the user's."""
    home = tmp_path_factory.mktemp("home")
    before = os.environ.get("INFEROMETER_HOME")
    os.environ["INFEROMETER_HOME"] = str(home)
    yield home
    if before is None:
        del os.environ["INFEROMETER_HOME"]
    else:
        os.environ["INFEROMETER_HOME"] = before


@pytest.fixture(autouse=True)
def garbage():
    """Once a test made Qt's application, Python collects nothing on its own (app/garbage.py)."""
    yield
    offscreen = sys.modules.get("tests.helpers.offscreen")
    if offscreen is not None:
        offscreen.collect_garbage()


@pytest.fixture(scope="session")
def sample_model() -> Path:
    """The real sample model."""
    from profiler.models.sample import sample_model_path

    return sample_model_path()
