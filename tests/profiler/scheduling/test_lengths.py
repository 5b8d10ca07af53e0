import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.scheduling.lengths import MAX_LENGTH_TOKENS, Length, parse_length


def draw(text, count=20_000, seed=1):
    return parse_length(text).draw(np.random.default_rng(seed), count)


def test_a_number_is_that_length_always():
    length = parse_length(" 128 ")
    assert length == Length("fixed", 128)
    assert (length.shortest, length.longest, length.mean) == (128, 128, 128.0)
    drawn = draw("128", 5)
    assert drawn.dtype == np.int32
    assert drawn.tolist() == [128] * 5


def test_uniform_includes_both_ends_and_all_between_alike():
    length = parse_length("uniform:64:67")
    assert (length.shortest, length.longest, length.mean) == (64, 67, 65.5)
    values, counts = np.unique(draw("uniform:64:67"), return_counts=True)
    assert values.tolist() == [64, 65, 66, 67]
    assert counts.min() > 5000 - 5 * math.sqrt(20_000 * 0.25 * 0.75)


def test_normal_has_its_mean_and_deviation_and_is_clipped_at_three():
    length = parse_length("normal:128:32")
    assert (length.shortest, length.longest, length.mean) == (32, 224, 128.0)
    drawn = draw("normal:128:32")
    assert drawn.mean() == pytest.approx(128, abs=5 * 32 / math.sqrt(20_000))
    assert drawn.std() == pytest.approx(32, rel=0.03)
    assert (drawn.min(), drawn.max()) == (32, 224)  # 0.27 % lie beyond: 54 of these draws


def test_lognormal_has_its_median_and_the_deviation_of_its_logarithm():
    length = parse_length("lognormal:1000:0.5")
    assert length.mean == pytest.approx(1133.148453)  # 1000 × e^0.125
    assert (length.shortest, length.longest) == (223, 4482)  # 1000 × e^∓1.5
    drawn = draw("lognormal:1000:0.5")
    assert np.median(drawn) == pytest.approx(1000, rel=0.02)
    assert np.log(drawn).std() == pytest.approx(0.5, rel=0.03)
    assert (drawn.min(), drawn.max()) == (223, 4482)


def test_a_length_is_at_least_one():
    drawn = draw("normal:2:4")
    assert drawn.min() == 1
    assert parse_length("normal:2:4").shortest == 1
    assert drawn.max() == parse_length("normal:2:4").longest == 14


def test_a_trace_has_its_own_lengths():
    length = parse_length("trace")
    assert (length.shortest, length.longest, length.mean) == (None, None, None)
    with pytest.raises(ValueError, match="not drawn"):
        length.draw(np.random.default_rng(1), 1)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "is not a length; write 128, uniform:64:256"),
        ("many", "'many' is not a length"),
        ("-5", "is not a length"),
        ("1e3", "is not a length"),
        ("nan", "is not a length"),
        ("normal:nan:1", "is not a length"),
        ("uniform:1", "is not a length"),
        ("uniform:1:2:3", "is not a length"),
        ("trace:1:2", "names no distribution"),
        ("fixed:1", "is not a length"),
        ("poisson:1:2", "names no distribution"),
        ("0", "at least 1"),
        ("uniform:0:5", "at least 1"),
        ("lognormal:0:1", "at least 1"),
        ("12.5", "whole tokens"),
        ("uniform:1:2.5", "whole tokens"),
        ("uniform:9:8", "lower number first"),
        ("10000001", "longer than 10000000 tokens; write"),
        ("normal:9999990:4", "clipped at 3 standard deviations"),
        ("lognormal:128:9", "longer than 10000000"),
        ("lognormal:128:900000", "longer than 10000000"),
        ("9" * 500, "is not a length"),
    ],
)
def test_what_makes_no_sense_is_refused_with_how_it_is_written(text, match):
    with pytest.raises(ValueError, match=match) as caught:
        parse_length(text)
    assert len(str(caught.value)) < 250


whole = st.integers(1, MAX_LENGTH_TOKENS)
lengths = st.one_of(
    whole.map(lambda n: Length("fixed", n)),
    st.tuples(whole, whole).map(lambda pair: Length("uniform", min(pair), max(pair))),
    st.builds(lambda mean, sd: Length("normal", mean, sd / 1024), st.floats(1, 1e6), st.integers(0, 10**9)),
    st.builds(lambda median, sigma: Length("lognormal", median, sigma), st.floats(1, 1e4), st.floats(0.001, 2)),
    st.just(Length("trace")),
)


@given(lengths)
def test_the_text_reads_as_the_same_length(length):
    assert parse_length(str(length)) == length


@given(lengths.filter(lambda length: length.kind != "trace"), st.integers(0, 2**32))
def test_draws_are_whole_within_their_bounds_and_repeatable(length, seed):
    drawn = length.draw(np.random.default_rng(seed), 50)
    assert 1 <= length.shortest <= drawn.min()
    assert drawn.max() <= length.longest <= MAX_LENGTH_TOKENS
    assert drawn.tolist() == length.draw(np.random.default_rng(seed), 50).tolist()
