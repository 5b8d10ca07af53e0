"""What is said of a model file, against files whose sums were done by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import BadFile, EnvironmentFault
from profiler.modelfile.description import describe
from profiler.modelfile.header import SkippedArray
from profiler.models.sample import sample_model_path

WriteGguf = Callable[..., Path]

MIXED = {
    "token_embd.weight": ((64, 10), "F16"),  # 640 elements, 1280 bytes
    "output_norm.weight": ((64,), "F32"),  # 64 elements, 256 bytes
    "blk.0.ffn_up.weight": ((64, 32), "Q4_0"),  # 2048 elements, 64 blocks of 18 bytes = 1152 bytes
}


def test_sample() -> None:
    told = describe(sample_model_path())
    assert (told.architecture, told.quantization, told.parameters) == ("llama", "Q4_1", 134_515_008)
    assert (told.context_train, told.block_count) == (8192, 30)
    assert told.file_bytes == sample_model_path().stat().st_size
    assert told.bits_per_weight == pytest.approx(5.7437, abs=1e-4)
    assert {name: share.tensors for name, share in told.type_mix.items()} == {"Q4_1": 210, "Q8_0": 1, "F32": 61}
    assert told.metadata["tokenizer.ggml.tokens"] == SkippedArray(49_152, of_text=True)


def test_sums_of_a_mixed_file(write_gguf: WriteGguf) -> None:
    path = write_gguf({"general.name": "  My\nmodel ", "general.file_type": 15, "llama.block_count": 1}, MIXED)
    told = describe(path)
    assert told.name == "My model"
    assert told.quantization == "Q4_K_M"
    assert told.parameters == 640 + 64 + 2048
    assert told.tensor_bytes == 1280 + 256 + 1152
    assert told.bits_per_weight == pytest.approx((1280 + 256 + 1152) * 8 / 2752)
    assert [(name, share.tensors, share.elements, share.bytes) for name, share in told.type_mix.items()] == [
        ("F16", 1, 640, 1280),
        ("Q4_0", 1, 2048, 1152),
        ("F32", 1, 64, 256),
    ]
    assert told.parts == (path,)
    assert told.context_train is None


@pytest.mark.parametrize(
    ("file_type", "expected"),
    [
        (0, "F32"),
        (1, "F16"),
        (3, "Q4_1"),
        (7, "Q8_0"),
        (32, "BF16"),
        (1024, "Q4_0"),
        (999, "Q4_0"),
        ("seven", "Q4_0"),
        (None, "Q4_0"),
    ],
)
def test_quantization_by_file_type_else_by_most_elements(write_gguf: WriteGguf, file_type: Any, expected: str) -> None:
    keys = {} if file_type is None else {"general.file_type": file_type}
    assert describe(write_gguf(keys, MIXED)).quantization == expected


@pytest.mark.parametrize("name", [None, "   ", 5])
def test_name_falls_back_to_the_file(write_gguf: WriteGguf, name: Any) -> None:
    keys = {} if name is None else {"general.name": name}
    assert describe(write_gguf(keys, MIXED, name="Some-7B.Q4_0.gguf")).name == "Some-7B.Q4_0"


def test_own_keys(write_gguf: WriteGguf) -> None:
    told = describe(write_gguf({"llama.embedding_length": 64, "llama.odd": "text", "llama.flag": True}, MIXED))
    assert told.count("embedding_length") == 64
    assert told.count("odd") is None
    assert told.count("flag") is None
    assert told.value("flag") is True
    assert told.value("absent") is None


def test_what_holds_no_model(write_gguf: WriteGguf, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="holds no weights"):
        describe(write_gguf({"llama.block_count": 1}))
    with pytest.raises(BadFile, match="which architecture"):
        describe(write_gguf({"general.architecture": 5}, MIXED))
    with pytest.raises(BadFile, match="at most 512"):
        describe(write_gguf({"llama.block_count": 4_000_000_000}, MIXED))
    with pytest.raises(EnvironmentFault, match="No such file"):
        describe(tmp_path / "absent.gguf")


def write_split(write_gguf: WriteGguf, parts: int = 3, stated_tensors: int | None = None, **changes: Any) -> list[Path]:
    """A model in parts of one tensor each; the later ones have the split's keys only."""
    paths = []
    for part in range(parts):
        keys = {"split.no": part, "split.count": parts, "split.tensors.count": stated_tensors or parts} | changes
        if part == 0:
            keys |= {"general.name": "Whole", "general.file_type": 7, "llama.block_count": 3}
        tensors = {f"blk.{part}.ffn_up.weight": ((64, 2), "Q8_0")}
        paths.append(write_gguf(keys, tensors, name=f"Whole-{part + 1:05}-of-{parts:05}.gguf"))
    return paths


def test_split_model_is_described_as_one(write_gguf: WriteGguf) -> None:
    paths = write_split(write_gguf)
    told = describe(paths[0])
    assert told.parts == tuple(paths)
    assert told.name == "Whole"
    assert told.parameters == 3 * 128
    assert told.tensor_bytes == 3 * 4 * 34
    assert told.file_bytes == sum(path.stat().st_size for path in paths)


def test_split_model_with_a_part_missing(write_gguf: WriteGguf) -> None:
    paths = write_split(write_gguf)
    paths[1].unlink()
    with pytest.raises(BadFile, match=r"Whole-00002-of-00003\.gguf is missing"):
        describe(paths[0])


def test_split_model_with_a_wrong_part(write_gguf: WriteGguf) -> None:
    paths = write_split(write_gguf)
    paths[1].write_bytes(paths[2].read_bytes())
    with pytest.raises(BadFile, match="not part 2"):
        describe(paths[0])


def test_later_part_names_the_first(write_gguf: WriteGguf) -> None:
    with pytest.raises(BadFile, match=r"first part, Whole-00001-of-00003\.gguf"):
        describe(write_split(write_gguf)[1])


def test_part_with_a_lost_name(write_gguf: WriteGguf) -> None:
    path = write_split(write_gguf)[0]
    with pytest.raises(BadFile, match="give it back its name"):
        describe(path.rename(path.with_name("renamed.gguf")))


def test_split_model_with_tensors_missing(write_gguf: WriteGguf) -> None:
    with pytest.raises(BadFile, match="hold 3 of the model's 9 tensors"):
        describe(write_split(write_gguf, stated_tensors=9)[0])
