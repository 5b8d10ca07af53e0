"""The real engine on the real sample model. One thread each: a busy machine slows these tests but does not change them."""

import dataclasses
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from profiler.child.engine_child import EngineChild
from profiler.records.message import MessageKind
from profiler.records.specification import (
    ContextSettings,
    EngineFacts,
    LoadSettings,
    ModelSettings,
    RequestClass,
    RunSpecification,
)
from profiler.records.timing import COLUMN_DTYPES, RunData, no_rows
from profiler.scheduling.load import LengthsOf

CLASS_FIELDS = {field.name for field in dataclasses.fields(RequestClass)}
LOAD_FIELDS = {field.name for field in dataclasses.fields(LoadSettings)}


@pytest.fixture(scope="module")
def engine():
    with EngineChild() as child:
        yield child


@pytest.fixture(scope="session")
def order_of(sample_model):
    """Makes the specification of a run from what differs from a small one."""

    def make(**changes):
        classes = changes.pop("classes", None)
        users = changes.pop("users", 1)
        prompt, output = changes.pop("prompt", 8), changes.pop("output", 4)
        slots = changes.pop("slots", max(1, users))
        one_class = {
            "arrival": "closed",
            "users": users,
            "prompt_tokens": str(prompt),
            "output_tokens": str(output),
            "requests_per_user": 2,
        }
        for name in [name for name in changes if name in CLASS_FIELDS]:
            one_class[name] = changes.pop(name)
        if one_class["arrival"] != "closed":
            one_class |= {"users": 0, "requests_per_user": None}
        load = {name: changes.pop(name) for name in [name for name in changes if name in LOAD_FIELDS]}
        ctx_size = changes.pop("ctx_size", None) or -(-(load.get("depth", 0) + prompt + output) // 256) * 256
        context = {
            "slots": slots,
            "ctx_size": ctx_size,
            "batch_size": 512,
            "ubatch_size": 512,
            "threads": 1,
            "threads_batch": 1,
            "flash_attn": "auto",
            "cache_type_k": "f16",
            "cache_type_v": "f16",
            "kv_unified": True,
            "op_offload": True,
            "cached_sequences": 8 if load.get("prefix_cache") else 0,
        }
        model = {"path": str(sample_model), "n_gpu_layers": 0, "mmap": True}
        for name, value in changes.items():
            target = next(part for part in (context, model) if name in part)
            target[name] = value
        settings = LoadSettings(classes or (RequestClass(**one_class),), **load)
        return RunSpecification(ModelSettings(**model), ContextSettings(**context), settings)

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


@pytest.fixture(scope="session")
def prompts_of(sample_model):
    """Makes the prompts that the engine makes for a load without traces."""
    from profiler.engine.prompts import Prompts

    script = (
        "import json, sys, ctypes\n"
        "from llama_cpp import llama_cpp as api\n"
        "quiet = api.llama_log_callback(lambda *_: None); api.llama_log_set(quiet, ctypes.c_void_p(0))\n"
        "from profiler.engine.cancellation import Cancellation\n"
        "from profiler.engine.model import Model\n"
        "from profiler.records.specification import ModelSettings\n"
        "model = Model(ModelSettings(sys.argv[1], 0, True), Cancellation(), lambda share: None)\n"
        "print(json.dumps([model.prompt_vocabulary().tolist(), model.first_token()]))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(sample_model)], capture_output=True, text=True, check=True)
    vocabulary, first = json.loads(done.stdout)

    def make(load):
        return Prompts(np.array(vocabulary, np.int32), first, load, LengthsOf(load, {}), {})

    return make
