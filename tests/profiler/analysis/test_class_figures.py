import dataclasses

import numpy as np
import pytest

from profiler.analysis.class_figures import cell_class_figures, class_figures
from profiler.analysis.figures import run_figures
from profiler.records.metric import METRICS, STATISTICS
from profiler.records.specification import RequestClass
from profiler.records.timing import RequestStatus, RunData

MS = 1_000_000

CLASSES = (
    RequestClass("chat", arrival="trace", slo="ttft_ms.p95<=30"),
    RequestClass("paste", arrival="trace"),
)


@pytest.fixture
def data(requests_of, tokens_of):
    """Twenty chats, one every 100 ms, and two pastes; the window is 0 to 1900 ms.

    A chat of three tokens has TTFT 20 ms, a paste of two 200 ms; the second chat waits for the first paste, TTFT 60 ms.
    """
    rows = [(100 * i, 100 * i, 100 * i + 20, 100 * i + 60, 3) for i in range(20)]
    rows[1] = (100, 140, 160, 200, 3)
    rows += [(80, 90, 280, 300, 2), (1850, 1860, 2050, 2070, 2)]
    requests = requests_of(*rows)
    requests["user"], requests["class"] = -1, [0] * 20 + [1] * 2
    requests["prompt_tokens"] = [10] * 20 + [400] * 2
    requests["cached_tokens"][:20] = 4
    tokens = []
    for number, (_, _, first, last, count) in enumerate(rows):
        tokens += [(number, number, first + (last - first) / (count - 1) * place) for place in range(count)]
    return RunData(requests, tokens_of(*tokens))


@pytest.fixture
def context(context_of):
    return context_of(classes=CLASSES, slo="ttft_ms.p95<=200")


def test_each_class_by_hand(data, context):
    figures = class_figures(data, context)
    assert list(figures) == ["chat", "paste"]
    chat, paste = figures["chat"], figures["paste"]
    assert tuple(chat) == tuple(metric.name for metric in METRICS)
    assert chat["ttft_ms"] == {"mean": 22, "p50": 20, "p90": 20, "p95": 20, "p99": 60, "max": 60, "n": 20}
    assert chat["itl_ms"]["n"] == 40
    assert paste["ttft_ms"]["p50"] == 200
    assert paste["ttft_ms"]["n"] == 2
    # The window is 1.9 s: the last chat (due at its very end) is stamped behind it, the second paste as well.
    assert chat["output_tok_s"] == pytest.approx(19 * 3 / 1.9)
    assert paste["output_tok_s"] == pytest.approx(2 / 1.9)
    assert chat["prompt_tok_s"] == pytest.approx(19 * 6 / 1.9)  # ten tokens each, four of them cached
    assert paste["prompt_tok_s"] == pytest.approx(400 / 1.9)
    assert chat["requests_s"] == pytest.approx(19 / 1.9)
    assert chat["user_tok_s"] == pytest.approx(1000 / 20)
    # The chat's own limit of 30 ms breaks on one of twenty; the plan's of 200 ms holds for the pastes.
    assert chat["attainment"] == pytest.approx(95)
    assert paste["attainment"] == pytest.approx(100)
    assert chat["goodput_s"] == pytest.approx(19 / 1.9)
    assert all(chat[name] is None for name in ("batch_occupancy", "kv_occupancy", "energy_j", "queue_growth_s", "evictions"))


def test_all_classes_together_are_the_runs_figures(data, context):
    whole, figures = run_figures(data, context), class_figures(data, context)
    for name in ("output_tok_s", "requests_s", "goodput_s"):
        assert sum(each[name] for each in figures.values()) == pytest.approx(whole[name])
    assert sum(each["ttft_ms"]["n"] for each in figures.values()) == whole["ttft_ms"]["n"]
    assert whole["attainment"] == pytest.approx(100 * 21 / 22)


def test_a_cell_pools_each_class_over_its_runs(data, context):
    slow = dataclasses.replace(data, requests=data.requests.copy())
    slow.requests["first_token_ns"][:20] += 100 * MS
    slow.requests["status"][2] = RequestStatus.TIMED_OUT
    cell = cell_class_figures([(data, context), (slow, context), (slow, context)])
    each = [class_figures(run, context) for run in (data, slow, slow)]
    assert cell["chat"]["ttft_ms"]["n"] == 60
    assert cell["chat"]["ttft_ms"]["p50"] == 120
    assert cell["chat"]["ttft_ms"]["max"] == 160
    assert cell["chat"]["requests_s"] == each[1]["chat"]["requests_s"]
    assert cell["paste"] == {
        **each[0]["paste"],
        **{name: value for name, value in cell["paste"].items() if isinstance(value, dict)},
    }
    assert cell_class_figures([]) == {}


def test_a_load_of_one_class_has_nothing_to_tell_apart(data, context_of):
    context = context_of(arrival="trace", users=0)
    assert class_figures(data, context) == {}
    assert cell_class_figures([(data, context)]) == {}


def test_a_class_without_requests_has_counts_of_none(context_of, data):
    classes = (*CLASSES, RequestClass("never", arrival="trace"))
    never = class_figures(data, context_of(classes=classes))["never"]
    assert tuple(never["ttft_ms"]) == STATISTICS
    assert never["ttft_ms"]["n"] == 0
    assert never["output_tok_s"] == 0
    assert never["user_tok_s"] is None


def test_in_an_unstable_run_no_class_states_what_grows(single_server, context_of):
    data = single_server(2.0, 300, 1)
    data.requests["class"] = np.arange(300) % 2
    classes = (RequestClass("a", arrival="poisson"), RequestClass("b", arrival="poisson"))
    context = context_of(classes=classes, slots=1)
    for figures in (class_figures(data, context), cell_class_figures([(data, context)])):
        for each in figures.values():
            assert each["ttft_ms"]["p50"] is None
            assert each["ttft_ms"]["n"] == 150
            assert each["prefill_ms"]["p50"] == pytest.approx(2000)
