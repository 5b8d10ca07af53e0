"""Nodes as llama.cpp names them, grouped; the times by hand."""

import pytest

from profiler.analysis.breakdown import GROUPS, breakdowns, grouped

LAYER = [  # a layer of llama's graph with flash attention, and where each node belongs
    ("norm-{}", "RMS_NORM", "attention"),
    ("attn_norm-{}", "MUL", "attention"),
    ("Qcur-{}", "MUL_MAT", "attention"),
    ("Qcur-{}", "ROPE", "attention"),
    ("Vcur-{}", "MUL_MAT", "attention"),
    ("Kcur-{} (view)", "VIEW", "attention"),
    ("cache_k_l{} (view)", "SET_ROWS", "kv_write"),
    ("cache_v_l{} (reshaped) (view)", "SET_ROWS", "kv_write"),
    ("cache_k_l{} (view) (permuted)", "PERMUTE", "attention"),
    ("node_21", "FLASH_ATTN_EXT", "attention"),
    ("kqv_out-{}", "RESHAPE", "attention"),
    ("attn_out-{}", "MUL_MAT", "attention"),
    ("node_22", "GET_ROWS", "attention"),
    ("ffn_inp-{}", "ADD", "mlp"),
    ("norm-{}", "RMS_NORM", "mlp"),
    ("ffn_norm-{}", "MUL", "mlp"),
    ("ffn_moe_topk-{}", "ARGSORT", "mlp"),
    ("node_30", "MUL", "mlp"),
    ("ffn_out-{}", "MUL_MAT", "mlp"),
    ("l_out-{}", "ADD", "mlp"),
]
END = [("norm", "RMS_NORM", "output"), ("result_norm", "MUL", "output"), ("result_output", "MUL_MAT", "output")]


def graph(layers=2):
    """Names, operations and the places they belong to."""
    nodes = [("embd", "GET_ROWS", "input", None), ("norm", "NORM", "input", None), ("inp_norm", "MUL", "input", None)]
    nodes += [(name.format(each), op, group, each) for each in range(layers) for name, op, group in LAYER]
    return nodes + [(name, op, group, None) for name, op, group in END]


@pytest.mark.parametrize("ubatches", [1, 2])
def test_every_node_has_its_place(ubatches):
    nodes = graph(12) * ubatches
    found = grouped([(name, op) for name, op, _, _ in nodes])
    assert found == [(group, layer) for _, _, group, layer in nodes]


def test_attention_beside_the_mlp_is_told_apart():
    nodes = [("attn_norm-0", "MUL"), ("ffn_up-0", "MUL_MAT"), ("Qcur-0", "MUL_MAT"), ("kq-0", "MUL_MAT"), ("l_out-0", "ADD")]
    groups = [group for group, _ in grouped(nodes)]
    assert groups == ["attention", "mlp", "attention", "attention", "mlp"]


def test_a_recurrent_layer_stands_in_the_place_of_attention():
    nodes = [("norm-0", "RMS_NORM"), ("mamba_in-0", "MUL_MAT"), ("node_7", "SSM_SCAN"), ("norm-1", "RMS_NORM")]
    assert grouped(nodes) == [("attention", 0)] * 3 + [("attention", 1)]


def document(nodes, **changes):
    told = {"kind": "decode", "sequences": 4, "tokens": 4, "depth": 8, "steps": 5, "nodes": nodes}
    return {"passes": [told | {"looked_s": 40e-6, "unlooked_s": 20e-6, "sampling_s": 5e-6} | changes]}


NODES = [
    ["embd", "GET_ROWS", 2e-6],
    ["Qcur-0", "MUL_MAT", 5e-6],
    ["Qcur-0 (view)", "VIEW", 1e-6],
    ["cache_k_l0 (view)", "SET_ROWS", 2e-6],
    ["Kcur-0 (view)", "VIEW", 1e-6],
    ["ffn_out-0", "MUL_MAT", 4e-6],
    ["l_out-0", "ADD", 0.5e-6],  # less than looking takes
    ["ffn_out-1", "MUL_MAT", 3e-6],
    ["Vcur-1 (view)", "VIEW", 7e-6],  # once disturbed
    ["result_output", "MUL_MAT", 1e-6],
]


def test_times_by_hand():
    (found,) = breakdowns(document(NODES))
    assert found.looking_s == pytest.approx(1e-6)
    expected = {"input": 1, "attention": 4, "kv_write": 1, "mlp": 5, "output": 0, "sampling": 5}
    assert {group: time_s * 1e6 for group, time_s in found.seconds.items()} == pytest.approx(expected)
    assert tuple(found.seconds) == GROUPS
    assert [layer.layer for layer in found.layers] == [0, 1]
    assert found.layers[0].seconds == pytest.approx({"attention": 4e-6, "kv_write": 1e-6, "mlp": 3e-6})
    assert found.layers[1].seconds == pytest.approx({"mlp": 2e-6})
    assert found.operations == pytest.approx({"MUL_MAT": 9e-6, "GET_ROWS": 1e-6, "SET_ROWS": 1e-6, "ADD": 0})
    assert next(iter(found.operations)) == "MUL_MAT"
    assert found.looking_ratio == pytest.approx(2)


def test_a_step_that_nobody_looks_at_is_divided_alike():
    (found,) = breakdowns(document(NODES))
    # The graph's 11 µs stand for 20; 5 of sampling are as they are.
    expected = {"input": 20 / 11, "attention": 80 / 11, "kv_write": 20 / 11, "mlp": 100 / 11, "output": 0, "sampling": 5}
    assert {group: time_s * 1e6 for group, time_s in found.step_seconds.items()} == pytest.approx(expected)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.shares["sampling"] == pytest.approx(5 / 25)


def test_a_graph_without_idle_nodes_or_without_any():
    (found,) = breakdowns(document([["Qcur-0", "MUL_MAT", 5e-6]]))
    assert found.looking_s == 0
    assert found.seconds["attention"] == pytest.approx(5e-6)
    (empty,) = breakdowns(document([]))
    assert sum(empty.seconds.values()) == pytest.approx(5e-6)
    assert empty.shares["sampling"] == pytest.approx(1)
