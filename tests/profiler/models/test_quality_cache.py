import json
import os
from dataclasses import replace

import pytest

from profiler.models import quality_cache
from profiler.models.quality_cache import QualityKey, keep, known, latest, most_tokens, quality_folder
from profiler.records.quality import QualityRecord

KEY = QualityKey("ab" * 32, "cd" * 32, "ef" * 32, 512, 5000, "0.3.36")
ALONE = QualityRecord("text.txt", "ef" * 32, 512, 4845, 12.5, 0.5, 1.25)
COMPARED = replace(ALONE, base_name="base.gguf", base_sha256="cd" * 32, kld_mean=0.5, kld_mean_stderr=0.25, log_ratio=0.125)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))


@pytest.fixture
def times(monkeypatch):
    """Every record is a day younger than the one before."""

    class Clock:
        day = 0

        @classmethod
        def now(cls, _zone):
            cls.day += 1
            return cls

        @classmethod
        def isoformat(cls):
            return f"2026-01-{cls.day:02}T00:00:00+00:00"

    monkeypatch.setattr(quality_cache, "datetime", Clock)


def test_a_record_comes_back_under_its_key_alone():
    keep(KEY, COMPARED)
    assert known(KEY) == COMPARED
    for change in (
        {"model_sha256": "ab" * 31 + "00"},
        {"base_sha256": None},
        {"text_sha256": "00" * 32},
        {"ctx_size": 256},
        {"tokens": None},
        {"library_version": "0.3.37"},
    ):
        assert known(replace(KEY, **change)) is None, change


def test_a_record_without_a_base_keeps_its_gaps():
    keep(replace(KEY, base_sha256=None, tokens=None), ALONE)
    assert known(replace(KEY, base_sha256=None, tokens=None)) == ALONE


@pytest.mark.usefixtures("times")
def test_lists_are_told_the_newest_comparison():
    assert latest(KEY.model_sha256) is None
    keep(KEY, COMPARED)
    newer = replace(COMPARED, kld_mean=0.25)
    keep(replace(KEY, text_sha256="12" * 32), newer)
    keep(replace(KEY, base_sha256=None), ALONE)
    assert latest(KEY.model_sha256) == newer
    assert latest("cd" * 32) is None


@pytest.mark.usefixtures("times")
def test_of_one_text_and_base_the_longest_measurement_is_told():
    longest = replace(COMPARED, tokens=9000)
    keep(replace(KEY, tokens=9000), longest)
    keep(KEY, COMPARED)
    keep(replace(KEY, text_sha256="12" * 32), replace(COMPARED, tokens=99_999))
    assert most_tokens(KEY.model_sha256, KEY.base_sha256, KEY.text_sha256) == longest
    assert most_tokens(KEY.model_sha256, None, KEY.text_sha256) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: "{",
        lambda entry: "[]",
        lambda entry: "null",
        lambda entry: json.dumps({**entry, "record": {**entry["record"], "perplexity": "12"}}),
        lambda entry: json.dumps({**entry, "record": {**entry["record"], "tokens": True}}),
        lambda entry: json.dumps(
            {**entry, "record": {name: value for name, value in entry["record"].items() if name != "tokens"}}
        ),
        lambda entry: json.dumps({"record": entry["record"]}),
        lambda entry: "[" * 100_000,
    ],
)
def test_a_broken_entry_is_as_none(spoil):
    keep(KEY, COMPARED)
    (path,) = quality_folder().iterdir()
    path.write_text(spoil(json.loads(path.read_text())))
    assert known(KEY) is None
    assert latest(KEY.model_sha256) is None


def test_a_cache_that_cannot_be_written_is_no_fault(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("INFEROMETER_HOME", str(blocked))
    keep(KEY, COMPARED)
    assert known(KEY) is None


def test_nothing_unfinished_is_left(monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    keep(KEY, COMPARED)
    assert list(quality_folder().iterdir()) == []
