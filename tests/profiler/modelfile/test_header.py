"""The GGUF reader against files of the gguf package, and against files that lie."""

import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter
from gguf.constants import GGUFValueType
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.errors import BadFile, EnvironmentFault, InferometerError
from profiler.modelfile import header
from profiler.modelfile.header import SkippedArray, read_beginning, read_header
from profiler.models.sample import sample_model_path

WriteGguf = Callable[..., Path]

MATRIX = {"a.weight": ((64, 3), "Q8_0")}


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def gguf(
    path: Path,
    pairs: list[bytes] | None = None,
    tensors: list[bytes] | None = None,
    data: bytes = b"",
    *,
    version: int = 3,
    pair_count: int | None = None,
    tensor_count: int | None = None,
) -> Path:
    """A file put together byte by byte, so that it can lie about itself."""
    pairs, tensors = pairs or [], tensors or []
    preamble = struct.pack(
        "<4sIQQ",
        b"GGUF",
        version,
        len(tensors) if tensor_count is None else tensor_count,
        len(pairs) if pair_count is None else pair_count,
    )
    head = preamble + b"".join(pairs + tensors)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)
    return path


def refused(path: Path) -> str:
    """The sentence that the file is refused with."""
    with pytest.raises(BadFile) as caught:
        read_header(path)
    assert str(path) in caught.value.sentence
    assert "\n" not in caught.value.sentence
    assert "; " in caught.value.sentence, "what to do is missing"
    return caught.value.sentence


def test_value_kinds_are_those_of_the_gguf_package() -> None:
    ours = {kind: (layout.format, layout.size) for kind, layout in header._SCALARS.items()}
    packing = {int(kind): "<" + code for kind, code in GGUFWriter._simple_value_packing.items()}
    assert {kind: layout for kind, (layout, _) in ours.items()} == packing
    assert (header._STRING, header._ARRAY) == (GGUFValueType.STRING, GGUFValueType.ARRAY)


def test_all_kinds_of_values(tmp_path: Path) -> None:
    writer = GGUFWriter(None, "llama")
    writer.add_uint8("u8", 255)
    writer.add_int8("i8", -128)
    writer.add_uint16("u16", 65535)
    writer.add_int16("i16", -32768)
    writer.add_uint32("u32", 2**32 - 1)
    writer.add_int32("i32", -(2**31))
    writer.add_uint64("u64", 2**64 - 1)
    writer.add_int64("i64", -(2**63))
    writer.add_float32("f32", 0.5)
    writer.add_float64("f64", 1e300)
    writer.add_bool("yes", True)
    writer.add_bool("no", False)
    writer.add_string("text", "für 模型")
    writer.add_array("numbers", [3, 1, 2])
    writer.add_array("flags", [True, False])
    writer.add_array("words", ["a", "", "longer"])
    writer.add_array("longest kept", list(range(4096)))
    writer.add_array("too long", list(range(4097)))
    path = tmp_path / "all.gguf"
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    metadata = dict(read_header(path).metadata)
    assert metadata.pop("longest kept") == tuple(range(4096))
    assert metadata == {
        "general.architecture": "llama",
        "u8": 255,
        "i8": -128,
        "u16": 65535,
        "i16": -32768,
        "u32": 2**32 - 1,
        "i32": -(2**31),
        "u64": 2**64 - 1,
        "i64": -(2**63),
        "f32": 0.5,
        "f64": 1e300,
        "yes": True,
        "no": False,
        "text": "für 模型",
        "numbers": (3, 1, 2),
        "flags": (True, False),
        "words": SkippedArray(3, of_text=True),
        "too long": SkippedArray(4097, of_text=False),
    }


def test_tensors(write_gguf: WriteGguf) -> None:
    tensors = {
        "vector": ((5,), "F32"),
        "half": ((4, 3), "F16"),
        "blocks": ((64, 3), "Q4_1"),
        "k blocks": ((512, 2, 2), "Q6_K"),
    }
    read = read_header(write_gguf(tensors=tensors))
    assert read.version == 3
    assert read.tensor_count == 4
    assert [(entry.name, entry.dtype, entry.shape, entry.elements, entry.row_count, entry.bytes) for entry in read.tensors] == [
        ("vector", "F32", (5,), 5, 1, 20),
        ("half", "F16", (4, 3), 12, 3, 24),
        ("blocks", "Q4_1", (64, 3), 192, 3, 2 * 20 * 3),  # 20 bytes for 32 elements
        ("k blocks", "Q6_K", (512, 2, 2), 2048, 4, 2 * 210 * 4),  # 210 bytes for 256 elements
    ]


def test_version_2_reads_like_version_3(write_gguf: WriteGguf) -> None:
    path = write_gguf({"llama.block_count": 7}, MATRIX)
    expected = read_header(path)
    content = bytearray(path.read_bytes())
    content[4] = 2
    path.write_bytes(content)
    read = read_header(path)
    assert read.version == 2
    assert (dict(read.metadata), read.tensors) == (dict(expected.metadata), expected.tensors)


