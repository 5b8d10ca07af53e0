"""From version 1 of the format to version 2. Frozen: files of version 1 stay what they are, so nothing here follows today's code.

Version 2 has more axes, classes of requests, conversations, and figures of single classes. A file of version 1 was measured
with what it has no word for: one class, continuous batching, no prefix cache.
"""

import json
import sqlite3
from typing import Any

COLUMNS_BEFORE = {
    "meta": ("key", "value"),
    "tag": ("name", "value"),
    "model": (
        "model_id", "name", "path", "sha256", "architecture", "parameters", "quantization", "file_bytes", "bits_per_weight",
        "context_train", "source_name", "fallback_tensors",
    ),
    "cell": (
        "cell_id", "model_id", "status", "reason", "configuration",
        "model", "quant", "arrival", "concurrency", "slots", "think_time", "prompt_tokens", "output_tokens", "sampling",
        "prefill_chunk", "threads", "threads_batch", "batch_size", "ubatch_size", "ctx_size", "n_gpu_layers", "flash_attn",
        "cache_type_k", "cache_type_v", "kv_unified",
        "weight_bytes_per_ubatch", "output_bytes_per_ubatch", "embedding_bytes_per_token", "kv_bytes_per_token",
    ),
    "run": (
        "run_id", "cell_id", "repetition", "block", "status", "reason", "is_valid", "flags", "start_monotonic_ns", "start_utc",
        "end_utc", "specification", "facts", "log_tail",
    ),
    "request": (
        "run_id", "request", "user", "due_ns", "sent_ns", "prefill_start_ns", "first_token_ns", "end_ns",
        "prompt_tokens", "cached_tokens", "output_tokens", "status",
    ),
    "chunk": ("run_id", "kind", "sequence", "rows", "codec", "unpacked_bytes", "data"),
    "figure": ("cell_id", "run_id", "metric", "statistic", "value"),
    "event": ("event_id", "utc", "kind", "sentence", "cell_id", "run_id", "data"),
}  # fmt: skip
"""Every table of version 1."""

_NEW_AXES: dict[str, str | int | float | None] = {
    "rate": None,
    "burstiness": None,
    "shared_prefix": 0.0,
    "prefixes": None,
    "turns": 1,
    "prefix_cache": "off",
    "batching": "continuous",
    "static_batch_size": None,
    "static_wait_ms": None,
    "priority": "decode",
    "depth": 0,
    "mmap": None,  # a setting of version 1 that was no axis: filled in from the run or the plan
    "op_offload": "on",
    "kv_offload": "on",
    "repack": "on",
    "no_host": "off",
    "split_mode": "layer",
    "tensor_split": None,
    "main_gpu": 0,
}
"""What was measured, in the words of version 2; None where an axis does not apply."""

_NEW_OF_MODEL = {"split_mode": "layer", "tensor_split": [], "main_gpu": 0, "repack": True, "no_host": False}
_NEW_OF_CONTEXT = {"op_offload": True, "cached_sequences": 0, "kv_offload": True}
_NEW_OF_CLASS = {
    "name": "", "rate_s": None, "rate_to_s": None, "burstiness": 1.0, "burst_on_s": None, "burst_off_s": None,
    "spike_at_s": None, "spike_for_s": None, "trace": None, "shared_prefix": 0.0, "prefixes": 1, "turns": 1, "start_s": 0.0,
    "slo": "",
}  # fmt: skip
_NEW_OF_LOAD = {
    "batching": "continuous", "static_batch_size": 8, "static_wait_s": 0.05, "priority": "decode", "queue_limit": None,
    "timeout_s": None, "prefix_cache": False, "depth": 0,
}  # fmt: skip
_LENGTHS = ("prompt_tokens", "output_tokens")
_MOVED_TO_CLASS = ("arrival", "users", "think_time_s", "requests", "requests_per_user", "duration_s")
_KEPT_OF_LOAD = ("prefill_chunk", "sampling", "seed")

