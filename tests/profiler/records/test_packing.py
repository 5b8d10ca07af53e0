import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from profiler.errors import BadFile
from profiler.records.packing import pack, unpack

DTYPES = st.sampled_from([np.dtype(name) for name in ("<i8", "<i4", "<u4", "|u1", "<f8")])
COLUMNS = st.dictionaries(
    st.text(max_size=12), DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, st.integers(0, 20))), max_size=5
)


@given(COLUMNS)
def test_what_is_packed_comes_back(columns):
    unpacked = unpack(pack(columns))
    assert list(unpacked) == list(columns)
    for name, column in columns.items():
        assert unpacked[name].dtype == column.dtype
        assert np.array_equal(unpacked[name], column, equal_nan=column.dtype.kind == "f")


@given(COLUMNS, st.data())
def test_a_cut_string_is_refused(columns, data):
    packed = pack(columns)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(BadFile):
        unpack(packed[:cut])


@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_read_but_never_crashes(data):
    with contextlib.suppress(BadFile):
        unpack(data)


@pytest.mark.parametrize(
    "header",
    ['[["a","<i8",-1]]', '[["a","|O",1]]', '[["a","<i8",99999999999]]', '{"a":1}', "[1]", "nonsense", '[["a","<i8",1.5]]'],
)
def test_a_lying_header_is_refused(header):
    head = header.encode()
    with pytest.raises(BadFile):
        unpack(len(head).to_bytes(4, "little") + head + bytes(16))


def test_a_column_of_objects_is_never_packed():
    with pytest.raises(ValueError, match="cannot be packed"):
        pack({"a": np.array([object()])})
