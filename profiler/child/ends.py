"""Why a process ended, as a sentence with a remedy."""

import signal

_SIGNALS = {
    "SIGKILL": "was killed from outside, most likely because memory ran out; try a smaller model, context or number of slots",
    "SIGSEGV": "crashed with a memory error inside llama.cpp (SIGSEGV); other settings or another llama.cpp version may help",
    "SIGBUS": "could not read its model any more (SIGBUS): the file was truncated, replaced or its disk went away",
    "SIGILL": "uses instructions that this processor does not have (SIGILL); llama-cpp-python must be built on this machine",
    "SIGABRT": "was ended by llama.cpp itself (abort)",
    "SIGFPE": "crashed with an arithmetic error inside llama.cpp (SIGFPE)",
    "SIGTERM": "was ended by another program (SIGTERM)",
}


def crash_sentence(status: int | None, log_tail: tuple[str, ...]) -> str:
    """What the exit status means; the last line of the log is added where it tells the cause."""
    if status is None:
        return "The engine closed its output without ending, and was killed."
    if status >= 0:
        return f"The engine ended by itself with status {status}.{_last_words(log_tail)}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    story = _SIGNALS.get(name, f"was ended by {name}")
    words = _last_words(log_tail) if name == "SIGABRT" else ""
    return f"The engine {story}.{words}"


def _last_words(log_tail: tuple[str, ...]) -> str:
    return f" Its last words: {log_tail[-1]}" if log_tail else ""
