import math
from dataclasses import replace
from pathlib import Path

import pytest

from profiler.cli.main import main
from profiler.cli.quality import plain, quality_document, quality_row, with_error
from profiler.errors import EnvironmentFault
from profiler.models.quality_text import QualityText
from profiler.records.quality import QualityRecord

ALONE = QualityRecord("text.txt", "ef" * 32, 512, 4845, 12.345, 0.512, 1.25)
COMPARED = replace(
    ALONE,
    base_name="base.gguf",
    base_sha256="cd" * 32,
    kld_mean=0.00512,
    kld_mean_stderr=0.00021,
    kld_median=0.004,
    kld_p99=0.0213,
    kld_max=0.5,
    top1_agreement=0.9512,
    top1_agreement_stderr=0.0031,
    rms_dp=0.0234,
    log_ratio=-0.0012,
    log_ratio_stderr=0.0008,
)


@pytest.mark.parametrize(
    ("value", "stderr", "told"),
    [
        (12.345, 0.512, "12.35 ± 0.51"),
        (1234.5, 51.2, "1234 ± 51"),
        (0.00512, 0.00021, "0.00512 ± 0.00021"),
        (-0.0012, 0.0008, "-0.00120 ± 0.00080"),
        (0.0, 0.0, "0"),
        (12.345, math.inf, "12.35"),
        (None, None, "not available"),
    ],
)
def test_a_figure_stands_beside_its_error_with_the_same_digits(value, stderr, told):
    assert with_error(value, stderr) == told


def test_a_share_is_told_in_percent():
    assert with_error(0.9512, 0.0031, percent=True) == "95.12 ± 0.31 %"
    assert with_error(1.0, 0.0, percent=True) == "100.0 %"


def test_what_was_not_measured_is_not_a_number():
    row = quality_row("base.gguf", ALONE)
    assert row[:3] == ["base.gguf", "12.35 ± 0.51", "1.250"]
    assert set(row[3:]) == {plain(None)} == {"not available"}


def test_a_99th_percentile_of_few_tokens_stands_in_brackets():
    assert quality_row("a", COMPARED)[5] == "0.0213"
    assert quality_row("a", replace(COMPARED, tokens=458))[5] == "(0.0213)"


def test_the_document_has_a_reason_where_there_are_no_figures():
    text = QualityText("text.txt", "ef" * 32, "…")
    fault = EnvironmentFault("It is damaged.")
    document = quality_document([Path("a.gguf"), Path("b.gguf")], [COMPARED, fault], Path("base.gguf"), ALONE, text, 512)
    good, bad = document["models"]
    assert good["kld_mean"] == 0.00512
    assert good["reason"] == ""
    assert bad["reason"] == "It is damaged."
    assert bad["perplexity"] is None
    assert good.keys() == bad.keys()
    assert document["base"]["perplexity"] == 12.345
    assert quality_document([], [], None, None, text, 512)["base"] is None


def test_two_limits_at_once_are_refused(capsys):
    assert main(["quality", "sample", "--chunks", "3", "--tokens", "500"]) == 2
    assert "--chunks and --tokens" in capsys.readouterr().err
