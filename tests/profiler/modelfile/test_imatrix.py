import struct

import numpy as np
import pytest
from gguf import GGUFWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.errors import BadFile, EnvironmentFault, InferometerError
from profiler.modelfile import imatrix as module
from profiler.modelfile.imatrix import read_imatrix, recorded

SUMS = {"blk.0.attn_q.weight": [2.0, 4.0, 6.0], "blk.0.ffn_up_exps.weight": [1.0, 2.0, 30.0, 60.0]}
COUNTS = {"blk.0.attn_q.weight": [4.0], "blk.0.ffn_up_exps.weight": [0.0, 10.0]}


def write_gguf(path, sums=SUMS, counts=COUNTS, keys=None, kind=np.float32):
    writer = GGUFWriter(None, "")
    writer.kv_data[0].clear()  # llama-imatrix names no architecture
    writer.add_type("imatrix")
    for key, value in {"datasets": ["wiki.txt", "other.txt"], "chunk_count": 12, "chunk_size": 512, **(keys or {})}.items():
        if isinstance(value, list):
            writer.add_array(f"imatrix.{key}", value)
        elif value is not None:
            writer.add_uint32(f"imatrix.{key}", value)
    for name, values in sums.items():
        experts = len(counts.get(name, [1.0]))
        writer.add_tensor(f"{name}.in_sum2", np.array(values, kind).reshape(experts, -1))
    for name, values in counts.items():
        writer.add_tensor(f"{name}.counts", np.array(values, kind).reshape(-1, 1))
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def legacy(entries, tail=b""):
    data = struct.pack("<i", len(entries))
    for name, calls, values in entries:
        data += struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", calls, len(values))
        data += np.array(values, "<f4").tobytes()
    return data + tail


LEGACY = legacy([("output.weight", 4, [8.0, 2.0]), ("blk.0.attn_k.weight", 0, [3.0])], struct.pack("<ii", 7, 8) + b"wiki.txt")


def test_todays_format_is_read_as_llama_quantize_reads_it(tmp_path):
    told = read_imatrix(write_gguf(tmp_path / "m.gguf"), "given/m.gguf")
    means = {name: values.tolist() for name, values in told.means()}
    # sums / count; an expert that was never used counts as 1 throughout
    assert means == {"blk.0.attn_q.weight": [0.5, 1.0, 1.5], "blk.0.ffn_up_exps.weight": [1.0, 1.0, 3.0, 6.0]}
    assert (told.name, told.dataset, told.chunks, told.is_legacy) == ("m.gguf", "wiki.txt", 12, False)
    assert list(told.keys.items()) == [
        ("quantize.imatrix.file", "given/m.gguf"),
        ("quantize.imatrix.dataset", "wiki.txt"),
        ("quantize.imatrix.entries_count", 2),
        ("quantize.imatrix.chunks_count", 12),
    ]


def test_the_older_format_is_read(tmp_path):
    path = tmp_path / "m.dat"
    path.write_bytes(LEGACY)
    told = read_imatrix(path)
    # divided by the calls, but for none
    assert {name: values.tolist() for name, values in told.means()} == {"output.weight": [2.0, 0.5], "blk.0.attn_k.weight": [3.0]}
    assert (told.dataset, told.chunks, told.is_legacy, told.given) == ("wiki.txt", 7, True, str(path))
    path.write_bytes(legacy([("output.weight", 1, [8.0])]))
    bare = read_imatrix(path)
    assert list(bare.keys) == ["quantize.imatrix.file", "quantize.imatrix.entries_count"]


def test_texts_are_recorded_up_to_127_bytes():
    assert recorded("x" * 200) == "x" * 127
    assert recorded("é" * 100).encode("utf-8", "surrogateescape") == ("é" * 100).encode()[:127]
    assert recorded("a\0b") == "a"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sums": {}, "counts": {}}, "no entries"),
        ({"counts": {}}, "lacks sums or counts"),
        ({"sums": {}}, "lacks sums or counts"),
        ({"counts": {**COUNTS, "blk.0.ffn_up_exps.weight": [float("nan"), 1.0]}}, "no numbers"),
        ({"kind": np.float16}, "lacks sums or counts"),
        ({"keys": {"datasets": None}}, "computed on"),
        ({"keys": {"chunk_count": None}}, "computed on"),
        ({"keys": {"chunk_size": None}}, "computed on"),
        ({"keys": {"extra": ["x"] * 5000}}, "vocabulary"),
    ],
)
def test_what_is_no_importance_matrix_is_refused(tmp_path, changes, words):
    with pytest.raises(BadFile, match=words):
        read_imatrix(write_gguf(tmp_path / "m.gguf", **changes))


def test_sums_and_counts_must_go_together(tmp_path):
    path = write_gguf(tmp_path / "m.gguf", {"a": [1.0, 2.0, 3.0]}, {"a": [1.0, 1.0, 1.0]})
    assert [values.tolist() for _, values in read_imatrix(path).means()] == [[1.0, 2.0, 3.0]]
    data = path.read_bytes()
    three = struct.pack("<QQ", 1, 3)  # the shape of the counts, made two
    assert data.count(three) == 2
    path.write_bytes(data[: data.rindex(three)] + struct.pack("<QQ", 1, 2) + data[data.rindex(three) + 16 :])
    with pytest.raises(BadFile, match="do not go together"):
        read_imatrix(path)


def test_values_that_are_no_numbers_are_refused_when_they_are_used(tmp_path):
    path = write_gguf(tmp_path / "m.gguf", {"a": [1.0, float("inf")]}, {"a": [1.0]})
    with pytest.raises(BadFile, match="no numbers"):
        list(read_imatrix(path).means())


def test_a_file_too_large_to_be_one_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100)
    with pytest.raises(BadFile, match="too much"):
        read_imatrix(write_gguf(tmp_path / "m.gguf"))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(EnvironmentFault, match=r"none\.gguf"):
        read_imatrix(tmp_path / "none.gguf")


@pytest.mark.parametrize("length", range(0, len(LEGACY) - 1, 3))
def test_a_short_older_file_is_refused_or_lacks_its_tail(tmp_path, length):
    path = tmp_path / "m.dat"
    path.write_bytes(LEGACY[:length])
    bare = legacy([("output.weight", 4, [8.0, 2.0]), ("blk.0.attn_k.weight", 0, [3.0])])
    if length in (len(bare), len(bare) + 4):
        assert len(read_imatrix(path).entries) == 2
    else:
        try:
            told = read_imatrix(path)
        except BadFile:
            return
        assert length > len(bare)
        assert len(told.entries) == 2


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), is_legacy=st.booleans(), cut=st.integers(0, 40))
def test_a_damaged_file_ends_in_a_sentence_or_in_numbers(tmp_path_factory, place, value, is_legacy, cut):
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "m"
    data = bytearray(LEGACY if is_legacy else write_gguf(path).read_bytes())
    data[place % len(data)] = value
    path.write_bytes(data[: len(data) - cut])
    try:
        means = list(read_imatrix(path).means())
    except InferometerError:
        return
    assert all(np.isfinite(values).all() for _, values in means)
