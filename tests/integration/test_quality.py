"""Quality measured by the real engine: against llama.cpp asked directly, and on models whose order of quality is known."""

import json
import math
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from profiler.child.engine_child import EngineChild
from profiler.cli.main import main
from profiler.errors import EnvironmentFault, Interrupted
from profiler.models.quality import Scoring, attempt, measure
from profiler.models.quality_figures import TokenScores
from profiler.models.quality_text import QualityText, read_text
from profiler.models.quantization import make
from tests.helpers.random_model import write_random_model
from tests.helpers.small_models import write_small_model

HELPER = Path(__file__).parents[1] / "helpers" / "real_logits.py"
VERSION = "test"  # nothing that another test may have measured is taken for ours
CTX_SIZE, WINDOWS = 64, 2
SCORED = CTX_SIZE // 2 - 1


@pytest.fixture(scope="module")
def text():
    return read_text(None).content[:6000]


@pytest.fixture(scope="module")
def job(text):
    """Carries out the job "quality" in the real child."""
    with EngineChild() as child:

        def run(models, base=None, **changes):
            arguments = {"text": text, "ctx_size": CTX_SIZE, "windows": WINDOWS, "threads": 1, "n_gpu_layers": 0} | changes
            return child.run_job(
                "quality", {"models": [str(path) for path in models], "base": str(base) if base else None, **arguments}
            )

        yield run


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    return write_random_model(tmp_path_factory.mktemp("random") / "random.F16.gguf")


