"""Sentences about a llama.cpp that cannot be used."""

import pytest

from profiler.engine.library_problem import import_library, library_sentence


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModuleNotFoundError("No module named 'llama_cpp'", name="llama_cpp"), "'llama_cpp' is not installed"),
        (FileNotFoundError("Shared library with base name 'llama' not found"), "library was not found (Shared library"),
        (AttributeError("undefined symbol: llama_x"), "is of another version than llama-cpp-python"),
        (RuntimeError("Failed to load shared library: invalid ELF header\nmore"), "could not be loaded (Failed to load"),
        (OSError(), "could not be loaded (OSError)"),
    ],
)
def test_each_failure_has_its_cause_and_remedy(error, words):
    plain = library_sentence(error, None)
    assert words in plain
    assert plain.endswith(
        ("install llama-cpp-python into this Python.", "Install llama-cpp-python again, built on this machine.")
    )
    if not isinstance(error, ModuleNotFoundError):
        assert "LLAMA_CPP_LIB_PATH names the folder /some/where: unset it" in library_sentence(error, "/some/where")


def test_a_library_that_is_there_is_no_problem():
    assert import_library() == ""
