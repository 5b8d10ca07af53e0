"""What a processor lays out anew, against sums done by hand from ggml's own sizes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.repacking import Repacked, repacked
from tests.profiler.modelfile.conftest import dense_tensors

WriteDense = Callable[..., Path]
AMX = ("AVX2", "AVX512F", "AVX512_VNNI", "AMX_INT8")
MATRICES = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128  # elements of a layer; all have 32, 64 or 128 rows


def told_with(write_dense: WriteDense, **types: str) -> ModelDescription:
    return describe(write_dense(tensors=dense_tensors(**types)))


@pytest.mark.parametrize(
    ("kind", "sets", "original", "copy"),
    [
        ("Q8_0", AMX, 34, 38),  # 4 bytes of compensation a block of 32
        ("Q4_1", AMX, 20, 20),
        ("Q5_0", AMX, 0, 0),  # no kernel
        ("Q8_0", ("AVX2",), 0, 0),
        ("Q4_0", ("AVX2",), 18, 18),
        ("IQ4_NL", AMX, 18, 18),  # what AMX does not take is left to the other layout
        ("Q4_0", (), 0, 0),
    ],
)
def test_types(write_dense: WriteDense, kind: str, sets: tuple[str, ...], original: int, copy: int) -> None:
    told = told_with(write_dense, matrices=kind, table="F32")
    blocks = 2 * MATRICES // 32
    assert repacked(told, sets, layers=range(2), output=True) == Repacked(blocks * original, blocks * copy)


def test_only_what_is_carried_out_there(write_dense: WriteDense) -> None:
    told = told_with(write_dense, matrices="Q8_0", table="F32")
    found = repacked(told, AMX, layers=(1,), output=False)
    assert found == Repacked(MATRICES // 32 * 34, MATRICES // 32 * 38)
    assert found.more_bytes == MATRICES // 32 * 4
    assert repacked(told, AMX, layers=(), output=True) == Repacked()


def test_a_tied_table_stays_beside_its_copy(write_dense: WriteDense) -> None:
    told = told_with(write_dense, matrices="F32", table="Q8_0")
    assert repacked(told, AMX, layers=range(2), output=True) == Repacked(0, 64 * 96 // 32 * 38)
    apart = told_with(write_dense, matrices="F32", table="F32", output="Q8_0")
    assert repacked(apart, AMX, layers=range(2), output=True) == Repacked(64 * 96 // 32 * 34, 64 * 96 // 32 * 38)


def test_an_unknown_architecture(write_dense: WriteDense) -> None:
    assert repacked(describe(write_dense("strange")), AMX, layers=range(2), output=True) is None