_TABLES = {
    "cell": """
CREATE TABLE cell (
    cell_id INTEGER PRIMARY KEY NOT NULL CHECK (typeof(cell_id) IN ('integer')),
    model_id INTEGER CHECK (typeof(model_id) IN ('integer', 'null')) REFERENCES model,
    status TEXT NOT NULL CHECK (typeof(status) IN ('text')),
    reason TEXT NOT NULL CHECK (typeof(reason) IN ('text')),
    configuration TEXT NOT NULL CHECK (typeof(configuration) IN ('text')),
    model TEXT CHECK (typeof(model) IN ('text', 'null')),
    quant TEXT CHECK (typeof(quant) IN ('text', 'null')),
    arrival TEXT CHECK (typeof(arrival) IN ('text', 'null')),
    concurrency INTEGER CHECK (typeof(concurrency) IN ('integer', 'null')),
    slots INTEGER CHECK (typeof(slots) IN ('integer', 'null')),
    rate REAL CHECK (typeof(rate) IN ('real', 'null')),
    burstiness REAL CHECK (typeof(burstiness) IN ('real', 'null')),
    think_time REAL CHECK (typeof(think_time) IN ('real', 'null')),
    prompt_tokens CHECK (typeof(prompt_tokens) IN ('integer', 'text', 'null')),
    output_tokens CHECK (typeof(output_tokens) IN ('integer', 'text', 'null')),
    shared_prefix REAL CHECK (typeof(shared_prefix) IN ('real', 'null')),
    prefixes INTEGER CHECK (typeof(prefixes) IN ('integer', 'null')),
    turns INTEGER CHECK (typeof(turns) IN ('integer', 'null')),
    prefix_cache TEXT CHECK (typeof(prefix_cache) IN ('text', 'null')),
    batching TEXT CHECK (typeof(batching) IN ('text', 'null')),
    static_batch_size INTEGER CHECK (typeof(static_batch_size) IN ('integer', 'null')),
    static_wait_ms REAL CHECK (typeof(static_wait_ms) IN ('real', 'null')),
    prefill_chunk INTEGER CHECK (typeof(prefill_chunk) IN ('integer', 'null')),
    priority TEXT CHECK (typeof(priority) IN ('text', 'null')),
    depth INTEGER CHECK (typeof(depth) IN ('integer', 'null')),
    sampling TEXT CHECK (typeof(sampling) IN ('text', 'null')),
    threads INTEGER CHECK (typeof(threads) IN ('integer', 'null')),
    threads_batch INTEGER CHECK (typeof(threads_batch) IN ('integer', 'null')),
    batch_size INTEGER CHECK (typeof(batch_size) IN ('integer', 'null')),
    ubatch_size INTEGER CHECK (typeof(ubatch_size) IN ('integer', 'null')),
    ctx_size INTEGER CHECK (typeof(ctx_size) IN ('integer', 'null')),
    n_gpu_layers INTEGER CHECK (typeof(n_gpu_layers) IN ('integer', 'null')),
    flash_attn TEXT CHECK (typeof(flash_attn) IN ('text', 'null')),
    cache_type_k TEXT CHECK (typeof(cache_type_k) IN ('text', 'null')),
    cache_type_v TEXT CHECK (typeof(cache_type_v) IN ('text', 'null')),
    kv_unified TEXT CHECK (typeof(kv_unified) IN ('text', 'null')),
    mmap TEXT CHECK (typeof(mmap) IN ('text', 'null')),
    op_offload TEXT CHECK (typeof(op_offload) IN ('text', 'null')),
    kv_offload TEXT CHECK (typeof(kv_offload) IN ('text', 'null')),
    repack TEXT CHECK (typeof(repack) IN ('text', 'null')),
    no_host TEXT CHECK (typeof(no_host) IN ('text', 'null')),
    split_mode TEXT CHECK (typeof(split_mode) IN ('text', 'null')),
    tensor_split TEXT CHECK (typeof(tensor_split) IN ('text', 'null')),
    main_gpu INTEGER CHECK (typeof(main_gpu) IN ('integer', 'null')),
    weight_bytes_per_ubatch INTEGER CHECK (typeof(weight_bytes_per_ubatch) IN ('integer', 'null')),
    output_bytes_per_ubatch INTEGER CHECK (typeof(output_bytes_per_ubatch) IN ('integer', 'null')),
    embedding_bytes_per_token INTEGER CHECK (typeof(embedding_bytes_per_token) IN ('integer', 'null')),
    kv_bytes_per_token INTEGER CHECK (typeof(kv_bytes_per_token) IN ('integer', 'null'))
)
""",
    "request": """
CREATE TABLE request (
    run_id INTEGER NOT NULL CHECK (typeof(run_id) IN ('integer')) REFERENCES run,
    request INTEGER NOT NULL CHECK (typeof(request) IN ('integer')),
    class TEXT NOT NULL CHECK (typeof(class) IN ('text')),
    user INTEGER NOT NULL CHECK (typeof(user) IN ('integer')),
    turn INTEGER NOT NULL CHECK (typeof(turn) IN ('integer')),
    due_ns INTEGER CHECK (typeof(due_ns) IN ('integer', 'null')),
    sent_ns INTEGER CHECK (typeof(sent_ns) IN ('integer', 'null')),
    prefill_start_ns INTEGER CHECK (typeof(prefill_start_ns) IN ('integer', 'null')),
    first_token_ns INTEGER CHECK (typeof(first_token_ns) IN ('integer', 'null')),
    end_ns INTEGER CHECK (typeof(end_ns) IN ('integer', 'null')),
    prompt_tokens INTEGER NOT NULL CHECK (typeof(prompt_tokens) IN ('integer')),
    cached_tokens INTEGER NOT NULL CHECK (typeof(cached_tokens) IN ('integer')),
    output_tokens INTEGER NOT NULL CHECK (typeof(output_tokens) IN ('integer')),
    status TEXT NOT NULL CHECK (typeof(status) IN ('text')),
    PRIMARY KEY (run_id, request)
) WITHOUT ROWID
""",
    "figure": """
CREATE TABLE figure (
    cell_id INTEGER NOT NULL CHECK (typeof(cell_id) IN ('integer')) REFERENCES cell,
    run_id INTEGER CHECK (typeof(run_id) IN ('integer', 'null')) REFERENCES run,
    class TEXT NOT NULL CHECK (typeof(class) IN ('text')),
    metric TEXT NOT NULL CHECK (typeof(metric) IN ('text')),
    statistic TEXT NOT NULL CHECK (typeof(statistic) IN ('text')),
    value NOT NULL CHECK (typeof(value) IN ('integer', 'real'))
)
""",
}
_INDEXES = {
    "figure": (
        "CREATE INDEX figure_of_run ON figure (run_id)",
        "CREATE UNIQUE INDEX figure_once ON figure (cell_id, ifnull(run_id, 0), class, metric, statistic)",
    )
}


