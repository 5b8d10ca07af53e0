"""The parent's side, against processes that misbehave on purpose (the real engine is tested in tests/integration)."""

import sys
import time

import pytest

from profiler.child.ends import crash_sentence
from profiler.child.engine_child import EngineChild
from profiler.records.outcome import OutcomeKind

PREAMBLE = """
import sys, time, os
from profiler.records.message import *
out = sys.stdout.buffer
def say(kind, document):
    out.write(json_message(kind, document)); out.flush()
"""
HELLO = "say(MessageKind.HELLO, {'pid': os.getpid(), 'protocol': 1})\n"


def child_that(script, **options):
    return EngineChild([sys.executable, "-c", PREAMBLE + script], **options)


def test_a_program_that_is_not_there_is_told():
    outcome = EngineChild(["/no/such/program"]).start()
    assert outcome.kind is OutcomeKind.START_FAILED
    assert "could not be started" in outcome.sentence


def test_a_child_that_ends_while_starting_is_told_with_its_last_words():
    with child_that("sys.exit('the library is missing')") as child:
        outcome = child.start()
    assert outcome.kind is OutcomeKind.START_FAILED
    assert "the library is missing" in outcome.sentence


def test_a_result_is_handed_over_and_messages_before_it():
    script = HELLO + (
        "read_message(sys.stdin.buffer)\n"
        "say(MessageKind.PROGRESS, {'phase': 'loading', 'share': 0.5})\n"
        "say(MessageKind.RESULT, {'answer': 42})\n"
        "time.sleep(60)"
    )
    heard = []
    with child_that(script) as child:
        end = child.run_job("any", {}, on_message=lambda message: heard.append(message.kind.name))
        assert child.process_id is not None, "the child lives on for the next job"
    assert end.outcome.is_done
    assert end.result == {"answer": 42}
    assert heard == ["PROGRESS"]


def test_a_refusal_leaves_the_child_alive_and_brings_the_log_with_it():
    script = HELLO + (
        "read_message(sys.stdin.buffer)\n"
        "say(MessageKind.FAILED, {'sentence': 'No.', 'log': ['llama: tensor 7 is broken']})\n"
        "time.sleep(60)"
    )
    with child_that(script) as child:
        outcome = child.run_job("any", {}).outcome
        assert child.process_id is not None
    assert (outcome.kind, outcome.sentence) == (OutcomeKind.REFUSED, "No.")
    assert outcome.log_tail == ("llama: tensor 7 is broken",)


def test_silence_is_a_hang_but_a_heartbeat_is_not():
    silent = HELLO + "time.sleep(60)"
    with child_that(silent, silence_limit_s=0.4) as child:
        end = child.run_job("any", {})
        assert child.process_id is None, "a hung child is killed"
    assert end.outcome.kind is OutcomeKind.HUNG
    slow = HELLO + (
        "read_message(sys.stdin.buffer)\n"
        "for beat in range(12):\n"
        "    time.sleep(0.1); say(MessageKind.HEARTBEAT, {'phase': 'loading', 'elapsed_s': 1.0})\n"
        "say(MessageKind.RESULT, {})\ntime.sleep(60)"
    )
    with child_that(slow, silence_limit_s=0.8) as child:
        assert child.run_job("any", {}).outcome.is_done


def test_rubbish_on_the_pipe_is_told_and_the_child_killed():
    script = HELLO + "out.write(b'ggml_cuda_init: found 1 device\\n' * 9); out.flush(); time.sleep(60)"
    with child_that(script) as child:
        end = child.run_job("any", {})
        assert child.process_id is None
    assert end.outcome.kind is OutcomeKind.GARBLED


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process on POSIX")
@pytest.mark.parametrize(
    ("name", "words"), [("SIGKILL", "memory ran out"), ("SIGSEGV", "SIGSEGV"), ("SIGABRT", "last words: oh no")]
)
def test_a_death_by_signal_is_told_with_its_likely_cause(name, words):
    script = HELLO + (
        "import signal\nread_message(sys.stdin.buffer)\nprint('oh no', file=sys.stderr, flush=True)\n"
        f"os.kill(os.getpid(), signal.{name})"
    )
    with child_that(script) as child:
        end = child.run_job("any", {})
    assert end.outcome.kind is OutcomeKind.CRASHED
    assert words in end.outcome.sentence


def test_after_a_death_the_next_job_starts_a_new_process():
    script = HELLO + (
        "job = read_message(sys.stdin.buffer).document()\n"
        "if job['name'] == 'die': os._exit(3)\n"
        "say(MessageKind.RESULT, {'pid': os.getpid()})\ntime.sleep(60)"
    )
    with child_that(script) as child:
        end = child.run_job("die", {})
        assert "status 3" in end.outcome.sentence
        assert child.run_job("live", {}).outcome.is_done


def test_a_child_that_does_not_obey_a_cancellation_is_killed(monkeypatch):
    monkeypatch.setattr("profiler.child.engine_child.CANCEL_LIMIT_S", 0.3)
    with child_that(HELLO + "time.sleep(60)") as child:
        begin = time.monotonic()
        end = child.run_job("any", {}, on_idle=child.cancel)
        assert time.monotonic() - begin < 10
        assert child.process_id is None
    assert end.outcome.kind is OutcomeKind.CANCELLED


def test_closing_ends_a_child_that_waits_for_its_input():
    with child_that(HELLO + "sys.stdin.buffer.read()") as child:
        child.start()
        process = child._process
    assert process.returncode == 0


def test_an_unknown_signal_still_makes_a_sentence():
    assert crash_sentence(-200, ()) == "The engine was ended by signal 200."
    assert crash_sentence(None, ()).endswith("killed.")
