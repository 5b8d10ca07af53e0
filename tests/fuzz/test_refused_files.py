"""Files made to cost much are refused by the command in one sentence, within 5 s and 500 MB."""

import json
import os
import sqlite3
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.fuzz.running import LONGEST_S, MOST_BYTES
from tests.helpers.small_models import write_small_model
from tests.helpers.written_session import write_session

pytestmark = pytest.mark.fuzz

STARTS_S = 3.0
"""What a command takes by itself on a slow machine."""

Made = Callable[[Path], tuple[str, ...]]


def gguf(path: Path, tensors: int, pairs: int, rest: bytes, *, length: int = 0) -> None:
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + rest)
    if length:
        os.truncate(path, length)


def text(words: bytes) -> bytes:
    return struct.pack("<Q", len(words)) + words


def many_keys(path: Path) -> tuple[str, ...]:
    gguf(path, 0, 2**62, b"")
    return "inspect", str(path)


def many_tensors(path: Path) -> tuple[str, ...]:
    gguf(path, 2**32, 0, b"", length=1 << 34)
    return "inspect", str(path)


def deep_arrays(path: Path) -> tuple[str, ...]:
    nested = b"".join(struct.pack("<IQ", 9, 1) for _ in range(1_000_000))
    gguf(path, 0, 1, text(b"a") + struct.pack("<I", 9) + nested)
    return "inspect", str(path)


def long_array(path: Path) -> tuple[str, ...]:
    gguf(path, 0, 1, text(b"a") + struct.pack("<IIQ", 9, 8, 2**40), length=1 << 36)
    return "inspect", str(path)


def huge_text(path: Path) -> tuple[str, ...]:
    gguf(path, 0, 1, text(b"general.name") + struct.pack("<IQ", 8, 1 << 35), length=1 << 36)
    return "inspect", str(path)


def named_pipe(path: Path) -> tuple[str, ...]:
    os.mkfifo(path)
    return "inspect", str(path)


def device(path: Path) -> tuple[str, ...]:
    return "inspect", "/dev/zero"


def link_loop(path: Path) -> tuple[str, ...]:
    path.symlink_to(path)
    return "inspect", str(path)


def overlapping_tensors(path: Path) -> tuple[str, ...]:
    write_small_model(path)
    data = bytearray(path.read_bytes())
    del data[len(data) // 2 :]
    path.write_bytes(bytes(data))
    return "inspect", str(path)


def altered(*statements: str, values: tuple[object, ...] = (), is_read_whole: bool = False) -> Made:
    def made(path: Path) -> tuple[str, ...]:
        write_session(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("PRAGMA ignore_check_constraints = ON")
            file.execute("PRAGMA writable_schema = ON")
            for statement in statements:
                file.execute(statement, values if "?" in statement else ())
        return (
            ("export", str(path), "--to", "json", "-o", str(path.with_suffix(".json"))) if is_read_whole else ("show", str(path))
        )

    return made


def endless_view(path: Path) -> tuple[str, ...]:
    view = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS cell_id FROM n"
    return altered("ALTER TABLE cell RENAME TO old", f"CREATE VIEW cell AS {view}")(path)


def deep_plan(path: Path) -> tuple[str, ...]:
    path.write_text("a = " + "[" * 200_000)
    return "run", "--plan", str(path), "-o", str(path.with_suffix(".inferometer"))


def product_plan(path: Path) -> tuple[str, ...]:
    numbers = ", ".join(map(str, range(1, 2000)))
    axes = "\n".join(f"{name} = [{numbers}]" for name in ("concurrency", "prompt_tokens", "output_tokens"))
    path.write_text(f"[load]\n{axes}\n")
    return "run", "--plan", str(path), "-o", str(path.with_suffix(".inferometer"))


def long_trace_line(path: Path) -> tuple[str, ...]:
    path.write_bytes(b'{"timestamp": 1, "input_length": ' + b"9" * 30_000_000 + b"}\n")
    return "run", "sample", "--arrival", "trace", "--trace", str(path), "-o", str(path.with_suffix(".inferometer"))


def deep_import(path: Path) -> tuple[str, ...]:
    path.write_bytes(b'{"results": ' + b"[" * 5_000_000)
    return "import", str(path), "-o", str(path.with_suffix(".inferometer"))


def endless_import(path: Path) -> tuple[str, ...]:
    return "import", "/dev/zero", "-o", str(path.with_suffix(".inferometer"))


CASES: dict[str, Made] = {
    "keys": many_keys,
    "tensors": many_tensors,
    "nested arrays": deep_arrays,
    "array": long_array,
    "text": huge_text,
    "pipe": named_pipe,
    "device": device,
    "link": link_loop,
    "cut": overlapping_tensors,
    "bomb": altered(
        "UPDATE chunk SET data = ?, codec = 'zlib', unpacked_bytes = 4000000000",
        values=(zlib.compress(bytes(200_000_000), 9),),
        is_read_whole=True,
    ),
    "large rows": altered("UPDATE chunk SET data = zeroblob(400000000) WHERE rowid = 1", is_read_whole=True),
    "large text": altered("UPDATE cell SET configuration = ?", values=("[" * 40_000_000,)),
    "trigger": altered("CREATE TRIGGER t AFTER UPDATE ON run BEGIN DELETE FROM run; END", "PRAGMA user_version = 1"),
    "endless view": endless_view,
    "plan": deep_plan,
    "product": product_plan,
    "trace": long_trace_line,
    "import": deep_import,
    "endless import": endless_import,
}


LAUNCHER = """
import json, resource, subprocess, sys, time
began_s = time.monotonic()
try:
    done = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=float(sys.argv[1]))
    told = [done.returncode, done.stderr]
except subprocess.TimeoutExpired:
    told = [-9, "it hangs"]
most_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([*told, time.monotonic() - began_s, 1024 * most_kb]))
"""
"""A small process in between: what a process had at the most includes the one that started it."""


def costs(arguments: tuple[str, ...]) -> tuple[int, str, float, int]:
    """Status, what was said, seconds, and the memory at most."""
    command = [sys.executable, "-c", LAUNCHER, str(4 * (LONGEST_S + STARTS_S)), sys.executable, "-m", "app", *arguments]
    status, said, seconds, memory_bytes = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return status, said, seconds, memory_bytes


@pytest.mark.parametrize("name", CASES)
def test_what_a_refusal_costs(name, tmp_path, capsys):
    arguments = CASES[name](tmp_path / f"a{'.gguf' if name != 'product' else '.toml'}")
    status, said, seconds, memory_bytes = costs(arguments)
    with capsys.disabled():
        print(f"\n{name}: status {status}, {seconds:.1f} s, {memory_bytes / 1e6:.0f} MB: {said.strip()[:160]}")
    assert status in (1, 2)
    assert "Traceback" not in said
    assert "fault of Inferometer" not in said
    assert said.strip()
    assert seconds < LONGEST_S + STARTS_S
    assert memory_bytes < MOST_BYTES
