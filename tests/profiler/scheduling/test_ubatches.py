import pytest

from profiler.scheduling.ubatches import stream_ubatches, unified_ubatches


@pytest.mark.parametrize(("tokens", "size", "passes"), [(1, 512, 1), (512, 512, 1), (513, 512, 2), (4, 512, 1)])
def test_a_unified_cache_is_cut_by_tokens_alone(tokens, size, passes):
    assert unified_ubatches(tokens, size) == passes


@pytest.mark.parametrize(
    ("sequences", "size", "passes"),
    [
        ([(0, 1), (1, 1), (2, 1), (3, 1)], 512, 1),
        ([(0, 1), (1, 1), (6, 1), (7, 1)], 512, 2),
        ([(0, 1), (2, 1), (4, 1), (6, 1)], 512, 4),
        ([(0, 1), (1, 1), (2, 64)], 512, 2),  # one token of each, then the rest of the prompt
        ([(0, 64)], 16, 4),
        ([(0, 8), (1, 8)], 8, 2),  # four tokens of each in a pass
    ],
)
def test_streams_join_only_consecutive_ids_with_equal_counts(sequences, size, passes):
    assert stream_ubatches(sequences, size) == passes
