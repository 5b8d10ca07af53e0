"""From version 2 of the format to version 3. Frozen: files of version 2 stay what they are, so nothing here follows today's code.

Version 3 knows how a model file was made and how good it is, both unknown of a model in a file of version 2, what a run was for
(in version 2 all were there to be measured), and of a cell the costs of models that are not dense, and FLOPs.
"""

import sqlite3

COLUMNS_BEFORE = {
    "meta": (
        "key", "value",
    ),
    "tag": (
        "name", "value",
    ),
    "model": (
        "model_id", "name", "path", "sha256", "architecture", "parameters", "quantization", "file_bytes", "bits_per_weight",
        "context_train", "source_name", "fallback_tensors",
    ),
    "cell": (
        "cell_id", "model_id", "status", "reason", "configuration", "model", "quant", "arrival", "concurrency", "slots",
        "rate", "burstiness", "think_time", "prompt_tokens", "output_tokens", "shared_prefix", "prefixes", "turns",
        "prefix_cache", "batching", "static_batch_size", "static_wait_ms", "prefill_chunk", "priority", "depth", "sampling",
        "threads", "threads_batch", "batch_size", "ubatch_size", "ctx_size", "n_gpu_layers", "flash_attn", "cache_type_k",
        "cache_type_v", "kv_unified", "mmap", "op_offload", "kv_offload", "repack", "no_host", "split_mode", "tensor_split",
        "main_gpu", "weight_bytes_per_ubatch", "output_bytes_per_ubatch", "embedding_bytes_per_token", "kv_bytes_per_token",
    ),
    "run": (
        "run_id", "cell_id", "repetition", "block", "status", "reason", "is_valid", "flags", "start_monotonic_ns",
        "start_utc", "end_utc", "specification", "facts", "log_tail",
    ),
    "request": (
        "run_id", "request", "class", "user", "turn", "due_ns", "sent_ns", "prefill_start_ns", "first_token_ns", "end_ns",
        "prompt_tokens", "cached_tokens", "output_tokens", "status",
    ),
    "chunk": (
        "run_id", "kind", "sequence", "rows", "codec", "unpacked_bytes", "data",
    ),
    "figure": (
        "cell_id", "run_id", "class", "metric", "statistic", "value",
    ),
    "event": (
        "event_id", "utc", "kind", "sentence", "cell_id", "run_id", "data",
    ),
}  # fmt: skip
"""Every table of version 2."""

_TABLES = {
    "model": """
CREATE TABLE model (
    model_id INTEGER PRIMARY KEY NOT NULL CHECK (typeof(model_id) IN ('integer')),
    name TEXT NOT NULL CHECK (typeof(name) IN ('text')),
    path TEXT NOT NULL CHECK (typeof(path) IN ('text')),
    sha256 TEXT NOT NULL CHECK (typeof(sha256) IN ('text')),
    architecture TEXT NOT NULL CHECK (typeof(architecture) IN ('text')),
    parameters INTEGER NOT NULL CHECK (typeof(parameters) IN ('integer')),
    quantization TEXT NOT NULL CHECK (typeof(quantization) IN ('text')),
    file_bytes INTEGER NOT NULL CHECK (typeof(file_bytes) IN ('integer')),
    bits_per_weight REAL NOT NULL CHECK (typeof(bits_per_weight) IN ('real')),
    context_train INTEGER CHECK (typeof(context_train) IN ('integer', 'null')),
    source_name TEXT CHECK (typeof(source_name) IN ('text', 'null')),
    fallback_tensors INTEGER CHECK (typeof(fallback_tensors) IN ('integer', 'null')),
    imatrix_name TEXT CHECK (typeof(imatrix_name) IN ('text', 'null')),
    type_mix TEXT NOT NULL CHECK (typeof(type_mix) IN ('text')),
    quality_text_name TEXT CHECK (typeof(quality_text_name) IN ('text', 'null')),
    quality_text_sha256 TEXT CHECK (typeof(quality_text_sha256) IN ('text', 'null')),
    quality_ctx_size INTEGER CHECK (typeof(quality_ctx_size) IN ('integer', 'null')),
    quality_tokens INTEGER CHECK (typeof(quality_tokens) IN ('integer', 'null')),
    quality_perplexity REAL CHECK (typeof(quality_perplexity) IN ('real', 'null')),
    quality_perplexity_stderr REAL CHECK (typeof(quality_perplexity_stderr) IN ('real', 'null')),
    quality_bits_per_byte REAL CHECK (typeof(quality_bits_per_byte) IN ('real', 'null')),
    quality_base_name TEXT CHECK (typeof(quality_base_name) IN ('text', 'null')),
    quality_base_sha256 TEXT CHECK (typeof(quality_base_sha256) IN ('text', 'null')),
    quality_kld_mean REAL CHECK (typeof(quality_kld_mean) IN ('real', 'null')),
    quality_kld_mean_stderr REAL CHECK (typeof(quality_kld_mean_stderr) IN ('real', 'null')),
    quality_kld_median REAL CHECK (typeof(quality_kld_median) IN ('real', 'null')),
    quality_kld_p99 REAL CHECK (typeof(quality_kld_p99) IN ('real', 'null')),
    quality_kld_max REAL CHECK (typeof(quality_kld_max) IN ('real', 'null')),
    quality_top1_agreement REAL CHECK (typeof(quality_top1_agreement) IN ('real', 'null')),
    quality_top1_agreement_stderr REAL CHECK (typeof(quality_top1_agreement_stderr) IN ('real', 'null')),
    quality_rms_dp REAL CHECK (typeof(quality_rms_dp) IN ('real', 'null')),
    quality_log_ratio REAL CHECK (typeof(quality_log_ratio) IN ('real', 'null')),
    quality_log_ratio_stderr REAL CHECK (typeof(quality_log_ratio_stderr) IN ('real', 'null'))
)
""",
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
    kv_bytes_per_token INTEGER CHECK (typeof(kv_bytes_per_token) IN ('integer', 'null')),
    expert_bytes INTEGER CHECK (typeof(expert_bytes) IN ('integer', 'null')),
    expert_count INTEGER CHECK (typeof(expert_count) IN ('integer', 'null')),
    experts_used INTEGER CHECK (typeof(experts_used) IN ('integer', 'null')),
    state_bytes_per_sequence INTEGER CHECK (typeof(state_bytes_per_sequence) IN ('integer', 'null')),
    matmul_flops_per_token INTEGER CHECK (typeof(matmul_flops_per_token) IN ('integer', 'null')),
    output_flops_per_row INTEGER CHECK (typeof(output_flops_per_row) IN ('integer', 'null')),
    attention_flops_per_pair INTEGER CHECK (typeof(attention_flops_per_pair) IN ('integer', 'null'))
)
""",
    "run": """
