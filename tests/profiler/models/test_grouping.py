from dataclasses import replace
from pathlib import Path

import pytest

from profiler.modelfile.description import describe
from profiler.models.grouping import ModelChoice, group_models, labels_and_quants, model_choices, separate_choices
from tests.profiler.modelfile.conftest import dense_keys, dense_tensors, write_file

F16, Q8_0, Q4_0 = 1, 7, 2
TENSOR_TYPES = {F16: "F16", Q8_0: "Q8_0", Q4_0: "Q4_0"}


@pytest.fixture
def file(tmp_path):
    """Describes a file that is written: file(name, file type, its general.name or None, other keys)."""

    def write(name, file_type=F16, stated="Tiny Chat", tensors=None, architecture="llama", **keys):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        written = {**dense_keys(architecture), "general.file_type": file_type, "tokenizer.ggml.model": "gpt2"}
        written |= {"tokenizer.ggml.tokens": ["a", "b", "c"], "general.name": stated}
        written |= {key.replace("__", "."): value for key, value in keys.items()}
        written = {key: value for key, value in written.items() if value is not None}
        return describe(write_file(path, written, tensors or dense_tensors(matrices=TENSOR_TYPES[file_type]), architecture))

    return write


def members(*descriptions):
    return [group.members for group in group_models(descriptions)]


def test_a_folder_of_quantizations_is_one_model(file):
    folder = [file("tiny-chat-F16.gguf"), file("tiny-chat.Q8_0.gguf", Q8_0), file("Tiny_Chat-q4_0.gguf", Q4_0)]
    (group,) = group_models(folder)
    assert (group.name, group.members) == ("tiny-chat", (0, 1, 2))
    assert labels_and_quants(folder) == [("tiny-chat", "F16"), ("tiny-chat", "Q8_0"), ("tiny-chat", "Q4_0")]


def test_a_file_alone_stays_as_it_is(file):
    assert labels_and_quants([file("tiny-chat-Q8_0.gguf", Q8_0)]) == [("tiny-chat-Q8_0", "as-is")]


@pytest.mark.parametrize(
    "other",
    [
        {"stated": "Tiny Code"},
        {"stated": None},
        {"llama__context_length": 1024},
        {"tokenizer__ggml__model": "llama"},
        {"tokenizer__ggml__tokens": ["a", "b"]},
        {"tensors": dense_tensors(feed_forward=96)},
        {"tensors": dense_tensors(output="F16")},
        {"architecture": "qwen2"},
        {"general__basename": "Tiny"},
    ],
)
def test_what_differs_in_anything_but_types_is_another_model(file, other):
    assert members(file("a-F16.gguf"), file("a-Q8_0.gguf", **{"file_type": F16, **other})) == [(0,), (1,)]


def test_parts_of_a_name_go_before_the_whole(file):
    parts = {"general__basename": "Tiny", "general__size_label": "135M", "general__finetune": "chat"}
    one = file("a-F16.gguf", **parts)
    assert members(one, file("b.gguf", Q8_0, "Something else", **parts)) == [(0, 1)]
    assert members(one, file("c.gguf", Q8_0, **parts | {"general__finetune": "code"})) == [(0,), (1,)]
    assert members(one, file("d.gguf", Q8_0, **parts | {"general__size_label": "136M"})) == [(0,), (1,)]


def test_without_names_the_files_names_decide(file):
    files = [file("x/m-f16.gguf", F16, None), file("y/M.Q8_0.gguf", Q8_0, None), file("n-Q8_0.gguf", Q8_0, None)]
    assert members(*files) == [(0, 1), (2,)]
    assert labels_and_quants(files) == [("m", "F16"), ("m", "Q8_0"), ("n-Q8_0", "as-is")]


def test_the_same_type_twice_is_told_apart_by_the_file(file):
    files = [file("m-Q8_0.gguf", Q8_0), file("m-imat.Q8_0.gguf", Q8_0), file("m-F16.gguf")]
    assert labels_and_quants(files) == [("m", "Q8_0 (m-Q8_0)"), ("m", "Q8_0 (m-imat.Q8_0)"), ("m", "F16")]


def test_the_same_file_twice_is_one(file):
    one = file("m-Q8_0.gguf", Q8_0)
    assert members(one, one) == [(0,)]
    assert labels_and_quants([one, one]) == [("m-Q8_0", "as-is")] * 2
    assert model_choices([one, one], ["as-is"]) == [ModelChoice("m-Q8_0", "as-is", 0, None)]


def test_two_models_of_one_name_keep_apart(file):
    files = [
        file("x/m-F16.gguf"), file("x/m-Q8_0.gguf", Q8_0),
        file("y/m-F16.gguf", F16, "Other"), file("y/m-Q8_0.gguf", Q8_0, "Other"),
    ]  # fmt: skip
    labels = labels_and_quants(files)
    assert len(set(labels)) == 4
    assert labels[0][0] == labels[1][0] != labels[2][0] == labels[3][0]


def test_a_split_model_is_called_without_its_parts(file):
    one = file("m-Q8_0.gguf", Q8_0)
    split = replace(one, path=Path("/z/m-F16-00001-of-00003.gguf"), quantization="F16")
    (group,) = group_models([split, one])
    assert group.name == "m"
    assert labels_and_quants([split, one]) == [("m", "F16"), ("m", "Q8_0")]


def test_types_are_made_from_the_best_file_and_only_when_none_has_them(file):
    files = [file("m-Q4_0.gguf", Q4_0), file("m-F16.gguf"), file("alone-Q8_0.gguf", Q8_0, "Alone")]
    assert model_choices(files, ["as-is", "Q4_0", "Q2_K"]) == [
        ModelChoice("m", "Q4_0", 0, None),
        ModelChoice("m", "F16", 1, None),
        ModelChoice("m", "Q2_K", 1, "Q2_K"),
        ModelChoice("alone-Q8_0", "as-is", 2, None),
        ModelChoice("alone-Q8_0", "Q4_0", 2, "Q4_0"),
        ModelChoice("alone-Q8_0", "Q2_K", 2, "Q2_K"),
    ]
    assert model_choices(files, ["Q4_0"])[0] == ModelChoice("m", "Q4_0", 0, None)


def test_without_grouping_each_file_stands_for_itself():
    assert separate_choices(["a", "b"], ["as-is", "Q8_0"]) == [
        ModelChoice("a", "as-is", 0, None),
        ModelChoice("a", "Q8_0", 0, "Q8_0"),
        ModelChoice("b", "as-is", 1, None),
        ModelChoice("b", "Q8_0", 1, "Q8_0"),
    ]
