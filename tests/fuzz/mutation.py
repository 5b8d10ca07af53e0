"""Damaging files on purpose: each mutant is a function of a corpus, a seed and its number alone, so that it can be made again."""

import random
import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

NUMBERS = (0, 1, 2, 7, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
TEXTS = (
    b"", b"\x00", b"<b>x</b>", b"=cmd|' /C calc'!A0", b"\x1b[31m", "\u202e\u200b".encode(), b"\xff\xfe\xfa", b"../../x", b"NaN",
    b"Infinity", b"-1", b"1e999", b"null", b"[" * 3000, b'{"a":' * 1500, b"9" * 5000, b"A" * 70_000, b"\r\n", b'"', b",", b"\t",
)  # fmt: skip
VALUES = (
    None, 0, 1, -1, 2**31, 2**62, -(2**63), 0.5, -0.0, 1e308, float("inf"), "", "x", "1", "{}", "[]", "null", "[" * 2000,
    "<b>x</b>", "=1+1", "\x1b[2J", "\u202eabc", "a" * 100_000, b"", b"\x00" * 64, b"\xff" * 4096, "2025-13-45T99:99", "done",
)  # fmt: skip
"""What a stranger may have put into a column."""


def mutant(corpus: Sequence[bytes], seed: int, number: int) -> bytes:
    """One of the files, changed in one to eight places."""
    random_ = random.Random(f"{seed}/{number}")
    data = bytearray(random_.choice(corpus))
    for _ in range(random_.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        random_.choice(_CHANGES)(data, random_, corpus)
    return bytes(data)


def altered_session(path: Path, seed: int, number: int) -> None:
    """Change a session by SQL as a stranger could: values, rows, columns, tables, what a name stands for."""
    random_ = random.Random(f"sql {seed}/{number}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("ignore_check_constraints = ON", "writable_schema = ON", "foreign_keys = OFF", "journal_mode = DELETE"):
            connection.execute(f"PRAGMA {pragma}")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(random_.choice((1, 1, 2, 4))):
            table = random_.choice(tables)
            try:
                for statement, values in _statements(connection, table, random_):
                    connection.execute(statement, values)
            except (sqlite3.Error, OverflowError):
                continue  # what SQLite itself does not let a stranger do


def _statements(connection: sqlite3.Connection, table: str, random_: random.Random) -> list[tuple[str, tuple[object, ...]]]:
    columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')] or ["x"]
    column = random_.choice(columns)
    value = random_.choice(VALUES)
    kind = random_.randrange(13)
    one = f'rowid = (SELECT rowid FROM "{table}" ORDER BY random() LIMIT 1)' if kind else "1"
    if kind < 6:
        return [(f'UPDATE "{table}" SET "{column}" = ? WHERE {one}', (value,))]
    if kind == 6:
        return [(f'DELETE FROM "{table}" WHERE {one}', ())]
    if kind == 7:
        return [(f'INSERT INTO "{table}" SELECT * FROM "{table}" WHERE {one}', ())]
    if kind == 8:
        return [(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "was_{column}"', ())]
    if kind == 9:
        return [
            (f'ALTER TABLE "{table}" RENAME TO "was_{table}"', ()),
            (f'CREATE VIEW "{table}" AS SELECT * FROM "was_{table}"', ()),
        ]
    if kind == 10:
        return [(f'CREATE TRIGGER t{random_.randrange(99)} AFTER UPDATE ON "{table}" BEGIN DELETE FROM run; END', ())]
    if kind == 11:
        return [(f"PRAGMA user_version = {random_.choice((0, 1, 2, 3, 4, 99, -1))}", ())]
    return [("UPDATE sqlite_master SET sql = ? WHERE name = ?", (random_.choice(("", "CREATE TABLE x(", None)), table))]


Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def _place(data: bytearray, random_: random.Random) -> int:
    """Anywhere, the beginning more often: that is where the counts are."""
    return random_.randrange(min(len(data), 400) if random_.random() < 0.4 else len(data)) if data else 0


def _flip(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    if data:
        data[_place(data, random_)] ^= 1 << random_.randrange(8)


def _noise(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    at = _place(data, random_)
    data[at : at + 16] = random_.randbytes(random_.randrange(1, 17))


def _number(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    at, number = _place(data, random_), random_.choice((*NUMBERS, len(data)))
    order, code = random_.choice("<>"), random_.choice("BHIQ")
    size = struct.calcsize(code)
    data[at : at + size] = struct.pack(order + code, number % (1 << (8 * size)))


def _digits(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    """Another number in a text's place."""
    places = [at for at, byte in enumerate(data[:100_000]) if 48 <= byte <= 57]
    if places:
        at = random_.choice(places)
        data[at : at + 1] = random_.choice((b"-", b".", b"e", b"1e400", b"99999999999999999999", b"0x1F", b"NaN", b""))


def _text(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    at = _place(data, random_)
    data[at : at + random_.choice((0, 0, 4))] = random_.choice(TEXTS)


def _cut(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    del data[_place(data, random_) :]


def _drop(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    at = _place(data, random_)
    del data[at : at + random_.choice((1, 4, 8, 64, 4096))]


def _double(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    at = _place(data, random_)
    data[at:at] = data[at : at + random_.choice((1, 8, 64, 512))]


def _splice(data: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    other = random_.choice(corpus)
    if other:
        start = random_.randrange(len(other))
        at = _place(data, random_)
        data[at : at + 256] = other[start : start + random_.choice((8, 64, 256))]


_CHANGES: tuple[Change, ...] = (
    _flip,
    _flip,
    _noise,
    _number,
    _number,
    _number,
    _digits,
    _text,
    _text,
    _cut,
    _drop,
    _double,
    _splice,
)