def from_1_to_2(connection: sqlite3.Connection) -> None:
    """Rewrite the tables and the specifications within the caller's transaction; views are the caller's, foreign keys are off.

    Chunks stay as they are: readers take the columns of steps that they lack as 0.

    Raises:
        ValueError: a document or a row is none of version 1's.
        sqlite3.IntegrityError: likewise.
    """
    _rebuild(connection, "request", {"class": "", "turn": 1})
    _rebuild(connection, "figure", {"class": ""})
    _rebuild(connection, "cell", _NEW_AXES)
    mapped_of_cell = _rewrite_runs(connection)
    _rewrite_cells(connection, mapped_of_cell)


def _rebuild(connection: sqlite3.Connection, table: str, new_columns: dict[str, Any]) -> None:
    """Make a table anew with more columns. Not by renaming: that would leave the new one's name in quotes in the file."""
    before = ", ".join(COLUMNS_BEFORE[table])
    connection.execute(f"CREATE TEMP TABLE before AS SELECT {before} FROM main.{table}")
    connection.execute(f"DROP TABLE main.{table}")
    connection.execute(_TABLES[table].strip())
    for index in _INDEXES.get(table, ()):
        connection.execute(index)
    names, marks = ", ".join(new_columns), ", ".join("?" * len(new_columns))
    connection.execute(
        f"INSERT INTO main.{table} ({before}, {names}) SELECT {before}, {marks} FROM temp.before", tuple(new_columns.values())
    )
    connection.execute("DROP TABLE temp.before")


