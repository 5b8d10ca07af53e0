import base64
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.models.quality_figures import (
    TokenScores,
    agreement,
    bits_per_byte,
    log_ratio,
    mean,
    nearest_rank,
    perplexity,
    root_mean_square,
)


def test_perplexity_of_four_tokens():
    # Probabilities 1/2, 1/4, 1/2, 1/4: geometric mean 2^-1.5. Logs vary by (ln 2)/2 round their mean: error (ln 2)/2 / √3.
    estimate = perplexity(np.log([2.0, 4.0, 2.0, 4.0]))
    assert estimate.value == pytest.approx(2**1.5)
    assert estimate.stderr == pytest.approx(2**1.5 * math.log(2) / 2 / math.sqrt(3))


def test_a_certain_prediction_has_perplexity_one_and_lacks_no_bits():
    nll = np.zeros(10)
    assert perplexity(nll).value == 1
    assert perplexity(nll).stderr == 0
    assert bits_per_byte(nll, 35) == 0


def test_bits_per_byte_count_bytes_and_not_tokens():
    # Ten tokens of three bits each over 15 bytes.
    assert bits_per_byte(np.full(10, math.log(8)), 15) == pytest.approx(2)


def test_the_log_ratio_is_paired():
    base = np.array([1.0, 9.0, 2.0, 8.0])
    ours = base + np.array([0.1, 0.3, 0.1, 0.3])
    estimate = log_ratio(ours, base)
    assert estimate.value == pytest.approx(0.2)
    assert estimate.stderr == pytest.approx(0.1 / math.sqrt(3)), "the tokens' own spread cancels"
    assert estimate.value == pytest.approx(math.log(perplexity(ours).value / perplexity(base).value))


def test_scores_of_different_tokens_are_not_compared():
    with pytest.raises(ValueError, match="different tokens"):
        log_ratio(np.ones(1), np.ones(2))


def test_agreement_is_a_share_with_a_binomial_error():
    estimate = agreement(np.array([1.0] * 75 + [0.0] * 25))
    assert estimate.value == 0.75
    assert estimate.stderr == pytest.approx(math.sqrt(0.75 * 0.25 / 99))


def test_percentiles_are_nearest_ranks():
    values = np.array([3.0, 1.0, 4.0, 2.0])
    assert nearest_rank(values, 0.5) == 2
    assert nearest_rank(values, 0.51) == 3
    assert nearest_rank(values, 0.99) == 4
    assert nearest_rank(np.arange(1.0, 101), 0.99) == 99


def test_rms_is_of_the_values_not_of_their_spread():
    assert root_mean_square(np.array([3.0, -4.0, 3.0, -4.0])) == pytest.approx(math.sqrt(12.5))


def test_a_single_value_has_no_finite_error():
    assert mean(np.array([2.0])).stderr == math.inf


def test_an_impossible_token_makes_the_divergence_infinite_and_nothing_else():
    estimate = mean(np.array([0.1, math.inf, 0.2]))
    assert estimate.value == math.inf
    assert estimate.stderr == math.inf
    assert perplexity(np.full(3, 800.0)).value == math.inf


@given(st.lists(st.floats(0, 50), min_size=2, max_size=50))
def test_the_error_is_the_formula_of_llama_perplexity(values):
    nll = np.array(values)
    variance = max(0.0, float(np.mean(nll**2) - np.mean(nll) ** 2)) / (len(nll) - 1)
    assert mean(nll).stderr == pytest.approx(math.sqrt(variance), abs=1e-5)


def packed(*values):
    return base64.b64encode(np.array(values, "<f8").tobytes()).decode()


def test_columns_come_back_as_they_went():
    scores = TokenScores.from_packed({"nll": packed(1, 2), "kld": packed(0, 0.5), "same_top": packed(1, 0), "dp": packed(0, -1)})
    assert scores.nll.tolist() == [1, 2]
    assert scores.kld.tolist() == [0, 0.5]
    alone = TokenScores.from_packed({"nll": packed(1, 2), "kld": None, "same_top": None, "dp": None})
    assert alone.kld is None


@pytest.mark.parametrize("kld", [packed(1), "§§", base64.b64encode(b"12345").decode()])
def test_columns_that_do_not_fit_are_refused(kld):
    with pytest.raises(ValueError, match=r".+"):
        TokenScores.from_packed({"nll": packed(1, 2), "kld": kld})