CREATE TABLE run (
    run_id INTEGER PRIMARY KEY NOT NULL CHECK (typeof(run_id) IN ('integer')),
    cell_id INTEGER NOT NULL CHECK (typeof(cell_id) IN ('integer')) REFERENCES cell,
    repetition INTEGER NOT NULL CHECK (typeof(repetition) IN ('integer')),
    block INTEGER NOT NULL CHECK (typeof(block) IN ('integer')),
    status TEXT NOT NULL CHECK (typeof(status) IN ('text')),
    reason TEXT NOT NULL CHECK (typeof(reason) IN ('text')),
    is_valid INTEGER NOT NULL CHECK (typeof(is_valid) IN ('integer')),
    purpose TEXT NOT NULL CHECK (typeof(purpose) IN ('text')),
    flags TEXT NOT NULL CHECK (typeof(flags) IN ('text')),
    start_monotonic_ns INTEGER CHECK (typeof(start_monotonic_ns) IN ('integer', 'null')),
    start_utc TEXT CHECK (typeof(start_utc) IN ('text', 'null')),
    end_utc TEXT CHECK (typeof(end_utc) IN ('text', 'null')),
    specification TEXT NOT NULL CHECK (typeof(specification) IN ('text')),
    facts TEXT CHECK (typeof(facts) IN ('text', 'null')),
    log_tail TEXT NOT NULL CHECK (typeof(log_tail) IN ('text'))
)
""",
}
_NOT_IN_DENSE_MODELS = ("expert_bytes", "expert_count", "experts_used", "state_bytes_per_sequence")
_VALUES = {
    "model": {"type_mix": "'{}'"},
    # Version 2 knew the costs of models without these only. FLOPs stay NULL: they were not reckoned.
    "cell": dict.fromkeys(_NOT_IN_DENSE_MODELS, "CASE WHEN weight_bytes_per_ubatch IS NOT NULL THEN 0 END"),
    "run": {"purpose": "'measure'"},
}
"""New columns that are not NULL, with what they hold of an older file: SQL over its row."""


def from_2_to_3(connection: sqlite3.Connection) -> None:
    """Make the tables anew with more columns, within the caller's transaction; foreign keys are off."""
    for table, statement in _TABLES.items():
        before = ", ".join(COLUMNS_BEFORE[table])
        new, values = ", ".join(_VALUES[table]), ", ".join(_VALUES[table].values())
        connection.execute(f"CREATE TEMP TABLE before AS SELECT {before} FROM main.{table}")
        connection.execute(f"DROP TABLE main.{table}")
        connection.execute(statement.strip())
        connection.execute(f"INSERT INTO main.{table} ({before}, {new}) SELECT {before}, {values} FROM temp.before")
        connection.execute("DROP TABLE temp.before")
    connection.execute("CREATE INDEX run_of_cell ON run (cell_id)")
