import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.records.message import GarbledStreamError, MessageKind, json_message, read_message, rows_message
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, no_rows


def test_messages_come_back_in_order_and_then_the_stream_ends():
    stream = io.BytesIO(json_message(MessageKind.HELLO, {"pid": 7}) + json_message(MessageKind.CANCEL, {}))
    first, second = read_message(stream), read_message(stream)
    assert (first.kind, first.document()) == (MessageKind.HELLO, {"pid": 7})
    assert second.kind is MessageKind.CANCEL
    assert read_message(stream) is None


def test_rows_keep_their_tables_and_columns():
    tokens = np.array([(1, 2, 3, 4), (5, 6, 7, -1)], TOKEN_DTYPE)
    message = read_message(
        io.BytesIO(rows_message({"request": no_rows(REQUEST_DTYPE), "token": tokens, "step": no_rows(STEP_DTYPE)}))
    )
    tables = message.tables()
    assert [len(rows) for rows in tables.values()] == [0, 2, 0]
    assert np.array_equal(tables["token"], tokens)


def test_a_cut_frame_is_the_stream_s_end():
    frame = json_message(MessageKind.RESULT, {"a": "b" * 50})
    assert read_message(io.BytesIO(frame[:-3])) is None


@given(st.binary(min_size=6, max_size=80))
def test_rubbish_is_garbled_or_ends_but_never_crashes(data):
    try:
        message = read_message(io.BytesIO(data))
        if message is not None and message.kind is MessageKind.ROWS:
            message.tables()
        elif message is not None:
            message.document()
    except GarbledStreamError:
        pass


@pytest.mark.parametrize("frame", [b"GGUF is not a message", b"\xff\xff\xff\xff\x10\x01", b"\x00\x00\x00\x00\x63\x01"])
def test_what_is_no_frame_is_told(frame):
    with pytest.raises(GarbledStreamError):
        read_message(io.BytesIO(frame))
