"""What the columns of an export mean, in words: they travel in a Parquet file's schema.

The key "" holds what a row of the table is.
"""

from typing import Literal

_Words = dict[str, tuple[Literal["text", "integer", "real", "boolean"], str]]

CELL_WORDS: _Words = {
    "": ("text", "One configuration of the sweep; figures pool the raw values of its valid runs, or are the median over them."),
    "cell_id": ("integer", "number of the cell within the session"),
    "status": ("text", "pending, partial, done or failed"),
    "reason": ("text", "why it is no more than that"),
    "runs": ("integer", "valid runs"),
    "energy_meters": ("text", "the power meters that its energy is of, added up; absent where none was read"),
    "flags": ("text", "what casts doubt on its runs, each 'name: sentence'"),
}

REQUEST_COUNT_WORDS = {
    "completed": "requests of valid runs that got all their tokens",
    "failed": "requests of valid runs that were broken off by an error",
    "refused": "requests of valid runs that found the queue full",
    "timed_out": "requests of valid runs that were given up for having waited too long",
    "unfinished": "requests of valid runs that were under way at the end",
}

TOKEN_COUNT_WORDS = {
    "prompt": "prompt tokens of valid runs' requests that got a first token, cached ones included",
    "cached": "those of them that were taken from the prefix cache",
    "output": "tokens that valid runs wrote",
}

RUN_WORDS: _Words = {
    "": ("text", "One repetition of a cell. Only runs with status 'done' and is_valid true count in the cell's figures."),
    "cell_id": ("integer", "number of the cell within the session"),
    "run_id": ("integer", "number of the run within the session"),
    "repetition": ("integer", "from 1 within the cell"),
    "block": ("integer", "place in the interleaved order"),
    "status": ("text", "running, done, partial or failed"),
    "is_valid": ("boolean", "false where a flag or its purpose keeps it out of the cell's figures"),
    "purpose": ("text", "measure; in a search also short look, look or confirm"),
    "start_utc": ("text", "the run's origin on the wall clock, ISO 8601"),
    "reason": ("text", "why it is not done"),
    "flags": ("text", "what casts doubt on it, each 'name: sentence'"),
}

RAW_WORDS: dict[str, dict[str, str]] = {
    "request": {
        "": "One request of a run. Instants are nanoseconds since the run's origin, absent where they were never reached.",
        "request": "number within the run, in order of being due",
        "class": "name of its class of requests, empty for the only one",
        "user": "the closed loop's user, -1 where there are no users",
        "turn": "place in its conversation, from 1",
        "due_ns": "when the schedule says that it arrives",
        "sent_ns": "when the load generator handed it over",
        "prefill_start_ns": "when the first part of its prompt was about to be evaluated",
        "first_token_ns": "when its first output token became visible",
        "end_ns": "when its last token became visible, or it was refused or given up",
        "prompt_tokens": "length of its prompt",
        "cached_tokens": "prompt tokens taken from the prefix cache",
        "output_tokens": "tokens that it got",
        "status": "completed, unfinished, failed, refused or timed_out",
    },
    "token": {
        "": "One output token, in the order of time.",
        "request": "number of its request within the run",
        "step": "number of the step that made it, from 0 within the run",
        "time_ns": "when it became visible: the end of its step",
        "token": "vocabulary id, -1 where nobody looked",
    },
    "step": {
        "": "One decode call of a run, in the order of time.",
        "start_ns": "llama_decode is called",
        "end_ns": "after synchronizing and sampling: the stamp of its tokens",
        "decode_ns": "llama_decode and llama_synchronize",
        "loop_ns": "the loop's own work: filling, scheduling, sampling, stamping",
        "prefill_tokens": "prompt tokens evaluated",
        "decode_tokens": "tokens decoded",
        "sequences": "sequences in it",
        "outputs": "rows flagged for logits",
        "ubatches": "passes over the weights",
        "kv_useful_tokens": "sum of its sequences' KV lengths after it",
        "kv_scanned_tokens": "KV tokens that the layout makes llama.cpp read for them",
        "kv_used_cells": "KV cells held after it",
        "waiting": "requests due and not yet started",
        "in_system": "requests due and not yet ended, at its start",
        "cached_tokens": "prompt tokens that requests beginning with it took from the prefix cache",
        "evictions": "entries that the prefix cache gave up for them",
    },
    "samples": {
        "": "One reading of the telemetry.",
        "time_ns": "nanoseconds since the run's origin",
        "channel": "the reading in the unit that its name says, absent where it failed or was not made in this run",
    },
}