def _rewrite_runs(connection: sqlite3.Connection) -> dict[int, bool]:
    """The runs' specifications in the words of version 2; returns by cell whether its runs mapped their model's file."""
    mapped_of_cell: dict[int, bool] = {}
    for run_id, cell_id, text in connection.execute("SELECT run_id, cell_id, CAST(specification AS BLOB) FROM run").fetchall():
        specification = _specification(_document(text))
        mapped_of_cell[cell_id] = specification["model"].get("mmap") is True
        connection.execute("UPDATE run SET specification = ? WHERE run_id = ?", (_text(specification), run_id))
    return mapped_of_cell


def _specification(before: dict[str, Any]) -> dict[str, Any]:
    try:
        load = before["load"]
        only_class = {name: load[name] for name in _MOVED_TO_CLASS} | {name: str(load[name]) for name in _LENGTHS}
        return {
            "model": {**before["model"], **_NEW_OF_MODEL},
            "context": {**before["context"], **_NEW_OF_CONTEXT},
            "load": {"classes": [_NEW_OF_CLASS | only_class], **_NEW_OF_LOAD, **{name: load[name] for name in _KEPT_OF_LOAD}},
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"a run's specification is none of version 1: {error}") from error


def _rewrite_cells(connection: sqlite3.Connection, mapped_of_cell: dict[int, bool]) -> None:
    """The axes that each cell's configuration has gained, and its column `mmap`."""
    planned = _planned_mmap(connection)
    cells = connection.execute("SELECT cell_id, arrival IS 'offline', CAST(configuration AS BLOB) FROM cell").fetchall()
    for cell_id, is_offline, text in cells:
        mmap = planned if cell_id not in mapped_of_cell else "on" if mapped_of_cell[cell_id] else "off"
        configuration = _document(text) | _NEW_AXES | {"mmap": mmap}
        if is_offline:  # nobody waits for an answer there: version 1 wrote 0, version 2 says that the axis does not apply
            configuration["think_time"] = None
            connection.execute("UPDATE cell SET think_time = NULL WHERE cell_id = ?", (cell_id,))
        connection.execute("UPDATE cell SET configuration = ?, mmap = ? WHERE cell_id = ?", (_text(configuration), mmap, cell_id))


def _planned_mmap(connection: sqlite3.Connection) -> str | None:
    """What the plan says of a cell that never ran."""
    found = connection.execute("SELECT CAST(value AS BLOB) FROM meta WHERE key = 'plan'").fetchone()
    engine = _document(found[0]).get("engine") if found else None
    mmap = engine.get("mmap") if isinstance(engine, dict) else None
    return mmap if mmap in ("on", "off") else None


def _document(text: bytes) -> dict[str, Any]:
    """A JSON object; as bytes, since the connection may refuse text that is no UTF-8 in its own way."""
    try:
        document = json.loads(text.decode())
    except RecursionError:
        raise ValueError("a JSON text is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("a JSON text is no object")
    return document


def _text(document: dict[str, Any]) -> str:
    try:
        return json.dumps(document, allow_nan=False)
    except RecursionError:
        raise ValueError("a JSON text is nested too deeply") from None
