"""The parent's side, against processes that misbehave on purpose (the real engine is tested in tests/integration)."""

import sys
import time

import pytest

from profiler.child.ends import Evidence, crash_sentence, was_killed_for_memory
from profiler.child.engine_child import EngineChild
from profiler.child.process_end import oom_kills
from profiler.errors import EnvironmentFault
from profiler.records.outcome import Outcome, OutcomeKind

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
    ("name", "words"), [("SIGKILL", "killed from outside"), ("SIGSEGV", "SIGSEGV"), ("SIGABRT", "last words: oh no")]
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
    assert "was killed" in crash_sentence(None, ())


@pytest.mark.parametrize(
    ("evidence", "is_memory", "words"),
    [
        (Evidence(1, 3_000_000_000), True, "because memory ran out (OOM killer); it held 3.00 GB at the most; try a smaller"),
        (Evidence(None, None), False, "killed from outside, most likely because memory ran out; try"),
        (Evidence(0, 3_000_000_000), False, "The kernel did not do it for want of memory"),
    ],
)
def test_a_kill_is_put_down_to_memory_only_where_the_kernel_counted_one(evidence, is_memory, words):
    assert words in crash_sentence(-9, (), evidence)
    assert was_killed_for_memory(-9, evidence) is is_memory
    assert not was_killed_for_memory(-11, evidence), "another process was the victim"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's counter is Linux's")
def test_a_kill_with_a_counted_oom_kill_is_told_as_one(monkeypatch):
    counts = iter([4, 4, 5])
    monkeypatch.setattr("profiler.child.engine_child.oom_kills", lambda: next(counts))
    with child_that(HELLO + "read_message(sys.stdin.buffer)\nos.kill(os.getpid(), 9)") as child:
        outcome = child.run_job("any", {}).outcome
    assert outcome.kind is OutcomeKind.OUT_OF_MEMORY
    assert not outcome.may_be_chance, "it would take the machine down again"
    assert "it held" in outcome.sentence


def test_the_kernel_s_count_is_read_where_there_is_one(tmp_path):
    assert oom_kills(tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").write_text("nr_free_pages 7\noom_kill 12\noom_kill_other 99\n")
    assert oom_kills(tmp_path) == 12
    (tmp_path / "proc/vmstat").write_text("nr_free_pages 7\n")
    assert oom_kills(tmp_path) is None


def test_windows_tells_a_crash_by_its_status():
    assert "SIGSEGV" in crash_sentence(0xC0000005, ())


def test_python_s_own_epilogue_is_nobody_s_last_words():
    log = ("llama: tensor 7 is broken", "<no Python frame>")
    assert crash_sentence(1, log).endswith("Its last words: llama: tensor 7 is broken")


RUBBISH = {
    "a version from nowhere": "b'\\x03\\0\\0\\0\\x14\\x4dabc'",
    "an unknown kind": "b'\\x03\\0\\0\\0\\x63\\x01abc'",
    "two gigabytes announced": "b'\\0\\0\\0\\x80\\x14\\x01'",
    "rows that do not add up": "b'\\x0c\\0\\0\\0\\x14\\x01' + b'\\xff' * 12",
    "a document that is none": "b'\\x04\\0\\0\\0\\x15\\x01}{!!'",
    "a failure without words": "b'\\x02\\0\\0\\0\\x16\\x01{}'",
}


@pytest.mark.parametrize("frame", RUBBISH.values(), ids=RUBBISH.keys())
def test_every_kind_of_rubbish_is_told_as_such(frame):
    script = HELLO + f"read_message(sys.stdin.buffer)\nout.write({frame}); out.flush(); time.sleep(60)"

    def hear(message):
        if message.kind.name == "ROWS":
            message.tables()

    with child_that(script) as child:
        end = child.run_job("any", {}, on_message=hear)
        assert child.process_id is None
    assert (end.outcome.kind, end.result) == (OutcomeKind.GARBLED, {})
    assert "no message" in end.outcome.sentence


def test_a_message_cut_short_is_an_end():
    script = HELLO + "read_message(sys.stdin.buffer)\nout.write(b'\\xff\\0\\0\\0\\x14\\x01abc'); out.flush(); sys.exit(4)"
    with child_that(script) as child:
        outcome = child.run_job("any", {}).outcome
    assert outcome.kind is OutcomeKind.CRASHED
    assert "status 4" in outcome.sentence


def test_a_listener_s_own_trouble_is_not_the_engine_s():
    script = HELLO + "read_message(sys.stdin.buffer)\nsay(MessageKind.PROGRESS, {})\ntime.sleep(60)"

    def hear(message):
        raise EnvironmentFault("The disk is full.")

    with child_that(script) as child:
        with pytest.raises(EnvironmentFault, match="disk is full"):
            child.run_job("any", {}, on_message=hear)
        assert child.process_id is None, "nobody listens to it any more"


def test_what_stops_this_process_is_not_taken_for_the_engine_s_silence(monkeypatch):
    clock = {"now": 0}

    def now_ns():  # every look is as if this process had been stopped for a minute
        clock["now"] += 60_000_000_000
        return clock["now"]

    monkeypatch.setattr("profiler.child.engine_child.now_ns", now_ns)
    script = HELLO + "read_message(sys.stdin.buffer)\ntime.sleep(0.6)\nsay(MessageKind.RESULT, {})\ntime.sleep(60)"
    with child_that(script, silence_limit_s=10.0) as child:
        assert child.run_job("any", {}).outcome.is_done


def test_a_job_is_stopped_with_the_outcome_that_is_given():
    with child_that(HELLO + "time.sleep(60)") as child:
        wanted = Outcome(OutcomeKind.OUT_OF_MEMORY, "Too much.")
        assert child.run_job("any", {}, on_idle=lambda: child.stop_job(wanted)).outcome is wanted
        assert child.process_id is None


def test_a_failed_start_brings_the_child_s_own_sentence():
    script = "say(MessageKind.FAILED, {'kind': 'start failed', 'sentence': 'No library.', 'log': []})\ntime.sleep(60)"
    with child_that(script) as child:
        outcome = child.start()
    assert (outcome.kind, outcome.sentence) == (OutcomeKind.START_FAILED, "The engine did not start. No library.")


def test_what_stopped_one_job_does_not_stop_the_next_start():
    script = HELLO + "read_message(sys.stdin.buffer)\nif os.environ.get('SLOW'): time.sleep(60)\nsay(MessageKind.RESULT, {})"
    with child_that(script, environment={"SLOW": "1"}) as child:
        wanted = Outcome(OutcomeKind.OUT_OF_MEMORY, "Too much.")
        child.run_job("any", {}, on_idle=lambda: child.stop_job(wanted))
        assert child.start().is_done


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process on POSIX")
def test_a_crash_before_the_first_word_is_put_down_to_the_library():
    with child_that("import signal\nos.kill(os.getpid(), signal.SIGBUS)") as child:
        outcome = child.start()
    assert outcome.kind is OutcomeKind.START_FAILED
    assert "while llama.cpp's library was brought in (SIGBUS)" in outcome.sentence
