"""How the real engine ends when it cannot, may not or must not go on."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from profiler.child.engine_child import EngineChild
from profiler.clock import now_ns
from profiler.records.message import MessageKind
from profiler.records.outcome import OutcomeKind
from profiler.records.timing import RequestStatus


def after_first_rows(action):
    """Calls `action` once, when the run's first rows have arrived."""
    state = {"done": False}

    def hear(message):
        if message.kind is MessageKind.ROWS and not state["done"]:
            state["done"] = True
            action()

    return hear


def test_cancel_takes_no_more_than_the_running_decode_step(engine, serve, order_of):
    asked = []

    def cancel():
        asked.append(now_ns())
        engine.cancel()

    run = serve(order_of(users=2, output=2000, requests_per_user=None), on_message=after_first_rows(cancel))
    told_ns = now_ns()
    assert run.outcome.kind is OutcomeKind.CANCELLED
    assert engine.process_id is not None, "a cancelled engine lives on"
    steps = run.data.steps
    step_ns = (steps["end_ns"] - steps["start_ns"]).max()
    # The wish wakes the parent; then a step may not begin any more, and the running one is aborted inside.
    reaches_child_ns = asked[0] - run.facts.origin_ns + 150_000_000
    assert steps["start_ns"][-1] < reaches_child_ns + step_ns
    assert told_ns - asked[0] < 5_000_000_000
    assert set(run.data.requests["status"]) == {RequestStatus.UNFINISHED}
    assert run.data.requests["output_tokens"].sum() == len(run.data.tokens), "what was stamped before is kept"


@pytest.mark.long
def test_a_cancelled_prefill_is_aborted_inside_llama_cpp(engine, serve, order_of):
    order = order_of(prompt=2000, output=2, batch_size=2048, ubatch_size=2048, prefill_chunk=2048, requests_per_user=1)
    begin = []

    def hear(message):
        if message.kind is MessageKind.STARTED:
            begin.append(now_ns())
            engine.cancel()

    run = serve(order, on_message=hear)
    assert run.outcome.kind is OutcomeKind.CANCELLED
    assert engine.process_id is not None
    assert len(run.data.steps) == 0, "the only step was the prefill, and it was not completed"
    assert serve(order_of()).outcome.is_done, "the next run is not disturbed"


def test_a_killed_engine_is_told_and_the_next_run_starts_a_new_one(order_of, serve):
    with EngineChild() as child:
        child.start()

        def kill():
            os.kill(child.process_id, signal.SIGKILL)

        run = serve(order_of(output=2000), child=child, on_message=after_first_rows(kill))
        assert run.outcome.kind is OutcomeKind.CRASHED
        assert "killed from outside" in run.outcome.sentence
        assert len(run.data.tokens) > 0, "rows that had arrived are there"
        assert serve(order_of(), child=child).outcome.is_done


def test_a_truncated_model_is_refused_with_llama_cpp_s_own_words(order_of, serve, sample_model, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(sample_model.read_bytes()[:5_000_000])
    run = serve(order_of(path=str(cut)))
    assert run.outcome.kind is OutcomeKind.REFUSED
    assert "could not load" in run.outcome.sentence
    assert any("not within the file bounds" in line or "corrupted" in line for line in run.outcome.log_tail)


def test_a_refused_combination_brings_the_reason(order_of, serve):
    run = serve(order_of(flash_attn="off", cache_type_v="q8_0"))
    assert run.outcome.kind is OutcomeKind.REFUSED
    assert any("flash" in line.lower() for line in run.outcome.log_tail)
    assert "no cache type 'q9_9'" in serve(order_of(cache_type_k="q9_9")).outcome.sentence
    assert serve(order_of()).outcome.is_done


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_no_engine_survives_its_parent(order_of, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import json, sys
            from profiler.child.engine_child import EngineChild
            child = EngineChild()
            child.start()
            print(child.process_id, flush=True)
            child.run_job("run", json.loads(sys.argv[1]))
            """
        )
    )
    import json

    order = json.dumps(order_of(output=200, requests_per_user=None).to_json())
    parent = subprocess.Popen([sys.executable, str(script), order], stdout=subprocess.PIPE, text=True)
    engine_id = int(parent.stdout.readline())
    engine = psutil.Process(engine_id)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the engine outlived its parent by 10 s"
        time.sleep(0.05)
