"""The real engine on the real sample model. One thread each: a busy machine slows these tests but does not change them."""

from types import SimpleNamespace

import numpy as np
import pytest

from profiler.child.engine_child import EngineChild
from profiler.records.message import MessageKind
from profiler.records.specification import ContextSettings, EngineFacts, LoadSettings, ModelSettings, RunSpecification
from profiler.records.timing import COLUMN_DTYPES, RunData, no_rows


@pytest.fixture(scope="module")
def engine():
    with EngineChild() as child:
        yield child


@pytest.fixture(scope="session")
def order_of(sample_model):
    """Makes the specification of a run from what differs from a small one."""

    def make(**changes):
        users = changes.pop("users", 1)
        prompt, output = changes.pop("prompt", 8), changes.pop("output", 4)
        slots = changes.pop("slots", max(1, users))
        load = {
            "arrival": "closed",
            "users": users,
            "think_time_s": 0.0,
            "prompt_tokens": prompt,
            "output_tokens": output,
            "requests": None,
            "requests_per_user": 2,
            "duration_s": None,
            "prefill_chunk": 512,
            "sampling": "greedy",
            "seed": 1,
        }
        context = {
            "slots": slots,
            "ctx_size": -(-(prompt + output) // 256) * 256,
            "batch_size": 512,
            "ubatch_size": 512,
            "threads": 1,
            "threads_batch": 1,
            "flash_attn": "auto",
            "cache_type_k": "f16",
            "cache_type_v": "f16",
            "kv_unified": True,
        }
        model = {"path": str(sample_model), "n_gpu_layers": 0, "mmap": True}
        for name, value in changes.items():
            target = next(part for part in (load, context, model) if name in part)
            target[name] = value
        return RunSpecification(ModelSettings(**model), ContextSettings(**context), LoadSettings(**load))

    return make


@pytest.fixture
def serve(engine):
    """Carries out a run; gives its end, the engine's facts and the raw data."""

    def run(order, *, child=engine, on_message=None, on_idle=None):
        tables = {name: [no_rows(dtype)] for name, dtype in COLUMN_DTYPES.items()}
        facts = []

        def hear(message):
            if message.kind is MessageKind.ROWS:
                for name, rows in message.tables().items():
                    tables[name].append(rows)
            elif message.kind is MessageKind.STARTED:
                facts.append(EngineFacts.from_json(message.document()))
            if on_message is not None:
                on_message(message)

        end = child.run_job("run", order.to_json(), on_message=hear, on_idle=on_idle)
        joined = {name: np.concatenate(parts) for name, parts in tables.items()}
        data = RunData(joined["request"], joined["token"], joined["step"])
        return SimpleNamespace(end=end, outcome=end.outcome, facts=facts[0] if facts else None, data=data)

    return run
