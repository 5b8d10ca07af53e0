import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.analysis.in_system import in_system_at, mean_in_system
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, RequestStatus

MS = 1_000_000


def test_means_between_edges_by_hand(requests_of):
    # In the system: 0 to 100, 50 to 200, and one that never ends from 150 on, however the others ended.
    requests = requests_of(
        (0, 0, 50, 100, 2), (50, None, None, 200, 0, RequestStatus.REFUSED), (150, 160, None, None, 0, RequestStatus.UNFINISHED)
    )
    # 0-100: (100 + 50) / 100; 100-200: (100 + 50) / 100; 200-400: the endless one alone.
    assert mean_in_system(requests, np.array([0, 100, 200, 400]) * MS).tolist() == pytest.approx([1.5, 1.5, 1.0])
    assert [in_system_at(requests, at * MS) for at in (0, 50, 99, 100, 150, 1000)] == [1, 2, 2, 1, 2, 1]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.one_of(st.none(), st.integers(0, 100))), min_size=1, max_size=30),
    st.lists(st.integers(-50, 400), min_size=2, max_size=8, unique=True),
)
def test_the_mean_is_the_sum_of_the_stays_inside(stays, edges):
    requests = np.zeros(len(stays), REQUEST_DTYPE)
    requests["due_ns"] = [due for due, _ in stays]
    requests["end_ns"] = [ABSENT_NS if stay is None else due + stay for due, stay in stays]
    edges.sort()
    expected = []
    for low, high in itertools.pairwise(edges):
        inside = [max(0, min(high, high if stay is None else due + stay) - max(low, due)) for due, stay in stays]
        expected.append(sum(inside) / (high - low))
    assert mean_in_system(requests, np.array(edges, np.float64)).tolist() == pytest.approx(expected)
