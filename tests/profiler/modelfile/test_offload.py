"""Where the parts of a model lie, and how much fits, against sums done by hand."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.footprint import predict
from profiler.modelfile.offload import (
    CPU,
    CacheSettings,
    by_device,
    costs_by_device,
    device_of_layers,
    largest_ctx_size,
    most_gpu_layers,
    most_slots,
)
from profiler.records.run_record import StepCosts
from profiler.records.specification import ContextSettings
from tests.helpers.architectures import MODELS
from tests.profiler.modelfile.conftest import dense_keys, dense_tensors, write_file

WriteDense = Callable[..., Path]

EMBEDDING_BYTES = 64 * 96 * 2
LAYER_BYTES = (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128) // 32 * 34 + 2 * 64 * 4  # with its two norms
NORM_BYTES = 64 * 4
KV_OF_LAYER = (32 + 32) * 2
SETTINGS = CacheSettings(ctx_size=256, slots=4)  # 1024 cells
LAYERS_BUFFER = 512 * 4 * (1024 // 2 + 3 * (128 + 64))  # the mask, and rows of the feed-forward net
OUTPUT_BUFFER = 512 * 4 * (96 + 2 * 64)
LOGITS = 4 * 96 * 4
INPUTS = 512 * (2 * 64 * 4 + 1024 * 2)  # embeddings, a copy of them, and the mask
LARGEST_MATRIX = 64 * 128 // 32 * 34


@pytest.fixture(scope="module")
def four_layers(tmp_path_factory: pytest.TempPathFactory) -> ModelDescription:
    """Four layers of 64, tied embeddings of F16."""
    path = tmp_path_factory.mktemp("model") / "model.gguf"
    return describe(write_file(path, dense_keys(block_count=4), dense_tensors(blocks=4)))


@pytest.mark.parametrize(
    ("n_gpu_layers", "devices"),
    [
        (0, (0, 0, 0, 0, 0)),
        (1, (0, 0, 0, 0, 1)),  # the output first
        (3, (0, 0, 1, 1, 1)),
        (5, (1, 1, 1, 1, 1)),
        (99, (1, 1, 1, 1, 1)),
        (-1, (1, 1, 1, 1, 1)),
    ],
)
def test_last_layers_first(four_layers: ModelDescription, n_gpu_layers: int, devices: tuple[int, ...]) -> None:
    assert device_of_layers(four_layers, n_gpu_layers) == devices


def test_several_gpus_take_consecutive_layers(four_layers: ModelDescription) -> None:
    # Five parts at 0, 0.2, 0.4, 0.6, 0.8; the first GPU ends at 3/4, the next begins there.
    assert device_of_layers(four_layers, -1, (3, 1)) == (1, 1, 1, 1, 2)
    # Four parts at 0, 0.25, 0.5, 0.75 and a border at 0.5: what begins there is the second's.
    assert device_of_layers(four_layers, 4, (1, 1)) == (0, 1, 1, 2, 2)
    assert device_of_layers(four_layers, -1, (0, 1)) == (2, 2, 2, 2, 2)
    assert device_of_layers(four_layers, 3, ()) == (0, 0, 0, 0, 0)


def test_bytes_of_a_partial_offload(four_layers: ModelDescription) -> None:
    cpu, gpu = by_device(four_layers, 3, SETTINGS)
    assert (cpu.layers, gpu.layers) == ((0, 1), (2, 3))
    assert cpu.weights_bytes == EMBEDDING_BYTES + 2 * LAYER_BYTES
    assert gpu.weights_bytes == EMBEDDING_BYTES + 2 * LAYER_BYTES + NORM_BYTES, "a tied table is held twice"
    assert cpu.kv_bytes == gpu.kv_bytes == 1024 * 2 * KV_OF_LAYER
    assert cpu.compute_bytes == INPUTS + LOGITS
    assert gpu.compute_bytes == LAYERS_BUFFER + LARGEST_MATRIX, "it carries out the others' prompts, too"
    assert gpu.total_bytes == gpu.weights_bytes + 1024 * 2 * KV_OF_LAYER + gpu.compute_bytes
    assert (cpu.state_bytes, gpu.state_bytes) == (0, 0)


def test_only_the_output(four_layers: ModelDescription) -> None:
    cpu, gpu = by_device(four_layers, 1, SETTINGS)
    assert gpu.weights_bytes == EMBEDDING_BYTES + NORM_BYTES
    assert (gpu.kv_bytes, gpu.compute_bytes) == (0, LAYERS_BUFFER + LARGEST_MATRIX)
    assert cpu.kv_bytes == 1024 * 4 * KV_OF_LAYER


def test_each_carries_out_its_own_layers_without_op_offload(four_layers: ModelDescription) -> None:
    apart = dataclasses.replace(SETTINGS, op_offload=False)
    cpu, gpu = by_device(four_layers, 3, apart)
    assert cpu.compute_bytes == LAYERS_BUFFER + 512 * 64 * 4 + LOGITS
    assert gpu.compute_bytes == max(LAYERS_BUFFER, OUTPUT_BUFFER)
    assert by_device(four_layers, 1, apart)[1].compute_bytes == OUTPUT_BUFFER
    # llama.cpp sends no ubatch of less than 32 tokens.
    small = dataclasses.replace(SETTINGS, ubatch_size=16)
    assert by_device(four_layers, 3, small)[1] == by_device(four_layers, 3, dataclasses.replace(small, op_offload=False))[1]


def test_a_gpu_without_layers_has_a_buffer_for_prompts(four_layers: ModelDescription) -> None:
    one = dataclasses.replace(SETTINGS, ctx_size=64)  # 256 cells in view: of which the mask has two bytes each
    cpu, gpu = by_device(four_layers, 0, one)
    layers_bytes = 256 * 4 * (256 // 2 + 3 * (128 + 64)) + LARGEST_MATRIX
    assert (gpu.layers, gpu.weights_bytes, gpu.kv_bytes) == ((), 0, 0)
    assert gpu.compute_bytes == max(layers_bytes, 256 * 4 * (96 + 2 * 64) + EMBEDDING_BYTES)
    assert cpu.compute_bytes == 256 * (2 * 64 * 4 + 256 * 2) + LOGITS
    cpu, gpu = by_device(four_layers, 0, dataclasses.replace(one, op_offload=False))
    assert (gpu.total_bytes, cpu.compute_bytes) == (0, 256 * 4 * (256 // 2 + 3 * (128 + 64)) + LOGITS)


def test_untied_output_lies_once(write_dense: WriteDense) -> None:
    told = describe(write_dense(tensors=dense_tensors(output="Q8_0")))
    cpu, gpu = by_device(told, -1, SETTINGS)
    assert cpu.weights_bytes == EMBEDDING_BYTES
    assert gpu.weights_bytes == 2 * LAYER_BYTES + NORM_BYTES + 64 * 96 // 32 * 34


def test_cache_kept_in_main_memory(four_layers: ModelDescription) -> None:
    cpu, gpu = by_device(four_layers, -1, dataclasses.replace(SETTINGS, kv_offload=False))
    assert (cpu.kv_bytes, gpu.kv_bytes) == (1024 * 4 * KV_OF_LAYER, 0)
    assert cpu.layers == ()
    assert cpu.compute_bytes == INPUTS + LOGITS, "attention, carried out there, needs no more"


def test_states_lie_with_their_layers(tmp_path: Path) -> None:
    model = MODELS["jamba, state or cache"]  # layer 0 keeps a state, layer 1 K and V
    told = describe(write_file(tmp_path / "m.gguf", model.all_keys, model.tensors, model.architecture))
    cpu, gpu = by_device(told, 2, dataclasses.replace(SETTINGS, cached_sequences=2))
    assert (cpu.state_bytes, gpu.state_bytes) == (6 * 4 * (3 * 128 + 16 * 128), 0)
    assert (cpu.kv_bytes, gpu.kv_bytes) == (0, 1024 * KV_OF_LAYER)


def test_layers_for_prediction_ahead_are_not_loaded(write_dense: WriteDense) -> None:
    ahead = dense_tensors() | {"blk.2.nextn.eh_proj.weight": ((128, 64), "F32")}
    told = describe(write_dense("glm4", tensors=ahead, block_count=3, nextn_predict_layers=1))
    plain = describe(write_dense("glm4"))
    # The layer counts as one when layers are dealt out, though it holds nothing.
    assert by_device(told, 3, SETTINGS)[1] == by_device(plain, 2, SETTINGS)[1]


def test_without_a_gpu_it_is_the_footprint(four_layers: ModelDescription) -> None:
    for number, changes in enumerate(
        ({}, {"kv_unified": False, "ctx_size": 100}, {"flash_attn": False}, {"cache_type_k": "q8_0"})
    ):
        one = dataclasses.replace(SETTINGS, **changes)
        (cpu,) = by_device(four_layers, 99, one, ())
        named = ("ctx_size", "slots", "cache_type_k", "cache_type_v", "kv_unified", "ubatch_size", "flash_attn")
        whole = predict(four_layers, **{name: getattr(one, name) for name in named})
        assert cpu.total_bytes == whole.total_bytes, number


def test_unknown_memory(write_dense: WriteDense) -> None:
    told = describe(write_dense("rwkv7", wkv__head_size=64))
    assert by_device(told, 1, SETTINGS)[1].total_bytes is None
    assert costs_by_device(told, 1, SETTINGS) is None
    assert most_gpu_layers(told, SETTINGS, (1 << 40,)) is None
    assert largest_ctx_size(told, 0, SETTINGS, (1 << 40,)) is None
    assert most_slots(told, 0, SETTINGS, (1 << 40,)) is None


@pytest.mark.parametrize("name", ["llama, tied", "gemma4, shared caches of two sizes", "falcon-h1, state and cache", "mixtral"])
def test_costs_add_up(tmp_path: Path, name: str) -> None:
    model = MODELS[name]
    told = describe(write_file(tmp_path / "m.gguf", model.all_keys, model.tensors, model.architecture))
    whole = step_costs(told, "f16", "f16")
    for count in range(model.layers + 2):
        parts = costs_by_device(told, count, SETTINGS, (1, 1))
        assert parts is not None
        for field in dataclasses.fields(StepCosts):
            if not field.name.startswith("expert"):
                assert sum(getattr(part, field.name) for part in parts) == getattr(whole, field.name), field.name
        assert parts[CPU].embedding_bytes_per_token
    assert parts[CPU].weight_bytes_per_ubatch == 0


def test_most_gpu_layers(four_layers: ModelDescription) -> None:
    needs = [by_device(four_layers, count, SETTINGS)[1].total_bytes or 0 for count in range(6)]
    assert needs == sorted(needs)
    for count in range(1, 6):
        assert most_gpu_layers(four_layers, SETTINGS, (needs[count],)) == count
        assert most_gpu_layers(four_layers, SETTINGS, (needs[count] - 1,)) == count - 1
    assert most_gpu_layers(four_layers, SETTINGS, (0,)) == 0


def test_most_layers_on_two_gpus(four_layers: ModelDescription) -> None:
    plenty, little = 1 << 30, 1 << 28
    assert most_gpu_layers(four_layers, SETTINGS, (plenty, little)) == 5
    assert most_gpu_layers(four_layers, SETTINGS, (plenty, 1)) == 5, "so small a share gets no layer"


@settings(max_examples=60, deadline=None)
@given(free=st.integers(0, 4_000_000), slots=st.integers(1, 5), n_gpu_layers=st.integers(0, 5), kv_unified=st.booleans())
def test_largest_context(four_layers: ModelDescription, free: int, slots: int, n_gpu_layers: int, kv_unified: bool) -> None:
    """What it finds fits, and 256 tokens more do not."""
    told = dataclasses.replace(four_layers, context_train=1_000)
    one = dataclasses.replace(SETTINGS, slots=slots, kv_unified=kv_unified)

    def is_enough(ctx_size: int) -> bool:
        held = by_device(told, n_gpu_layers, dataclasses.replace(one, ctx_size=ctx_size))
        return all((part.total_bytes or 0) <= free for part in held)

    found = largest_ctx_size(told, n_gpu_layers, one, (free, free))
    assert found in (0, 256, 512, 768, 1_000)
    assert found == 0 or is_enough(found)
    assert found == 1_000 or not is_enough(found + 256)


@settings(max_examples=60, deadline=None)
@given(free=st.integers(0, 40_000_000), ctx_size=st.integers(1, 600), kv_unified=st.booleans())
def test_most_users(four_layers: ModelDescription, free: int, ctx_size: int, kv_unified: bool) -> None:
    one = CacheSettings(ctx_size, kv_unified=kv_unified, cached_sequences=6)

    def is_enough(slots: int) -> bool:
        (cpu,) = by_device(four_layers, 0, dataclasses.replace(one, slots=slots), ())
        return (cpu.total_bytes or 0) <= free

    found = most_slots(four_layers, 0, one, (free,))
    assert found is not None
    assert found == 0 or is_enough(found)
    assert found == 250 or not is_enough(found + 1)


def test_settings_of_a_context() -> None:
    context = ContextSettings(4, 300, 256, 512, 2, 2, "off", "q8_0", "f16", False, cached_sequences=3, kv_offload=False)
    found = CacheSettings.of(context)
    assert found == CacheSettings(300, 4, "q8_0", "f16", False, 256, False, False, 3)
    assert found.sequences == 7
    assert CacheSettings.of(dataclasses.replace(context, flash_attn="auto")).flash_attn
