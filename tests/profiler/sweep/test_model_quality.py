import threading
from dataclasses import replace
from pathlib import Path

import pytest

from profiler.errors import EnvironmentFault
from profiler.modelfile.content_hash import sha256
from profiler.modelfile.description import describe
from profiler.models.quality_cache import QualityKey, keep
from profiler.models.quality_text import read_text
from profiler.plan.cells import model_labels
from profiler.plan.plan import Models, Plan
from profiler.records.quality import QualityRecord
from profiler.records.run_record import ModelRecord
from profiler.sweep import model_quality
from profiler.sweep.model_quality import bases, with_quality
from profiler.sweep.preparation import PreparedModel
from tests.helpers.small_models import write_small_model

RECORD = QualityRecord("calibration.txt", "ef" * 32, 512, 510, 12.0, 0.5, 1.25)


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))


def prepared(label, quant, path, model_id):
    description = describe(path)
    record = ModelRecord(
        model_id,
        description.name,
        str(path),
        sha256(path),
        description.architecture,
        description.parameters,
        description.quantization,
        description.file_bytes,
        description.bits_per_weight,
        None,
    )
    return PreparedModel(label, quant, path, record, description)


def plan_of(*paths: Path, **models):
    return Plan(models=Models(paths=tuple(map(str, paths)), **models))


@pytest.fixture
def family(tmp_path):
    """Two models, one with a quantization made from it (a file of other content here); a third file could not be made."""
    one = write_small_model(tmp_path / "one.gguf", name="One")
    made = write_small_model(tmp_path / "one.Q8_0.gguf", name="One", context=4096)
    two = write_small_model(tmp_path / "two.gguf", name="Two")
    labels = model_labels([str(one), str(two)])
    failed = PreparedModel(labels[0], "Q2_K", None, None, None, "It cannot be made.")
    models = [
        prepared(labels[0], "as-is", one, 1),
        prepared(labels[0], "Q8_0", made, 2),
        failed,
        prepared(labels[1], "as-is", two, 3),
    ]
    return plan_of(one, two), models


def test_a_model_is_compared_with_its_own_source(family):
    plan, models = family
    groups = bases(plan, models)
    assert [(base.path.name, [member.record.model_id for member in members]) for base, members in groups] == [
        ("one.gguf", [1, 2]),
        ("two.gguf", [3]),
    ]


def test_the_source_is_the_base_even_when_it_is_not_measured_itself(family):
    plan, models = family
    ((base, members),) = bases(plan, models[1:2])
    assert base.path.name == "one.gguf"
    assert members == models[1:2]


def test_files_of_one_model_are_compared_with_the_one_of_most_bits(tmp_path, monkeypatch):
    coarse, fine = tmp_path / "coarse.gguf", tmp_path / "fine.gguf"
    write_small_model(coarse, name="Same")
    write_small_model(fine, name="Same", context=4096)
    real = describe
    bits = {"coarse.gguf": 4.5, "fine.gguf": 8.5}
    monkeypatch.setattr(model_quality, "describe", lambda path: replace(real(path), bits_per_weight=bits[path.name]))
    labels = model_labels([str(coarse), str(fine)])
    models = [prepared(labels[0], "as-is", coarse, 1), prepared(labels[1], "as-is", fine, 2)]
    ((base, members),) = bases(plan_of(coarse, fine), models)
    assert base.path.name == "fine.gguf"
    assert len(members) == 2


def test_without_a_budget_only_what_is_known_is_told(family, own_cache, monkeypatch):
    plan, models = family
    monkeypatch.setattr(model_quality, "attempt", None)  # nothing may be measured
    base, made = models[0].record.sha256, models[1].record.sha256
    text = read_text(None).sha256
    compared = replace(RECORD, base_name="one.gguf", base_sha256=base, kld_mean=0.5)
    keep(QualityKey(made, base, text, 512, 600, "1"), compared)
    keep(QualityKey(models[3].record.sha256, "00" * 32, text, 512, 600, "1"), compared)  # against something else
    result = with_quality(plan, models, "1", 1, lambda *_: None, threading.Event())
    assert [model.record.quality if model.record else "failed" for model in result] == [None, compared, "failed", None]
    assert result[0] == models[0]


def test_with_a_budget_all_are_measured_and_a_failure_is_told(family, monkeypatch):
    plan, models = family
    plan = plan.model_copy(update={"models": plan.models.model_copy(update={"quality_tokens": 700})})
    asked, told = [], []

    def attempt(paths, base, scoring, **_):
        asked.append(([path.name for path in paths], base.name, scoring.tokens, scoring.threads, scoring.library_version))
        return [RECORD if path.name != "one.Q8_0.gguf" else EnvironmentFault("It is damaged.") for path in paths]

    monkeypatch.setattr(model_quality, "attempt", attempt)
    result = with_quality(plan, models, "0.3.36", 2, lambda sentence, _: told.append(sentence), threading.Event())
    assert asked == [
        (["one.gguf", "one.Q8_0.gguf"], "one.gguf", 700, 2, "0.3.36"),
        (["two.gguf"], "two.gguf", 700, 2, "0.3.36"),
    ]
    assert [model.record.quality if model.record else "failed" for model in result] == [RECORD, None, "failed", RECORD]
    assert told == ["It is damaged."]
