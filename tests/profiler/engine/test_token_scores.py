import base64
import math

import numpy as np
import pytest

from profiler.engine import token_scores
from profiler.engine.token_scores import Columns, divergence, pack, scores_of


def logits_of(*rows):
    """Logits of these distributions, each row moved by another constant, which changes no probability."""
    with np.errstate(divide="ignore"):
        logits = np.log(np.array(rows, np.float64))
    return (logits + 30 - 17 * np.arange(len(rows))[:, None]).astype(np.float32)


HALF = [0.5, 0.25, 0.125, 0.125]
EVEN = [0.25, 0.25, 0.25, 0.25]


def test_the_score_of_a_token_is_its_surprise():
    scores = scores_of(logits_of(HALF, EVEN), np.array([2, 3]))
    assert scores.nll == pytest.approx([math.log(8), math.log(4)], abs=1e-5)
    assert scores.p == pytest.approx([0.125, 0.25], abs=1e-5)


def test_the_divergence_is_of_the_base_from_ours_in_nat():
    targets = np.array([0, 0])
    half, even = scores_of(logits_of(HALF, HALF), targets), scores_of(logits_of(EVEN, EVEN), targets)
    # Σ p_base ln(p_base / p): 1/2 ln 2 + 0 + 2 · 1/8 ln(1/2) = ln 2 / 4; the other way round (-ln 2 + 2 ln 2) / 4, too,
    # so a third distribution tells the direction: D(even ‖ skew) = -ln 4 - (ln 0.97 + 3 ln 0.01) / 4.
    assert divergence(half, even) == pytest.approx([math.log(2) / 4] * 2, abs=1e-5)
    skew = scores_of(logits_of([0.97, 0.01, 0.01, 0.01], HALF), targets)
    wanted = -math.log(4) - (math.log(0.97) + 3 * math.log(0.01)) / 4
    assert divergence(even, skew) == pytest.approx([wanted, math.log(2) / 4], abs=1e-4)
    assert divergence(even, even).tolist() == [0, 0]


def test_a_token_impossible_to_both_counts_for_nothing_and_one_impossible_to_us_for_all():
    none = np.array([0])
    without = scores_of(logits_of([0.5, 0.5, 0, 0]), none)
    assert divergence(without, scores_of(logits_of([0.25, 0.75, 0, 0]), none)) == pytest.approx([math.log(4 / 3) / 2], abs=1e-5)
    assert divergence(scores_of(logits_of(EVEN), none), without).tolist() == [math.inf]


def test_blocks_of_rows_change_nothing(monkeypatch):
    random = np.random.default_rng(1)
    ours, base = random.normal(0, 3, (2, 23, 50)).astype(np.float32)
    targets = random.integers(0, 50, 23)
    at_once = divergence(scores_of(base, targets), scores_of(ours, targets))
    monkeypatch.setattr(token_scores, "_BLOCK_ELEMENTS", 100)
    in_blocks = scores_of(ours, targets)
    assert divergence(scores_of(base, targets), in_blocks).tolist() == at_once.tolist()
    exact = ours.astype(np.float64)
    assert in_blocks.nll == pytest.approx(np.log(np.exp(exact).sum(1)) - exact[np.arange(23), targets], abs=1e-5)


def test_columns_hold_what_is_compared():
    columns = Columns()
    base = scores_of(logits_of(HALF, [0.1, 0.6, 0.2, 0.1]), np.array([0, 1]))
    columns.add(scores_of(logits_of([0.4, 0.3, 0.2, 0.1], [0.5, 0.3, 0.1, 0.1]), np.array([0, 1])), base)
    assert np.concatenate(columns.same_top).tolist() == [1, 0]
    assert np.concatenate(columns.dp) == pytest.approx([-0.1, -0.3], abs=1e-5)
    alone = Columns()
    alone.add(base, None)
    assert alone.packed() == {"nll": pack([base.nll]), "kld": None, "same_top": None, "dp": None}


def test_packed_columns_are_little_endian_doubles():
    assert np.frombuffer(base64.b64decode(pack([np.array([1.0, 0.1]), np.array([3.0])])), "<f8").tolist() == [1, 0.1, 3]
