"""Why llama.cpp's library cannot be used here, as a sentence with a remedy."""

import os
from importlib.metadata import PackageNotFoundError, version

_OVERRIDE = "LLAMA_CPP_LIB_PATH"


def import_library() -> str:
    """Bring llama.cpp in; returns a sentence when that fails, else an empty one."""
    try:
        import llama_cpp.llama_cpp
    except Exception as error:  # whatever a foreign library does: it is not our bug
        return library_sentence(error, os.environ.get(_OVERRIDE))
    return "" if llama_cpp.llama_cpp else "llama.cpp is not there."


def library_sentence(error: Exception, folder: str | None) -> str:
    """What the failed import means.

    Args:
        error: of the import.
        folder: that the environment's LLAMA_CPP_LIB_PATH names, None where it names none.
    """
    if isinstance(error, ModuleNotFoundError):
        return f"The Python package '{error.name}' is not installed; install llama-cpp-python into this Python."
    words = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, FileNotFoundError):
        problem = "llama.cpp's library was not found"
    elif isinstance(error, AttributeError):
        problem = f"llama.cpp's library is of another version than llama-cpp-python {_version()} or is no llama.cpp at all"
    else:
        problem = "llama.cpp's library could not be loaded"
    if folder is not None:
        remedy = (
            f"The environment variable {_OVERRIDE} names the folder {folder}: unset it, or let it name one with the libraries "
            f"that belong to llama-cpp-python {_version()}."
        )
    else:
        remedy = "Install llama-cpp-python again, built on this machine."
    return f"{problem} ({words.rstrip('.')}). {remedy}"


def _version() -> str:
    try:
        return version("llama-cpp-python")
    except PackageNotFoundError:
        return "(of unknown version)"
