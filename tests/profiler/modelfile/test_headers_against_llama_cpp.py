"""What is derived from headers, against llama.cpp: it loads each architecture's tiny model, allocates, and evaluates a token."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.layers import layer_memory
from profiler.modelfile.offload import CacheSettings, by_device
from tests.helpers import graph_probe
from tests.helpers.architectures import MODELS
from tests.profiler.modelfile.conftest import write_file

CELLS_IN_VIEW = 256  # a token alone looks at so many, masked


@dataclass(frozen=True)
class Seen:
    """What llama.cpp was seen to do.

    Attributes:
        bytes: of the matrices in matmuls, each once: "matrices", "experts", "output".
        flops: the same, and "attention".
        log: of loading.
    """

    told: ModelDescription
    bytes: dict[str, int]
    flops: dict[str, int]
    log: str

    def logged_bytes(self, what: str) -> int:
        """The log's "… <what> buffer size = 12.34 MiB" over all buffers."""
        return round(sum(float(size) for size in re.findall(rf" {what} buffer size = +([0-9.]+) MiB", self.log)) * 2**20)

    def logged_buffers(self, what: str) -> int:
        return len(re.findall(rf" {what} buffer size = ", self.log))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    folder = tmp_path_factory.mktemp("models")
    paths = {
        name: write_file(folder / f"{number}.gguf", model.all_keys, model.tensors, model.architecture)
        for number, (name, model) in enumerate(MODELS.items())
    }
    command = [sys.executable, str(graph_probe.__file__), json.dumps([str(path) for path in paths.values()])]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    lines = run.stdout.splitlines()
    return {name: _seen(path, json.loads(line)) for (name, path), line in zip(paths.items(), lines, strict=True)}


def _seen(path: Path, document: dict) -> Seen:
    sizes: dict[str, dict[str, int]] = defaultdict(dict)
    flops: dict[str, int] = defaultdict(int)
    for op, matrix, size, count in document["ops"]:
        if not matrix.endswith(".weight"):
            flops["attention"] += count
            continue
        is_output = matrix in ("output.weight", "token_embd.weight")
        kind = "output" if is_output else "experts" if op == "MUL_MAT_ID" else "matrices"
        sizes[kind][matrix] = size
        flops["output" if is_output else "matrices"] += count
    return Seen(describe(path), {kind: sum(each.values()) for kind, each in sizes.items()}, dict(flops), document["log"])


@pytest.mark.parametrize("name", MODELS)
def test_bytes_and_flops_of_a_token(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    costs = step_costs(found.told, "f16", "f16")
    assert costs is not None
    elementwise = sum(tensor.bytes for tensor in found.told.tensors if tensor.name.endswith(".ssm_a"))
    assert costs.weight_bytes_per_ubatch - elementwise == found.bytes["matrices"]
    assert costs.expert_bytes == found.bytes.get("experts", 0)
    assert costs.output_bytes_per_ubatch == found.bytes["output"]
    assert costs.output_flops_per_row == found.flops["output"]
    assert costs.attention_flops_per_pair is not None
    if found.told.architecture == "gemma3n":  # its four streams are mixed by small products of activations, not counted
        assert costs.matmul_flops_per_token == pytest.approx(found.flops["matrices"], rel=0.005)
        return
    assert costs.matmul_flops_per_token == found.flops["matrices"]
    assert costs.attention_flops_per_pair * CELLS_IN_VIEW == found.flops.get("attention", 0)


@pytest.mark.parametrize("name", MODELS)
def test_memory(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    settings = CacheSettings(graph_probe.CONTEXT_CELLS // graph_probe.SEQUENCES, graph_probe.SEQUENCES, ubatch_size=32)
    (cpu,) = by_device(found.told, 0, settings, ())
    rounding = 0.0051 * 2**20  # of each buffer's line, half a hundredth and what floating point adds
    assert cpu.kv_bytes == pytest.approx(found.logged_bytes("KV"), abs=rounding * found.logged_buffers("KV"))
    assert cpu.state_bytes == pytest.approx(found.logged_bytes("RS"), abs=rounding)
    assert bool(found.logged_buffers("KV")) == any(layer.k_elements for layer in layer_memory(found.told) or ())
    assert bool(found.logged_buffers("RS")) == bool(cpu.state_bytes)
    # The mapped part of the file: tensors with padding between them.
    assert cpu.weights_bytes == pytest.approx(found.logged_bytes("model"), abs=rounding + 32 * len(found.told.tensors))
