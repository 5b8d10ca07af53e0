"""The order of work without an engine: a scripted child answers the jobs."""

import base64
import math
from contextlib import contextmanager

import numpy as np
import pytest

from profiler.child.engine_child import JobEnd
from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.models import quality, quality_text
from profiler.models.quality import Scoring, attempt, measure
from profiler.models.quality_text import QualityText, read_text
from profiler.records.outcome import Outcome, OutcomeKind
from tests.helpers.small_models import write_small_model

TEXT = QualityText("text.txt", "ef" * 32, "some text")


def packed(values):
    return base64.b64encode(np.array(values, "<f8").tobytes()).decode()


@pytest.fixture
def jobs(monkeypatch, tmp_path):
    """The jobs that were asked for, as (models, base) by file name; a model named "bad…" makes its job fail."""
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))
    asked = []

    class Child:
        def run_job(self, name, arguments, *, on_message, on_idle):
            assert name == "quality"
            names = [path.rpartition("/")[2] for path in arguments["models"]]
            base = arguments["base"] and arguments["base"].rpartition("/")[2]
            asked.append((names, base))
            on_idle()
            if any(each.startswith("bad") for each in names):
                return JobEnd(Outcome(OutcomeKind.REFUSED, "llama.cpp could not load it."), {})
            columns = {"nll": packed([2.0, 4.0]), "kld": None, "same_top": None, "dp": None}
            compared = {
                "nll": packed([3.0, 4.5]),
                "kld": packed([0.5, 1.5]),
                "same_top": packed([1, 0]),
                "dp": packed([0.3, -0.4]),
            }
            models = [None if each.startswith("other") and base else compared if base else columns for each in names]
            own = {"nll": packed([2.0, 4.0])} if base and any(models) else None
            return JobEnd(Outcome(OutcomeKind.DONE), {"bytes": 10, "tokens": 2, "windows": 1, "base": own, "models": models})

    @contextmanager
    def child():
        yield Child()

    monkeypatch.setattr(quality, "EngineChild", child)
    return asked


@pytest.fixture
def models(tmp_path):
    """Writes small models, each of other content."""

    def write(*names):
        return [write_small_model(tmp_path / name, context=256 * (number + 1)) for number, name in enumerate(names)]

    return write


def scoring(**changes):
    return Scoring(**{"text": TEXT, "threads": 1, "library_version": "1"} | changes)


def test_figures_of_a_comparison(jobs, models):
    base, model = models("base.gguf", "a.gguf")
    compared, own = attempt([model, base], base, scoring())
    assert compared.perplexity == pytest.approx(math.exp(3.75))
    assert compared.bits_per_byte == pytest.approx(7.5 / math.log(2) / 10)
    assert (compared.kld_mean, compared.kld_mean_stderr) == (1, 0.5)
    assert (compared.kld_median, compared.kld_p99, compared.kld_max) == (0.5, 1.5, 1.5)
    assert (compared.top1_agreement, compared.top1_agreement_stderr) == (0.5, 0.5)
    assert compared.rms_dp == pytest.approx(math.sqrt(0.125))
    assert (compared.log_ratio, compared.log_ratio_stderr) == (0.75, 0.25)
    assert (compared.base_name, compared.tokens, compared.text_name) == ("base.gguf", 2, "text.txt")
    assert own.perplexity == pytest.approx(math.exp(3))
    assert own.kld_mean is None
    assert jobs == [(["a.gguf"], "base.gguf")], "the base's own figures come with the others'"


def test_models_go_together_while_half_the_memory_holds_them(jobs, models):
    base, *others = models("base.gguf", "a.gguf", "b.gguf", "c.gguf")
    size = base.stat().st_size
    attempt(others, base, scoring(memory_bytes=6 * size + 1000))
    assert jobs == [(["a.gguf", "b.gguf"], "base.gguf"), (["c.gguf"], "base.gguf")]


def test_one_at_a_time_where_the_memory_is_unknown_or_there_is_no_base(jobs, models):
    base, *others = models("base.gguf", "a.gguf", "b.gguf")
    attempt(others, base, scoring())
    attempt(others, None, scoring(memory_bytes=10**12))
    assert jobs == [(["a.gguf"], "base.gguf"), (["b.gguf"], "base.gguf"), (["a.gguf"], None), (["b.gguf"], None)]


def test_what_does_not_fit_is_refused_before_it_is_loaded(jobs, models):
    base, model = models("base.gguf", "a.gguf")
    (fault,) = attempt([model], base, scoring(memory_bytes=base.stat().st_size))
    assert "a.gguf and base.gguf must be in memory together" in fault.sentence
    assert jobs == []


def test_a_failing_group_is_done_again_one_by_one(jobs, models):
    base, *others = models("base.gguf", "a.gguf", "bad.gguf")
    first, second = attempt(others, base, scoring(memory_bytes=10**12))
    assert first.kld_mean == 1
    assert isinstance(second, EnvironmentFault)
    assert "could not load" in second.sentence
    assert jobs == [(["a.gguf", "bad.gguf"], "base.gguf"), (["a.gguf"], "base.gguf"), (["bad.gguf"], "base.gguf")]


def test_what_is_known_is_not_measured_again_even_under_another_name(jobs, models, tmp_path):
    base, model = models("base.gguf", "a.gguf")
    before = attempt([model], base, scoring(tokens=5))
    renamed = base.rename(tmp_path / "renamed.gguf")
    (after,) = attempt([model], renamed, scoring(tokens=5))
    assert after.base_name == "renamed.gguf"
    assert after.kld_mean == before[0].kld_mean
    assert len(jobs) == 1
    attempt([model], renamed, scoring(tokens=6))
    assert len(jobs) == 2


def test_another_vocabulary_is_told_and_measured_alone(jobs, models):
    base, other = models("base.gguf", "other.gguf")
    remarks = []
    results = attempt([other, base], base, scoring(), on_remark=remarks.append)
    assert [record.kld_mean for record in results] == [None, None]
    assert len(remarks) == 1
    assert jobs == [(["other.gguf"], "base.gguf"), (["other.gguf"], None), (["base.gguf"], None)]


@pytest.mark.usefixtures("jobs")
def test_measure_raises_the_first_fault(models, tmp_path):
    source = tmp_path / "t.txt"
    source.write_text("some text")
    bad, good = models("bad.gguf", "good.gguf")
    options = {"text": source, "threads": 1, "library_version": "1"}
    with pytest.raises(EnvironmentFault, match="could not load"):
        measure([good, bad], None, **options)
    (record,) = measure([good], None, **options)
    assert record.tokens == 2


@pytest.mark.parametrize(("tokens", "windows"), [(None, None), (1, 1), (254, 1), (509, 1), (510, 2), (5100, 20)])
def test_a_budget_is_not_exceeded_but_for_one_window(tokens, windows):
    assert scoring(ctx_size=512, tokens=tokens).windows == windows


@pytest.mark.parametrize("changes", [{"ctx_size": 15}, {"tokens": 0}])
def test_a_measurement_that_tells_nothing_is_refused(changes):
    with pytest.raises(UnusableArguments):
        scoring(**changes)


def test_texts_that_cannot_be_read_are_told(tmp_path, monkeypatch):
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        read_text(tmp_path / "absent.txt")
    latin = tmp_path / "latin.txt"
    latin.write_bytes("Größe".encode("latin-1"))
    with pytest.raises(EnvironmentFault, match="no text in UTF-8"):
        read_text(latin)
    monkeypatch.setattr(quality_text, "MOST_TEXT_BYTES", 3)
    with pytest.raises(EnvironmentFault, match="more than"):
        read_text(latin)
