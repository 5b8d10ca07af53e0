"""How much fits: against sums done by hand, and whatever the memory, what is told to fit does and one more does not."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.offload import CacheSettings
from profiler.models.fit import (
    BufferBytes,
    DeviceFit,
    FreeMemory,
    Processor,
    devices_of,
    fit,
    logged_buffers,
    predicted_buffers,
    total_of,
)
from tests.profiler.modelfile.conftest import dense_keys, dense_tensors, write_file

ASKED = CacheSettings(ctx_size=512, slots=2)
AMX = Processor(("AVX2", "AVX512_VNNI", "AMX_INT8"))
MORE = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128) // 32 * 4  # Q8_0 grows by 4 bytes a block


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDescription:
    """Two layers of 64, matrices of Q8_0, trained for 4096 tokens."""
    path = tmp_path_factory.mktemp("model") / "model.gguf"
    return describe(write_file(path, dense_keys(context_length=4096), dense_tensors(table="F32")))


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> ModelDescription:
    """A model whose memory is not understood."""
    path = tmp_path_factory.mktemp("model") / "model.gguf"
    return describe(write_file(path, dense_keys("rwkv7", **{"wkv.head_size": 64}), dense_tensors(), "rwkv7"))


def total(device: DeviceFit) -> int:
    assert device.needed_bytes is not None
    return device.needed_bytes


def test_copies_are_allocated_and_their_originals_need_not_stay(model: ModelDescription) -> None:
    (plain,) = devices_of(model, ASKED, FreeMemory(0), Processor())
    (laid_out,) = devices_of(model, ASKED, FreeMemory(0), AMX)
    assert total(laid_out) == total(plain) + MORE
    assert laid_out.allocated_bytes == total(plain) + laid_out.repacked.copy_bytes
    mapped, read = (predicted_buffers(laid_out, mmap=mmap).weights_bytes for mmap in (True, False))
    assert mapped == model.tensor_bytes + laid_out.repacked.copy_bytes
    assert read == model.tensor_bytes + MORE
    assert devices_of(model, ASKED, FreeMemory(0), dataclasses.replace(AMX, repack=False)) == (plain,)


def test_beside_a_gpu_only_what_is_kept_out_of_its_memory_is_laid_out_anew(model: ModelDescription) -> None:
    free = FreeMemory(10**9, (10**9,))
    assert not devices_of(model, ASKED, free, AMX)[0].repacked.copy_bytes
    assert devices_of(model, ASKED, free, dataclasses.replace(AMX, no_host=True))[0].repacked.copy_bytes


def test_a_byte_decides(model: ModelDescription) -> None:
    need = total(devices_of(model, ASKED, FreeMemory(0), AMX)[0])
    assert fit(model, ASKED, FreeMemory(need), AMX).is_enough is True
    assert fit(model, ASKED, FreeMemory(need), AMX).most_users == 2
    assert fit(model, ASKED, FreeMemory(need - 1), AMX).is_enough is False
    assert fit(model, ASKED, FreeMemory(need - 1), AMX).most_users == 1


def test_layers_that_fit_a_gpu(model: ModelDescription) -> None:
    free = FreeMemory(10**9, (10**9,))
    everything = fit(model, ASKED, free)
    assert (everything.n_gpu_layers, everything.most_gpu_layers) == (3, 3)
    need = total(everything.devices[1])
    less = fit(model, ASKED, FreeMemory(10**9, (need - 1,)))
    assert (less.most_gpu_layers, less.is_enough) == (2, True)
    assert fit(model, ASKED, FreeMemory(10**9, (need - 1,)), n_gpu_layers=-1).is_enough is False
    assert fit(model, ASKED, FreeMemory(10**9)).most_gpu_layers is None


def test_what_is_not_understood_is_none(strange: ModelDescription) -> None:
    found = fit(strange, ASKED, FreeMemory(10**12))
    assert (found.needed_bytes, found.most_users, found.is_enough) == (None, None, None)
    assert set(found.largest_ctx_sizes.values()) == {None}
    assert fit(strange, ASKED, FreeMemory(1)).is_enough is False, "the weights alone do not fit"


@settings(max_examples=60, deadline=None)
@given(
    main=st.integers(0, 12_000_000),
    more=st.integers(0, 3_000_000),
    ctx_size=st.integers(1, 4096),
    has_gpu=st.booleans(),
)
def test_the_largest_fits_and_one_more_does_not(
    model: ModelDescription, main: int, more: int, ctx_size: int, has_gpu: bool
) -> None:
    asked = dataclasses.replace(ASKED, ctx_size=ctx_size, slots=1)
    free = FreeMemory(main, (2_500_000,) if has_gpu else ())
    found = fit(model, asked, free, AMX)

    def is_enough(*, slots: int = 1, ctx_size: int = ctx_size) -> bool:
        changed = dataclasses.replace(asked, slots=slots, ctx_size=ctx_size)
        return all(each.is_enough for each in devices_of(model, changed, free, AMX, found.n_gpu_layers))

    for users, size in found.largest_ctx_sizes.items():
        assert size is not None
        assert not size or is_enough(slots=users, ctx_size=size)
        assert size == 4096 or not is_enough(slots=users, ctx_size=size + 256)
    assert found.most_users is not None
    assert not found.most_users or is_enough(slots=found.most_users)
    assert found.most_users == 256 or not is_enough(slots=found.most_users + 1)
    sizes = [size or 0 for size in found.largest_ctx_sizes.values()]
    assert sizes == sorted(sizes, reverse=True), "more users never get more each"
    richer = fit(model, asked, FreeMemory(main + more, free.gpu_bytes), AMX)
    assert (richer.most_users or 0) >= found.most_users


def test_buffers_by_device() -> None:
    found = logged_buffers(
        {
            "CPU_Mapped model buffer size": 10,
            "AMX model buffer size": 20,
            "CUDA_Host compute buffer size": 3,
            "CPU  output buffer size": 4,
            "CPU RS buffer size": 5,
            "CUDA0 model buffer size": 100,
            "CUDA0 KV buffer size": 50,
            "CUDA0 compute buffer size": 7,
        }
    )
    assert found == {"": BufferBytes(30, 5, 7), "CUDA0": BufferBytes(100, 50, 7)}
    assert total_of(list(found.values())) == BufferBytes(130, 55, 14)
    assert total_of([BufferBytes(1, None, 2)]).total_bytes is None
