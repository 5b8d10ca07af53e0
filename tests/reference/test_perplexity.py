"""Quality beside llama-perplexity: the same library, text, model and windows."""

import re
from importlib.metadata import version

import pytest

from profiler.hardware.cpu import default_threads
from profiler.models.quality import measure
from profiler.models.quality_text import read_text
from profiler.models.quantization import make
from tests.reference.llama_tools import BUILD_S, PACKAGE, Unavailable, assert_uses_the_installed_library, built_tool, run

pytestmark = [pytest.mark.reference, pytest.mark.timeout(2 * BUILD_S)]

CTX_SIZE, CHUNKS = 512, 5
TOKENS = CHUNKS * 255
THREADS = default_threads()
# Its base file holds ln p in steps of (at most 16 + ln Σ) / 65535 = 0.0003, and nothing below ln p = -16.
STEP = 0.0003


@pytest.fixture(scope="module")
def tool():
    try:
        path = built_tool("llama-perplexity")
    except Unavailable as reason:
        pytest.skip(f"{reason}.")
    assert_uses_the_installed_library(path)
    return path


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(read_text(None).content, encoding="utf-8")
    return path


def told(tool, model, text_file, *more):
    """What the tool prints of a model on both its outputs."""
    sizes = ["-c", CTX_SIZE, "-b", 512, "-ub", 512, "--chunks", CHUNKS, "-t", THREADS, "-tb", THREADS]
    done = run(tool, ["-m", model, "-f", text_file, *sizes, *more])
    return done.stdout + done.stderr


def figures(output, name):
    """The value behind a name, and its error where it has one."""
    match = re.search(rf"{name}\s*[:=]\s*(-?[\d.]+)%?(?:\s*(?:±|\+/-)\s*([\d.]+))?", output)
    assert match, f"{name} is not in\n{output}"
    return float(match[1]), float(match[2]) if match[2] else None


@pytest.mark.parametrize("type_name", ["Q8_0", "Q2_K"])
def test_quality_is_llama_perplexitys(tool, sample_model, text_file, tmp_path, capsys, type_name):
    model = make(sample_model, type_name, library_version=version(PACKAGE), threads=THREADS).path
    ours, base = measure(
        [model, sample_model],
        sample_model,
        text=text_file,
        ctx_size=CTX_SIZE,
        tokens=TOKENS,
        threads=THREADS,
        library_version=version(PACKAGE),
    )
    of_base = told(tool, sample_model, text_file, "--kl-divergence-base", tmp_path / "base")
    compared = told(tool, model, text_file, "--kl-divergence-base", tmp_path / "base", "--kl-divergence")
    with capsys.disabled():
        print(f"\n{type_name}: {ours}\n" + "\n".join(line for line in compared.splitlines() if ":" in line and "%" in line))
    assert ours.tokens == base.tokens == TOKENS

    # Four digits and more.
    assert (base.perplexity, base.perplexity_stderr) == pytest.approx(figures(of_base, "PPL"), rel=2e-5)
    assert (ours.perplexity, ours.perplexity_stderr) == pytest.approx(figures(compared, r"Mean PPL\(Q\)"), rel=2e-5)

    # To the precision of its base file.
    ratio = figures(compared, r"Mean ln\(PPL\(Q\)/PPL\(base\)\)")
    assert (ours.log_ratio, ours.log_ratio_stderr) == pytest.approx(ratio, abs=STEP)
    kld = figures(compared, r"Mean\s+KLD")
    assert (ours.kld_mean, ours.kld_mean_stderr) == pytest.approx(kld, rel=0.005, abs=STEP / 10)
    assert ours.kld_median == pytest.approx(figures(compared, r"Median\s+KLD")[0], rel=0.01, abs=STEP / 3)
    assert ours.kld_p99 == pytest.approx(figures(compared, r"99.0%\s+KLD")[0], rel=0.05)  # it interpolates, we do not
    assert ours.kld_max == pytest.approx(figures(compared, r"Maximum\s+KLD")[0], rel=0.005, abs=STEP)
    # Two tokens that its file cannot tell apart may stand first, and then one or the other does.
    top1 = figures(compared, "Same top p")
    assert 100 * ours.top1_agreement == pytest.approx(top1[0], abs=100 * 2.5 / TOKENS)
    assert 100 * ours.top1_agreement_stderr == pytest.approx(top1[1], abs=0.03)
    assert 100 * ours.rms_dp == pytest.approx(figures(compared, r"RMS Δp")[0], abs=0.002)