def test_own_alignment(tmp_path: Path) -> None:
    writer = GGUFWriter(None, "llama")
    writer.add_custom_alignment(128)
    for name in ("a", "b"):
        writer.add_tensor(name, np.zeros(3, np.float32))
    path = tmp_path / "aligned.gguf"
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert [entry.bytes for entry in read_header(path).tensors] == [12, 12]


def test_long_texts_and_vocabularies_across_the_window(write_gguf: WriteGguf) -> None:
    long_text = "x" * 600_000
    words = ["y" * (index % 50) for index in range(40_000)] + ["z" * 300_000, "end"]
    path = write_gguf({"long": long_text, "words": words, "after": 5}, MATRIX)
    read = read_header(path)
    assert read.metadata["long"] == long_text
    assert read.metadata["words"] == SkippedArray(40_002, of_text=True)
    assert read.metadata["after"] == 5
    assert read.tensors[0].name == "a.weight"


def test_sample_agrees_with_the_gguf_package_and_is_quick() -> None:
    path = sample_model_path()
    read_header(path)  # the gguf package's tables are imported at first use
    started = time.perf_counter()
    read = read_header(path)
    assert time.perf_counter() - started < 1, "tens of milliseconds were seen; a second is out of proportion on any machine"
    reference = GGUFReader(path)
    assert [(entry.name, entry.shape, entry.bytes) for entry in read.tensors] == [
        (entry.name, tuple(int(size) for size in entry.shape), int(entry.n_bytes)) for entry in reference.tensors
    ]
    keys = {key for key in reference.fields if not key.startswith("GGUF.")}
    assert set(read.metadata) == keys
    for key, value in read.metadata.items():
        if not isinstance(value, SkippedArray):
            assert value == pytest.approx(reference.fields[key].contents()), key


def test_beginning_stops_before_the_vocabulary() -> None:
    read = read_beginning(sample_model_path())
    assert read.metadata["general.architecture"] == "llama"
    assert all(key.startswith("general.") for key in read.metadata)
    assert read.tensor_count == 272
    assert read.tensors == ()


def test_beginning_needs_no_numpy_and_no_gguf() -> None:
    program = (
        "import sys; from pathlib import Path; from profiler.modelfile.header import read_beginning; "
        "read_beginning(Path(sys.argv[1])); print([name for name in ('numpy', 'gguf') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program, str(sample_model_path())], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_is_no_gguf_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    for content in (b"", b"GGUF", b"PK\x03\x04" + b"\0" * 100, b"<!DOCTYPE html>" + b" " * 100):
        path.write_bytes(content)
        assert "no GGUF file" in refused(path)


@pytest.mark.parametrize(("version", "words"), [(1, "version 1"), (4, "version 4"), (3 << 24, "big-endian"), (0, "big-endian")])
def test_other_versions(tmp_path: Path, version: int, words: str) -> None:
    assert words in refused(gguf(tmp_path / "a.gguf", version=version))


def test_unreadable_paths(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="No such file"):
        read_header(tmp_path / "absent.gguf")
    assert "is no file" in refused(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    assert "is no file" in refused(tmp_path / "pipe.gguf")


@pytest.mark.parametrize("counts", [{"pair_count": 2**63}, {"tensor_count": 2**63}, {"pair_count": 5}, {"tensor_count": 100_000}])
def test_counts_beyond_the_file(tmp_path: Path, counts: dict[str, int]) -> None:
    assert "claims" in refused(gguf(tmp_path / "a.gguf", **counts))


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (pair("k", 8, struct.pack("<Q", 2**62)), "a text of"),
        (pair("k", 8, struct.pack("<Q", 1000)), "ends within"),
        (pair("k", 9, struct.pack("<IQ", 4, 2**60)), "array entries"),
        (pair("k", 9, struct.pack("<IQ", 8, 2**60)), "array entries"),
        (pair("k", 9, struct.pack("<IQ", 8, 3) + struct.pack("<Q", 2**64 - 1) + b"\0" * 50), "ends within"),
        (pair("k", 9, struct.pack("<IQ", 9, 1) + b"\0" * 50), "arrays within an array"),
        (pair("k", 13, b"\0" * 50), "unknown kind 13"),
        (pair("k", 9, struct.pack("<IQ", 77, 1) + b"\0" * 50), "unknown kind 77"),
        (struct.pack("<Q", 70_000) + b"\0" * 80_000, "a key of 70000 bytes"),
    ],
)
def test_lies_in_the_metadata(tmp_path: Path, lie: bytes, words: str) -> None:
    assert words in refused(gguf(tmp_path / "a.gguf", [lie]))


def test_a_key_twice(tmp_path: Path) -> None:
    once = pair("k", 4, struct.pack("<I", 1))
    assert "the key 'k' twice" in refused(gguf(tmp_path / "a.gguf", [once, once]))


@pytest.mark.parametrize("value", [b"\x08\0\0\0" + text("no"), b"\x04\0\0\0\0\0\0\0", b"\x04\0\0\0\x30\0\0\0", b"\x07\0\0\0\x01"])
def test_bad_alignments(tmp_path: Path, value: bytes) -> None:
    assert "alignment" in refused(gguf(tmp_path / "a.gguf", [text("general.alignment") + value]))


