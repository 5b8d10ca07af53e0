"""Damaged files through the whole room: a readable header may hold any nonsense, and no sum over it may fall over."""

import os
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.errors import InferometerError
from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import describe
from profiler.modelfile.footprint import fits, predict
from profiler.modelfile.offload import CacheSettings, by_device, costs_by_device

NUMBERS = st.one_of(st.integers(0, 5), st.sampled_from([512, 2**16, 2**31, 2**32 - 1]))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = GGUFWriter(None, "llama")
    for key, value in (
        ("block_count", 2),
        ("embedding_length", 8),
        ("feed_forward_length", 4),
        ("attention.head_count", 2),
        ("nextn_predict_layers", 0),
        ("attention.shared_kv_layers", 0),
        ("attention.key_length", 4),
    ):
        writer.add_uint32(f"llama.{key}", value)
    writer.add_array("llama.attention.head_count_kv", [2, 1])
    writer.add_tensor("token_embd.weight", np.zeros((4, 8), np.float16))
    writer.add_tensor("blk.0.ffn_up.weight", np.zeros((4, 8), np.float32))
    path = tmp_path_factory.mktemp("model") / "model.gguf"
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def use(path: Path) -> None:
    """All that is asked of a file; its only ways out are an answer or a sentence."""
    try:
        told = describe(path)
        step_costs(told, "f16", "q8_0")
        footprint = predict(told, ctx_size=512, slots=2, kv_unified=False, flash_attn=False)
        fits(footprint, 2**40)
        settings = CacheSettings(ctx_size=512, slots=2, kv_offload=False)
        by_device(told, 2, settings)
        costs_by_device(told, -1, settings, (1.0, 2.0))
    except InferometerError as fault:
        assert fault.sentence  # noqa: PT017 - no fault is just as right


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_flipped_bytes(data: st.DataObject, model: Path) -> None:
    content = bytearray(model.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(24, len(content) - 1))
        content[position] = data.draw(st.sampled_from([0, 1, 2, 4, 9, 127, 255]))
    path = model.with_name("flipped.gguf")
    path.write_bytes(content)
    use(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_absurd_numbers(data: st.DataObject, model: Path) -> None:
    """Each key's number is replaced, one by one or together, in a file that is otherwise whole."""
    content = model.read_bytes()
    for key in (b"block_count", b"embedding_length", b"head_count", b"nextn_predict_layers", b"shared_kv_layers", b"key_length"):
        place = content.index(key) + len(key) + 4  # behind the key stands the kind of its value
        content = content[:place] + data.draw(NUMBERS).to_bytes(4, "little") + content[place + 4 :]
    path = model.with_name("absurd.gguf")
    path.write_bytes(content)
    use(path)
    os.unlink(path)
