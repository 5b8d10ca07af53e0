"""A session file in which every text that somebody could have chosen tries to become markup, script or a change of direction."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.helpers.written_session import write_session

HOSTILE = "</script><img src=x onerror=alert(1)>\"'`&amp;<!--\u202eevil\u200f\x00${title}$title ]]> **a**"


def write_hostile_session(path: Path) -> Path:
    """The session of `write_session` with such names, notes, reasons, flags, events and machine."""
    write_session(path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE model SET name = ?, path = ?, quantization = ?, architecture = ?", (HOSTILE,) * 4)
        for cell_id, text in file.execute("SELECT cell_id, configuration FROM cell").fetchall():
            configuration = {**json.loads(text), "quant": HOSTILE, "model": HOSTILE, "batching": HOSTILE}
            file.execute(
                "UPDATE cell SET configuration = ?, quant = ?, model = ?, batching = ?, reason = ? WHERE cell_id = ?",
                (json.dumps(configuration), HOSTILE, HOSTILE, HOSTILE, HOSTILE, cell_id),
            )
        file.execute("UPDATE run SET flags = ?", (json.dumps([f"{HOSTILE}: {HOSTILE}"]),))
        for key in ("title", "notes", "percentile_method", "created_utc"):
            file.execute("UPDATE meta SET value = ? WHERE key = ?", (HOSTILE, key))
        machine = {
            "cpu": {"name": HOSTILE, "physical_cores": HOSTILE},
            "devices": [{"kind": "gpu", "name": HOSTILE}],
            "kernel": HOSTILE,
        }
        file.execute("UPDATE meta SET value = ? WHERE key = 'machine'", (json.dumps(machine),))
        file.execute(
            "INSERT INTO event (utc, kind, sentence, data) VALUES (?, ?, ?, ?)",
            (HOSTILE, HOSTILE, HOSTILE, json.dumps({"a": HOSTILE})),
        )
        file.commit()
    return path