@pytest.mark.parametrize(
    ("lies", "words"),
    [
        ([tensor("a", (1, 1, 1, 1, 1), 0, 0)], "5 dimensions"),
        ([tensor("a", (2**32, 2**32), 0, 0)], "impossible size"),
        ([tensor("a", (2**40,), 0, 0)], "incomplete"),
        ([tensor("a", (8,), 4242, 0)], "type (4242)"),
        ([tensor("a", (33,), 8, 0)], "whole blocks of Q8_0"),
        ([tensor("a", (8,), 0, 32)], "unexpected place"),
        ([tensor("a", (8,), 0, 0), tensor("b", (8,), 0, 0)], "unexpected place"),
        ([tensor("a", (8,), 0, 0), tensor("a", (8,), 0, 32)], "the tensor 'a' twice"),
        ([tensor("n" * 64, (8,), 0, 0)], "tensor name of 64 bytes"),
    ],
)
def test_lies_about_tensors(tmp_path: Path, lies: list[bytes], words: str) -> None:
    assert words in refused(gguf(tmp_path / "a.gguf", tensors=lies, data=bytes(64)))


def test_incomplete_download(write_gguf: WriteGguf) -> None:
    path = write_gguf(tensors=MATRIX)
    os.truncate(path, path.stat().st_size - 64)
    assert "is incomplete" in refused(path)


def test_header_without_end_in_a_huge_file(tmp_path: Path) -> None:
    """A sparse file whose metadata claim to go on: the limit on headers ends it, not the file's size."""
    path = gguf(
        tmp_path / "a.gguf", [pair("k", 9, struct.pack("<IQ", 8, 8_000_000)), pair("l", 9, struct.pack("<IQ", 8, 8_000_000))]
    )
    os.truncate(path, 2**36)
    started = time.perf_counter()
    assert "header of more than" in refused(path)
    assert time.perf_counter() - started < 20


def test_arrays_are_kept_within_a_budget(tmp_path: Path) -> None:
    array = struct.pack("<IQ", 0, 4096) + bytes(4096)
    read = read_header(gguf(tmp_path / "a.gguf", [pair(f"k{number}", 9, array) for number in range(20)]))
    kept = [key for key, value in read.metadata.items() if isinstance(value, tuple)]
    assert kept == [f"k{number}" for number in range(16)], "16 × 4096 entries in all"


def outcome(path: Path, content: bytes) -> str:
    """Read a file of this content: its only way out is a header or BadFile."""
    path.write_bytes(content)
    started = time.perf_counter()
    result = "read"
    for read in (read_beginning, read_header):
        try:
            read(path)
        except BadFile:
            result = "refused"
    assert time.perf_counter() - started < 2
    return result


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = GGUFWriter(None, "llama")
    writer.add_uint32("llama.block_count", 2)
    writer.add_array("llama.attention.head_count_kv", [2, 1])
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", "def"])
    writer.add_float32("f", 1.5)
    writer.add_tensor("token_embd.weight", np.zeros((4, 8), np.float16))
    writer.add_tensor("output_norm.weight", np.zeros(8, np.float32))
    path = tmp_path_factory.mktemp("small") / "small.gguf"
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_every_truncation_is_refused(small_file: Path, tmp_path: Path) -> None:
    content = small_file.read_bytes()
    assert outcome(tmp_path / "a.gguf", content) == "read"
    for length in range(len(content)):
        assert outcome(tmp_path / "a.gguf", content[:length]) == "refused"


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_flipped_bytes(data: st.DataObject, small_file: Path) -> None:
    content = bytearray(small_file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(4, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    outcome(small_file.with_name("flipped.gguf"), bytes(content))


@settings(max_examples=200, deadline=None)
@given(tail=st.binary(max_size=200), pairs=st.integers(0, 3), tensors=st.integers(0, 3))
def test_random_bytes(tail: bytes, pairs: int, tensors: int, small_file: Path) -> None:
    outcome(small_file.with_name("random.gguf"), struct.pack("<4sIQQ", b"GGUF", 3, tensors, pairs) + tail)


def test_faults_are_told_not_thrown(small_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that shrinks, or a disk that fails, while it is read."""

    class Shrinking:
        def __init__(self, *_: Any, **__: Any) -> None:
            self._file = os.fdopen(os.open(small_file, os.O_RDONLY), "rb", buffering=0)
            self.fileno, self.seek = self._file.fileno, self._file.seek

        def __enter__(self) -> "Shrinking":
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def read(self, _: int) -> bytes:
            return b""

    monkeypatch.setattr("builtins.open", Shrinking)
    with pytest.raises(InferometerError, match="became shorter"):
        read_header(small_file)

    def failing(self: Shrinking, _: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Shrinking, "read", failing)
    with pytest.raises(EnvironmentFault, match="Input/output error"):
        read_header(small_file)
