"""Quantizations made by the real engine from small random models: predicted, made, cached, stopped, swept."""

import json
import threading

import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter

from profiler.analysis.model_ranking import rank_models
from profiler.cli.main import main
from profiler.engine.quantization_types import file_type_numbers
from profiler.errors import EnvironmentFault, Interrupted, UnusableArguments
from profiler.modelfile.description import describe
from profiler.modelfile.imatrix import read_imatrix
from profiler.models import quantization, quantization_cache, quantization_sizes
from profiler.models.quantization import make, requantizing_warning
from profiler.models.quantization_sizes import library_types, predict
from profiler.plan.plan import Plan
from profiler.session.reader import SessionReader
from profiler.sweep.preparation import choices_of, prepare_models, release_models
from tests.helpers.other_architecture import as_qwen2
from tests.helpers.random_model import write_random_model

UNMADE = {"NVFP4"}
"""File types that this llama.cpp reads and does not make."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_random_model(tmp_path_factory.mktemp("random") / "random-F16.gguf", vocabulary=301)


@pytest.fixture(scope="module")
def library(engine):
    return library_types(engine)


@pytest.fixture(scope="module")
def options(library, engine):
    return {"library_version": library.library_version, "threads": 1, "child": engine}


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture(scope="module")
def matrix(model, tmp_path_factory):
    """An importance matrix for all of the model's matrices."""
    random = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("imatrix") / "random.imatrix.gguf"
    writer = GGUFWriter(None, "")
    writer.kv_data[0].clear()
    writer.add_array("imatrix.datasets", ["random"])
    writer.add_uint32("imatrix.chunk_count", 2)
    writer.add_uint32("imatrix.chunk_size", 64)
    for tensor in describe(model).tensors:
        if len(tensor.shape) == 2:
            writer.add_tensor(f"{tensor.name}.in_sum2", random.exponential(128, (1, tensor.shape[0])).astype(np.float32))
            writer.add_tensor(f"{tensor.name}.counts", np.full((1, 1), 128, np.float32))
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_library_tells_what_it_makes(library):
    by_name = {entry.name: entry for entry in library.types}
    assert set(by_name) == set(file_type_numbers()) - UNMADE
    known = {
        "F32": 32.0,
        "BF16": 16.0,
        "Q8_0": 34 * 8 / 32,
        "Q4_K_M": 144 * 8 / 256,
        "Q2_K": 84 * 8 / 256,
        "MXFP4_MOE": 17 * 8 / 32,
    }
    assert {name: by_name[name].bits_per_weight for name in known} == known
    assert (by_name["Q4_K_M"].main_type, by_name["Q4_K_M"].file_type) == ("Q4_K", 15)
    needing = {entry.name for entry in library.types if entry.needs_imatrix}
    # llama-quant.cpp, tensor_requires_imatrix and what each mixture holds
    assert needing == {"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS", "Q2_K_S"}
    bits = [entry.bits_per_weight for entry in library.types]
    assert bits == sorted(bits, reverse=True)


def test_the_predicted_size_is_the_size_made(model, library, options, own_cache, matrix):
    asked = {"library_version": library.library_version, "child": options["child"]}
    predictions = {entry.type: entry for entry in predict(describe(model), **asked)}
    assert set(predictions) == {entry.name for entry in library.types}
    for type_name in ("F32", "Q8_0", "Q4_K_M", "Q2_K", "TQ1_0"):
        made = make(model, type_name, **options)
        expected = predictions[type_name]
        description = describe(made.path)
        assert made.file_bytes == made.path.stat().st_size == expected.file_bytes
        assert description.bits_per_weight == pytest.approx(expected.bits_per_weight, abs=0)
        assert description.quantization == type_name
        assert made.fallback_tensors == expected.fallback_tensors == 0
    assert predictions["Q2_K_S"].needs_imatrix
    given = read_imatrix(matrix, "random.imatrix.gguf")
    for type_name in ("Q2_K_S", "Q4_0"):  # an importance matrix changes what Q4_0 is mixed from, and the header
        (expected,) = predict(describe(model), [type_name], imatrix=given, **asked)
        assert make(model, type_name, imatrix=given, **options).file_bytes == expected.file_bytes
        assert not expected.needs_imatrix