def asked_directly(model, text, ctx_size=CTX_SIZE, windows=WINDOWS):
    question = json.dumps({"text": text, "ctx_size": ctx_size, "windows": windows})
    done = subprocess.run([sys.executable, HELPER, str(model)], input=question, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def scores_of(end, number=0):
    assert end.outcome.is_done, end.outcome.sentence
    return TokenScores.from_packed(end.result["models"][number])


@pytest.fixture(scope="module")
def sample_end(job, sample_model):
    """One window of the sample's scores, against itself."""
    return job([sample_model], sample_model, windows=1)


def test_scores_of_the_sample_are_those_of_a_plain_softmax(sample_end, sample_model, text):
    truth = asked_directly(sample_model, text, windows=1)
    scores = scores_of(sample_end)
    assert len(scores.nll) == SCORED == len(truth["nll"]) == sample_end.result["tokens"]
    assert scores.nll == pytest.approx(truth["nll"], abs=0.05)  # kernels sum in another order for other numbers of rows
    assert scores.nll.mean() == pytest.approx(np.mean(truth["nll"]), abs=0.005)
    assert sample_end.result["bytes"] == len(bytes.fromhex("".join(truth["pieces"])))


def test_a_model_does_not_diverge_from_itself(sample_end):
    scores = scores_of(sample_end)
    assert scores.kld.tolist() == [0.0] * len(scores.nll)
    assert scores.same_top.all()
    assert not scores.dp.any()
    assert TokenScores.from_packed(sample_end.result["base"]).nll.tolist() == scores.nll.tolist()


def test_scored_bytes_are_the_texts_own(random_model, text):
    pieces = asked_directly(random_model, text)["pieces"]
    assert bytes.fromhex("".join(pieces[:SCORED])) in text.encode()


@pytest.mark.parametrize("ctx_size", [16, 600, 1100])
def test_windows_of_any_size_begin_anew_with_the_first_token(job, random_model, text, ctx_size):
    # 600 and 1100 take more than one decode call; in the first of 1100's nothing is scored.
    scores = scores_of(job([random_model], ctx_size=ctx_size))
    truth = asked_directly(random_model, text, ctx_size)["nll"]
    assert len(truth) == WINDOWS * (ctx_size - 1 - ctx_size // 2)
    assert scores.nll == pytest.approx(truth, abs=0.02)


def test_coarser_types_diverge_more(random_model, tmp_path, text):
    types = ("Q8_0", "Q4_K_M", "Q2_K")
    models = [make(random_model, name, library_version=VERSION, threads=1).path for name in types]
    source = tmp_path / "text.txt"
    source.write_text(text, encoding="utf-8")
    shares = []
    records = measure(
        [*models, random_model],
        random_model,
        text=source,
        ctx_size=256,
        threads=1,
        library_version=VERSION,
        memory_bytes=10**10,  # all of them at once
        on_progress=lambda _sentence, share: shares.append(share),
    )
    *made, own = records
    fine, middle, coarse = made
    # Apart by far more than their errors.
    assert fine.kld_mean + 10 * fine.kld_mean_stderr < middle.kld_mean < coarse.kld_mean - 10 * coarse.kld_mean_stderr
    assert 1 > fine.top1_agreement > middle.top1_agreement > coarse.top1_agreement > 0.1
    assert fine.rms_dp < middle.rms_dp < coarse.rms_dp
    for record in made:
        assert record.kld_median < record.kld_p99 <= record.kld_max
        assert record.base_name == random_model.name
        assert record.log_ratio == pytest.approx(math.log(record.perplexity / own.perplexity), abs=1e-9)
        assert record.tokens == own.tokens
        assert record.bits_per_byte / own.bits_per_byte == pytest.approx(math.log(record.perplexity) / math.log(own.perplexity))
    assert own.base_name is None
    assert own.kld_mean is None
    told = [share for share in shares if share is not None]
    assert told[-1] == 1

    def fail(*_arguments, **_options):
        raise AssertionError("measured again what is known")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EngineChild, "run_job", fail)
        again = measure(models, random_model, text=source, ctx_size=256, threads=1, library_version=VERSION)
    assert again == made


def test_models_of_different_vocabularies_are_measured_each_for_itself(random_model, tmp_path, text):
    other = write_random_model(tmp_path / "other.gguf", vocabulary=400)
    remarks = []
    scoring = Scoring(QualityText("some", "5e" * 32, text), 1, VERSION, ctx_size=64, tokens=62)
    (record,) = attempt([other], random_model, scoring, on_remark=remarks.append)
    assert record.kld_mean is None
    assert record.base_name is None
    assert record.bits_per_byte > 0
    assert record.tokens == 62
    (remark,) = remarks
    assert "other.gguf has another vocabulary than random.F16.gguf" in remark
    assert "bits per byte" in remark


def test_a_short_text_is_refused_in_a_sentence(random_model):
    scoring = Scoring(QualityText("short", "00" * 32, "too short " * 20), 1, VERSION, ctx_size=512)
    (fault,) = attempt([random_model], None, scoring)
    assert isinstance(fault, EnvironmentFault)
    assert "has only" in fault.sentence
    assert "two windows of 512" in fault.sentence


def test_one_unusable_model_does_not_spoil_the_others(random_model, tmp_path, text):
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(random_model.read_bytes()[:-100_000])
    without_tokenizer = write_small_model(tmp_path / "mute.gguf")  # its header is whole, and llama.cpp cannot load it
    other = write_random_model(tmp_path / "other.gguf", seed=2)
    scoring = Scoring(QualityText("some", "ff" * 32, text), 1, VERSION, ctx_size=64, tokens=62, memory_bytes=10**10)
    results = attempt([damaged, without_tokenizer, other, random_model], random_model, scoring)
    assert "damaged.gguf" in results[0].sentence
    assert "mute.gguf" in results[1].sentence
    assert results[2].kld_mean > 0.1
    assert results[3].perplexity > 1


def test_measuring_ends_soon_after_it_is_cancelled(sample_model, text):
    cancel = threading.Event()

    def hear(sentence, share):
        if share is not None and sentence.startswith("measuring") and share > 0:
            cancel.set()

    scoring = Scoring(QualityText("long", "aa" * 32, text * 40), 1, VERSION, ctx_size=64)
    with pytest.raises(Interrupted, match="stopped"):
        attempt([sample_model], None, scoring, on_progress=hear, cancel=cancel)
    assert cancel.is_set()


def test_the_command_prints_one_document_or_a_table(random_model, tmp_path, text, capsys):
    source = tmp_path / "text.txt"
    source.write_text(text, encoding="utf-8")
    made = make(random_model, "Q8_0", library_version=VERSION, threads=1).path
    command = ["quality", str(made), "--base", str(random_model), "--text", str(source)]
    command += ["--ctx-size", "64", "--chunks", "3", "--threads", "1"]
    assert main([*command, "--json"]) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    (entry,) = document["models"]
    assert entry["path"] == str(made)
    assert entry["tokens"] == 3 * 31
    assert entry["base_name"] == random_model.name
    for key in ("perplexity", "perplexity_stderr", "bits_per_byte", "kld_mean", "top1_agreement", "log_ratio_stderr"):
        assert entry[key] is not None
    assert document["base"]["path"] == str(random_model)
    assert document["base"]["kld_mean"] is None
    assert document["text"]["name"] == "text.txt"
    assert "measuring the quality of" in told.err
    assert main(command) == 0
    table = capsys.readouterr().out
    assert "compared with random.F16.gguf (F16, 16.0 bits per weight)" in table
    assert "93 tokens scored in windows of 64" in table
    assert main([*command[:2], "--text", str(tmp_path / "absent.txt")]) == 1
