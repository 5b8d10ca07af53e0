"""Where a step's time goes: the times of its graph's nodes, grouped by what they do in a transformer.

llama.cpp names most nodes after their part and layer ("Qcur-3", "ffn_up-3", "cache_k_l3 (view)"); a node without a name of its
own ("node_21") belongs where the named ones around it do. What a model has in the place of attention (a recurrent layer) counts
as attention.
"""

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Group = Literal["input", "attention", "kv_write", "mlp", "output", "sampling"]

GROUPS: tuple[Group, ...] = ("input", "attention", "kv_write", "mlp", "output", "sampling")
"""In the order of a step. "input": embeddings; "sampling": taking tokens from the logits, outside of the graph."""

NOTHING_TO_DO = frozenset({"NONE", "VIEW", "RESHAPE", "PERMUTE", "TRANSPOSE"})
"""Operations that only name memory anew: the time of such a node is that of looking at it."""

_LAYER = re.compile(r"(?:-|_l)(\d+)(?= |#|$)")
_UNNAMED = re.compile(r"(node|leaf)_\d+\b")
_CACHE = re.compile(r"cache_[kv]_l\d+")
_WRITES = frozenset({"SET_ROWS", "CPY"})
_MLP = re.compile(r"ffn_|l_out|moe_|mlp")
_ATTENTION = re.compile(r"attn_|[QKV]cur|[qkv]_|kqv?\b|kqv?_|qkv|cache_[kv]_|__fattn__")
_INPUT = re.compile(r"inp|embd|token_embd|pos_embd")
_OUTPUT = re.compile(r"result_|norm\b|final|output|lm_head")


@dataclass(frozen=True, slots=True)
class LayerTimes:
    """One layer's seconds by group; a group that it does not have is missing."""

    layer: int
    seconds: dict[Group, float]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One kind of step, taken apart.

    Attributes:
        kind: "decode": a token for each of the sequences; "prefill": a prompt of so many tokens.
        depth: tokens that each sequence held before.
        seconds: by group as looked at, each node without `looking_s`.
        layers: the same for each layer.
        operations: seconds by ggml's name of the operation ("MUL_MAT"), over all groups of the graph.
        looking_s: the least that looking at a node takes: the median of the nodes that have nothing to do, 0 without such.
        looked_s, unlooked_s: the whole decode call with every node looked at, and as it runs otherwise.
    """

    kind: Literal["decode", "prefill"]
    sequences: int
    tokens: int
    depth: int
    seconds: dict[Group, float]
    layers: tuple[LayerTimes, ...]
    operations: dict[str, float]
    looking_s: float
    looked_s: float
    unlooked_s: float

    @property
    def looking_ratio(self) -> float:
        """How many times longer a step takes when it is looked at: the more, the less the small operations' shares are worth."""
        return self.looked_s / self.unlooked_s

    @property
    def step_seconds(self) -> dict[Group, float]:
        """A step that nobody looks at, divided as the looked-at one: an estimate, which takes looking to stretch all alike.

        Sampling is outside of the graph and was timed as it is.
        """
        scale = self._scale
        return {group: time_s if group == "sampling" else time_s * scale for group, time_s in self.seconds.items()}

    @property
    def step_s(self) -> float:
        """The whole of `step_seconds`: the decode call as it runs otherwise, and sampling."""
        return sum(self.step_seconds.values())

    @property
    def layer_step_seconds(self) -> tuple[LayerTimes, ...]:
        """The layers of `step_seconds`."""
        scale = self._scale
        return tuple(
            LayerTimes(each.layer, {group: time_s * scale for group, time_s in each.seconds.items()}) for each in self.layers
        )

    @property
    def _scale(self) -> float:
        """What the graph's times as looked at, without looking, are multiplied by to give the call as it runs otherwise."""
        graph_s = sum(time_s for group, time_s in self.seconds.items() if group != "sampling")
        return self.unlooked_s / graph_s if graph_s else 0.0

    @property
    def shares(self) -> dict[Group, float]:
        """Of `step_seconds`, each group's part of 1."""
        seconds = self.step_seconds
        total = sum(seconds.values())
        return {group: time_s / total if total else 0.0 for group, time_s in seconds.items()}


def breakdowns(result: Mapping[str, Any]) -> tuple[Breakdown, ...]:
    """The passes of a job "breakdown" (`engine.breakdown_job`), each taken apart.

    Raises:
        ValueError, KeyError, TypeError: this is no such result, as in a file that somebody else wrote.
    """
    return tuple(_breakdown(document) for document in result["passes"])


def grouped(names: Sequence[tuple[str, str]]) -> list[tuple[Group, int | None]]:
    """Group and layer of each node, from the names and operations of all, in the graph's order."""
    places: list[tuple[Group, int | None]] = []
    group: Group = "input"
    layer: int | None = None
    for name, operation in names:
        group, layer = _place(name, group, layer)
        writes = _CACHE.match(name) is not None and operation in _WRITES
        places.append(("kv_write" if writes else group, layer))
    return places


def _place(name: str, group: Group, layer: int | None) -> tuple[Group, int | None]:
    """Where a node belongs that follows one of that group and layer."""
    if _UNNAMED.match(name):
        return group, layer
    match = _LAYER.search(name)
    if match is None:
        if _INPUT.match(name) and group == "output":  # another ubatch begins
            return "input", None
        if group == "input" and not name.startswith("result_"):  # some models norm their embeddings
            return "input", None
        if _OUTPUT.match(name):
            return "output", None
        return group, layer
    number = int(match[1])
    if _MLP.match(name):
        return "mlp", number
    if _ATTENTION.match(name) or number != layer:  # a layer begins with what leads to its attention
        return "attention", number
    return group, number


def _breakdown(document: Mapping[str, Any]) -> Breakdown:
    nodes: list[tuple[str, str, float]] = [
        (str(name), str(operation), _time_s(time_s)) for name, operation, time_s in document["nodes"]
    ]
    kind = document["kind"]
    looked_s, unlooked_s = _time_s(document["looked_s"]), _time_s(document["unlooked_s"])
    if kind not in ("decode", "prefill") or not looked_s or not unlooked_s:
        raise ValueError("this is no pass of a breakdown")
    idle_s = [time_s for _, operation, time_s in nodes if operation in NOTHING_TO_DO]
    looking_s = statistics.median(idle_s) if idle_s else 0.0
    seconds: dict[Group, float] = dict.fromkeys(GROUPS, 0.0)
    layers: dict[int, dict[Group, float]] = {}
    operations: dict[str, float] = {}
    places = grouped([(name, operation) for name, operation, _ in nodes])
    for (_, operation, time_s), (group, layer) in zip(nodes, places, strict=True):
        if operation in NOTHING_TO_DO:
            continue
        own_s = max(0.0, time_s - looking_s)
        seconds[group] += own_s
        operations[operation] = operations.get(operation, 0.0) + own_s
        if layer is not None:
            of_layer = layers.setdefault(layer, {})
            of_layer[group] = of_layer.get(group, 0.0) + own_s
    seconds["sampling"] = _time_s(document["sampling_s"])
    return Breakdown(
        kind=kind,
        sequences=int(document["sequences"]),
        tokens=int(document["tokens"]),
        depth=int(document["depth"]),
        seconds=seconds,
        layers=tuple(LayerTimes(layer, layers[layer]) for layer in sorted(layers)),
        operations=dict(sorted(operations.items(), key=lambda item: -item[1])),
        looking_s=looking_s,
        looked_s=looked_s,
        unlooked_s=unlooked_s,
    )


def _time_s(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError("a time is neither positive nor zero")
    return number
