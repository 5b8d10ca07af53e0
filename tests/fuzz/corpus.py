"""The real small files that mutants are made of."""

import json
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np

from profiler.models.sample import sample_model_path
from profiler.plan.plan import Load, Plan, Trust
from profiler.plan.plan_file import plan_text
from tests.helpers.search_session import write_search_session
from tests.helpers.small_models import write_small_model
from tests.helpers.written_session import write_session

IMPORTS = Path(__file__).parents[1] / "golden" / "imports"
_SAMPLE_HEADER_BYTES = 2_000_000


def corpus_of(target: str, folder: Path) -> list[bytes]:
    """The files of a target, made in `folder`; the same ones each time as far as a mutant's number is concerned."""
    folder.mkdir(parents=True, exist_ok=True)
    return _MAKERS[target](folder)


def _ggufs(folder: Path) -> list[bytes]:
    small = write_small_model(folder / "small.gguf").read_bytes()
    named = write_small_model(folder / "named.gguf", name="A <b>name</b>", embedding=128).read_bytes()
    with open(sample_model_path(), "rb") as file:
        sample = file.read(_SAMPLE_HEADER_BYTES)
    return [small, small, named, sample]


def _sessions(folder: Path) -> list[bytes]:
    return [
        write_session(folder / "a.inferometer").read_bytes(),
        write_search_session(folder / "b.inferometer").read_bytes(),
    ]


def _plans(folder: Path) -> list[bytes]:
    shipped = [entry.read_bytes() for entry in sorted(resources.files("resources").joinpath("plans").iterdir(), key=str)]
    return [*shipped, plan_text(Plan(title="a plan", load=Load(concurrency=(1, 2)), trust=Trust(repetitions=2))).encode()]


def _traces(folder: Path) -> list[bytes]:
    random = np.random.default_rng(1)
    rows = [
        {"timestamp": 100 * row, "input_length": int(random.integers(1, 900)), "output_length": 9, "hash_ids": [row // 3, row]}
        for row in range(40)
    ]
    azure = [
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        *(f"2023-11-16 18:15:{row:02}.1234567,{row + 9},{row + 1}" for row in range(40)),
    ]
    burst = ["Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"]
    burst += [f"{row},ChatGPT,{row + 4},{row + 2},{2 * row + 6},Conversation log" for row in range(40)]
    columns = [json.dumps({"time": row / 2, "prompt": row + 1, "output": 3}) for row in range(40)]
    return ["\n".join(lines).encode() for lines in (map(json.dumps, rows), azure, burst, columns)]


def _imports(folder: Path, *, has_lines: bool) -> list[bytes]:
    endings = {".jsonl", ".csv", ".sql"}
    files = sorted(path for path in IMPORTS.iterdir() if (path.suffix in endings) is has_lines)
    return [path.read_bytes() for path in files]


def _imatrices(folder: Path) -> list[bytes]:
    from gguf import GGUFWriter

    path = folder / "imatrix.gguf"
    writer = GGUFWriter(str(path), "llama")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["text.txt"])
    writer.add_uint32("imatrix.chunk_count", 4)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name in ("blk.0.attn_q.weight", "blk.0.ffn_up.weight"):
        writer.add_tensor(f"{name}.in_sum2", np.ones((1, 64), np.float32))
        writer.add_tensor(f"{name}.counts", np.ones((1, 1), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    legacy = np.array([1], "<i4").tobytes() + np.array([5], "<i4").tobytes() + b"a.wei" + np.array([4, 3], "<i4").tobytes()
    legacy += np.ones(3, "<f4").tobytes() + np.array([4, 4], "<i4").tobytes() + b"t.tx"
    return [path.read_bytes(), legacy]


_MAKERS: dict[str, Callable[[Path], list[bytes]]] = {
    "gguf": _ggufs,
    "session": _sessions,
    "plan": _plans,
    "trace": _traces,
    "import": partial(_imports, has_lines=False),
    "import lines": partial(_imports, has_lines=True),
    "imatrix": _imatrices,
}
