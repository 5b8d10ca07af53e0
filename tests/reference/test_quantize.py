"""The engine's quantizations beside llama.cpp's own llama-quantize: the same bytes, of the size that was predicted."""

import hashlib
from pathlib import Path

import pytest

from profiler.modelfile.description import describe
from profiler.modelfile.imatrix import read_imatrix
from profiler.models.quantization import make
from profiler.models.quantization_sizes import library_types, predict
from tests.reference import llama_tools
from tests.reference.llama_tools import Unavailable

pytestmark = [pytest.mark.reference, pytest.mark.timeout(3 * llama_tools.BUILD_S)]

TEXT = "The harbour lay quiet in the early light, and the boats moved a little with the tide. " * 60


def tool(name: str) -> Path:
    try:
        path = llama_tools.built_tool(name)
    except Unavailable as reason:
        pytest.skip(f"{reason}.")
    llama_tools.assert_uses_the_installed_library(path)
    return path


@pytest.fixture(scope="module")
def quantizer():
    return tool("llama-quantize")


@pytest.fixture(scope="module")
def matrices(sample_model, tmp_path_factory):
    """What llama-imatrix makes of a short text, in today's format and in the older one."""
    folder = tmp_path_factory.mktemp("imatrix")
    (folder / "text.txt").write_text(TEXT)
    for kind in ("gguf", "dat"):
        options = ["-m", sample_model, "-f", folder / "text.txt", "-c", 128, "--chunks", 2, "-t", 2]
        llama_tools.run(tool("llama-imatrix"), [*options, "-o", folder / f"m.{kind}", "--output-format", kind])
    return folder


@pytest.mark.parametrize(
    ("type_name", "matrix"),
    [(name, matrix) for name in ("Q4_K_M", "Q8_0", "Q4_0") for matrix in (None, "gguf", "dat")] + [("IQ2_S", "gguf")],
)
def test_the_bytes_are_those_of_llama_quantize(quantizer, matrices, sample_model, tmp_path, type_name, matrix):
    given = None if matrix is None else str(matrices / f"m.{matrix}")
    imatrix = None if given is None else read_imatrix(Path(given), given)
    version = library_types().library_version
    (expected,) = predict(describe(sample_model), [type_name], library_version=version, imatrix=imatrix)
    ours = make(sample_model, type_name, library_version=version, threads=2, imatrix=imatrix, folder=tmp_path)
    options = ["--allow-requantize", *([] if given is None else ["--imatrix", given])]
    theirs = tmp_path / "theirs.gguf"
    llama_tools.run(quantizer, [*options, sample_model, theirs, type_name, 2])
    assert ours.sha256 == hashlib.sha256(theirs.read_bytes()).hexdigest()
    assert ours.path.read_bytes() == theirs.read_bytes()
    assert ours.file_bytes == expected.file_bytes == theirs.stat().st_size
    assert ours.fallback_tensors == expected.fallback_tensors


def test_predicted_sizes_are_those_of_llama_quantize(quantizer, sample_model, tmp_path):
    predictions = predict(describe(sample_model), library_version=library_types().library_version)
    for expected in predictions:
        if expected.type in ("F16", "Q3_K_M", "TQ2_0", "MXFP4_MOE"):
            theirs = tmp_path / f"{expected.type}.gguf"
            llama_tools.run(quantizer, ["--allow-requantize", sample_model, theirs, expected.type, 2])
            assert theirs.stat().st_size == expected.file_bytes