def test_a_split_model_becomes_one_file_of_the_predicted_size(model, options, own_cache):
    reader = GGUFReader(model)
    writer = GGUFWriter(own_cache / "split.gguf", "llama", split_max_tensors=9)
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            kinds = field.types
            writer.add_key_value(field.name, field.contents(), kinds[0], kinds[-1] if len(kinds) > 1 else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    first = min(own_cache.glob("split-00001-of-*.gguf"))
    assert len(describe(first).parts) == 3
    (expected,) = predict(describe(first), ["Q8_0"], library_version=options["library_version"], child=options["child"])
    made = make(first, "Q8_0", **options)
    assert made.path.name == "split.Q8_0.gguf"
    assert made.file_bytes == expected.file_bytes
    assert describe(made.path).parts == (made.path,)


def test_a_prediction_is_kept_under_the_header_and_asked_for_once(model, library, own_cache, monkeypatch):
    version = library.library_version
    (first,) = predict(describe(model), ["q8_0"], library_version=version)
    everything = predict(describe(model), library_version=version)
    assert first in everything

    def refuse(*_arguments):
        raise AssertionError("asked again")

    monkeypatch.setattr(quantization_sizes, "carry_out", refuse)
    assert predict(describe(model), library_version=version) == everything
    assert predict(describe(model), ["Q8_0"], library_version=version) == (first,)
    copy = own_cache / "copy.gguf"
    copy.write_bytes(model.read_bytes()[:-1] + b"\1")  # other weights, same header
    assert predict(describe(copy), ["Q8_0"], library_version=version) == (first,)
    for file in (own_cache / "home" / "cache" / "predicted-sizes").iterdir():
        file.write_text("{")
    with pytest.raises(AssertionError, match="asked again"):
        predict(describe(model), library_version=version)


def test_an_importance_matrix_is_used_recorded_and_part_of_the_key(model, options, own_cache, matrix):
    given = read_imatrix(matrix, "some/where/random.imatrix.gguf")
    plain = make(model, "Q4_K_M", **options)
    made = make(model, "Q4_K_M", imatrix=given, **options)
    assert made.sha256 != plain.sha256
    assert (made.imatrix_name, plain.imatrix_name) == ("random.imatrix.gguf", None)
    metadata = describe(made.path).metadata
    told = {key: value for key, value in metadata.items() if key.startswith("quantize.imatrix")}
    assert told == {
        "quantize.imatrix.file": "some/where/random.imatrix.gguf",
        "quantize.imatrix.dataset": "random",
        "quantize.imatrix.entries_count": len(given.entries),
        "quantize.imatrix.chunks_count": 2,
    }
    again = make(model, "Q4_K_M", imatrix=given, **options)
    assert again.was_cached
    assert (again.path, again.sha256, again.imatrix_name) == (made.path, made.sha256, made.imatrix_name)
    # The recorded path is part of the bytes, and so of the key.
    assert not make(model, "Q4_K_M", imatrix=read_imatrix(matrix, "elsewhere"), **options).was_cached
    weights = {tensor.name: tensor.data.tobytes() for tensor in GGUFReader(made.path).tensors}
    assert any(tensor.data.tobytes() != weights[tensor.name] for tensor in GGUFReader(plain.path).tensors)


def test_what_cannot_be_made_is_told_before_the_work(model, options, own_cache, monkeypatch):
    with pytest.raises(UnusableArguments, match=r"IQ2_XXS of random-F16\.gguf needs an importance matrix"):
        make(model, "IQ2_XXS", **options)
    with pytest.raises(EnvironmentFault, match="makes no type 'Q9_9'"):
        make(model, "Q9_9", **options)
    monkeypatch.setattr(quantization.shutil, "disk_usage", lambda _folder: type("Usage", (), {"free": 1000})())
    with pytest.raises(EnvironmentFault, match=r"where 0\.00 GB are free"):
        make(model, "Q8_0", **options)
    assert quantization_cache.entries() == ()


def test_stopped_work_leaves_nothing(sample_model, options, own_cache):
    cancel = threading.Event()
    shares = []

    def stop(share):
        shares.append(share)
        cancel.set()

    with pytest.raises(Interrupted, match="Making Q2_K was stopped"):
        make(sample_model, "Q2_K", on_progress=stop, cancel=cancel, **options)
    assert shares
    assert shares[-1] < 1
    assert quantization_cache.total_bytes() == 0


def test_only_a_quantized_source_is_warned_of(model, sample_model):
    assert requantizing_warning(describe(model), ["Q8_0"]) == ""
    assert requantizing_warning(describe(sample_model), []) == ""
    assert "is Q4_1 already: Q8_0 made from it loses" in requantizing_warning(describe(sample_model), ["Q8_0", "F16"])
    assert "larger, not better" in requantizing_warning(describe(sample_model), ["F16"])


def test_files_that_are_one_model_are_swept_without_making(model, options, own_cache):
    made = make(model, "Q8_0", folder=own_cache / "folder", **options)
    assert made.path == own_cache / "folder" / "random-F16.Q8_0.gguf"
    with pytest.raises(UnusableArguments, match="exists already"):
        make(model, "Q8_0", folder=own_cache / "folder", **options)
    plan = Plan.from_document({"models": {"paths": [str(made.path), str(model)], "quant": ["as-is", "Q4_0"]}})
    choices = choices_of(plan)
    assert [(choice.quant, choice.made_type) for choice in choices] == [("Q8_0", None), ("F16", None), ("Q4_0", "Q4_0")]
    prepared = prepare_models(plan, options["library_version"], 1, lambda *_: None, threading.Event(), choices)
    assert len({entry.label for entry in prepared}) == 1
    assert [entry.record.quantization for entry in prepared] == ["Q8_0", "F16", "Q4_0"]
    assert [entry.record.source_name for entry in prepared] == [None, None, model.name]  # from the F16, the best there is
    assert [entry.warning for entry in prepared] == ["", "", ""]
    assert prepared[1].record.type_mix["attention"] == {"F16": 2 * (2 * 256 * 256 + 2 * 256 * 128)}
    held = prepared[2].path
    with pytest.raises(EnvironmentFault, match="being measured"):
        quantization_cache.delete(held)
    release_models(prepared)
    quantization_cache.delete(held)


def command(arguments, capsys):
    status = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return status, told.out, told.err


def test_the_command_makes_tells_and_refuses(model, own_cache, capsys):
    folder = own_cache / "out"
    status, out, err = command(["quantize", model, "--to", "q8_0,Q4_K_M", "-o", folder, "--json"], capsys)
    assert (status, "already" in err) == (0, False)
    outputs = json.loads(out)["outputs"]
    assert [output["type"] for output in outputs] == ["Q8_0", "Q4_K_M"]
    assert [output["path"] for output in outputs] == [str(folder / f"random-F16.{name}.gguf") for name in ("Q8_0", "Q4_K_M")]
    assert outputs[0]["type_mix"]["norm"] == {"F32": 5 * 256}
    assert sorted(path.name for path in folder.iterdir()) == ["random-F16.Q4_K_M.gguf", "random-F16.Q8_0.gguf"]
    assert command(["quantize", model, "--to", "Q8_0", "-o", folder], capsys)[0] == 2
    assert command(["quantize", model, "--to", "Q8_0", "-o", folder, "--force"], capsys)[0] == 0
    for arguments, words in (
        (["--to", "Q4_0,IQ1_S,IQ2_S"], "IQ1_S, IQ2_S of random-F16.gguf need an importance matrix"),
        (["--to", "NVFP4"], "makes no type 'NVFP4'"),
        ([], "--to"),
    ):
        status, out, err = command(["quantize", model, *arguments], capsys)
        assert (status, out, words in err) == (2, "", True)
    assert quantization_cache.entries() == ()


def test_a_dry_run_tells_all_types_and_makes_none(sample_model, library, own_cache, capsys):
    status, out, _ = command(["quantize", "sample", "--dry-run", "--json"], capsys)
    outputs = {output["type"]: output for output in json.loads(out)["outputs"]}
    assert status == 0
    assert set(outputs) == {entry.name for entry in library.types}
    assert (outputs["Q2_K"]["fallback_tensors"], outputs["Q2_K"]["path"]) == (180, None)
    assert (outputs["Q1_0"]["file_bytes"], "no tensor type fallback" in outputs["Q1_0"]["refusal"]) == (None, True)
    assert quantization_cache.total_bytes() == 0
    status, out, err = command(["quantize", "sample", "--dry-run", "--to", "Q8_0,IQ1_S"], capsys)
    assert (status, "145 MB" in out, "needs --imatrix" in out, "is Q4_1 already" in err) == (0, True, True, True)


def test_models_of_several_sizes_and_architectures_are_ranked(model, tmp_path, capsys):
    larger = write_random_model(tmp_path / "larger.gguf", blocks=6, name="Larger")
    other = as_qwen2(model, tmp_path / "other.gguf", "Other")
    session = tmp_path / "s.inferometer"
    options = [
        "--concurrency",
        1,
        "--threads",
        1,
        "--prompt-tokens",
        8,
        "--output-tokens",
        8,
        "--requests",
        2,
        "--repetitions",
        1,
    ]
    assert command(["run", model, larger, other, "-o", session, *options], capsys)[0] == 0
    status, out, _ = command(["show", session, "--json"], capsys)
    document = json.loads(out)
    assert status == 0
    assert [entry["architecture"] for entry in document["models"]] == ["llama", "llama", "qwen2"]
    assert all(cell["status"] == "done" for cell in document["cells"])
    with SessionReader.open(session) as reader:
        figures = {cell["cell_id"]: cell["metrics"] for cell in document["cells"]}
        ranking = rank_models(reader.models(), reader.cells(), figures)
    assert [row.name for row in ranking] == ["Random", "Other", "Larger"]
    assert [row.ranks["file_bytes"] for row in ranking] == [1, 2, 3]
    assert ranking[0].is_unbeaten is True  # nothing is smaller
    assert all(row.output_tok_s > 0 and row.rss_peak_bytes > 0 and row.bits_per_byte is None for row in ranking)
    assert sorted(row.ranks["output_tok_s"] for row in ranking) == [1, 2, 3]
    table = command(["show", session], capsys)[1]
    assert "unbeaten" in table
    assert "#3" in table
