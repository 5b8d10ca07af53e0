import hashlib
import json
import os
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.errors import BadFile, EnvironmentFault
from profiler.scheduling import trace as trace_module
from profiler.scheduling.trace import content_hash, detect_format, read_trace

MOONCAKE = (
    '{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 2366]}\n'
    '{"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": [46, 47, 2367]}\n'
    '{"timestamp": 30535, "input_length": 400, "output_length": 1, "hash_ids": []}\n'
)
AZURE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:15:46.6805900,374,44\r\n"
    "2023-11-16 18:15:50.9951690,396,109\r\n"
    "2023-11-16 18:16:00.0000001,55,7\r\n"
)
BURSTGPT = (
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,ChatGPT,472,18,490,Conversation log\n"
    "45,ChatGPT,1087,0,1087,Conversation log\n"
    "118,GPT-4,417,276,693,API log\n"
)


@pytest.fixture
def written(tmp_path):
    def write(text, name="trace"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_mooncake_has_milliseconds_and_hash_blocks(written):
    trace = read_trace(written(MOONCAKE), "mooncake")
    assert trace.times_s.tolist() == [0.0, 3.053, 3.053]
    assert trace.prompt_tokens.tolist() == [6955, 6472, 400]
    assert trace.output_tokens.tolist() == [52, 26, 1]
    assert [row.tolist() for row in trace.blocks] == [[46, 47, 2366], [46, 47, 2367], []]
    assert (trace.block_tokens, trace.skipped) == (512, 0)
    assert (trace.times_s.dtype, trace.prompt_tokens.dtype, trace.output_tokens.dtype) == (np.float64, np.int32, np.int32)


def test_mooncake_without_hashes_has_no_blocks(written):
    trace = read_trace(written('{"timestamp": 0, "input_length": 5, "output_length": 6}\n\n'), "mooncake")
    assert (trace.blocks, trace.block_tokens) == (None, 0)


def test_azures_dates_keep_all_their_digits(written):
    trace = read_trace(written(AZURE), "azure")
    assert trace.times_s.tolist() == [0.0, 4.314579, 13.3194101]
    assert trace.prompt_tokens.tolist() == [374, 396, 55]
    assert trace.output_tokens.tolist() == [44, 109, 7]
    assert trace.blocks is None


def test_azures_later_traces_have_a_zone(written):
    rows = "2024-05-10 00:00:00.009930+00:00,1,2\n2024-05-10 02:00:01+02:00,3,4\n2024-05-10T00:00:02Z,5,6\n"
    trace = read_trace(written("TIMESTAMP,ContextTokens,GeneratedTokens\n" + rows), "azure")
    assert trace.times_s.tolist() == [0.0, 0.99007, 1.99007]


def test_burstgpts_failures_are_left_out_and_counted(written):
    trace = read_trace(written(BURSTGPT), "burstgpt")
    assert trace.times_s.tolist() == [0.0, 113.0]
    assert trace.prompt_tokens.tolist() == [472, 417]
    assert trace.output_tokens.tolist() == [18, 276]
    assert trace.skipped == 1


def test_any_table_with_three_named_columns(written):
    columns = ("when", "in", "out")
    table = read_trace(written('x,out,"in",when\na,3,128.0,1.5\n"b, c",4, 7 ,0.25\n'), "columns", columns)
    lines = read_trace(written('\n{"when": 1.5, "in": 128, "out": 3}\n{"out": 4, "in": 7, "when": 0.25}'), "columns", columns)
    for trace in (table, lines):
        assert trace.times_s.tolist() == [0.0, 1.25]
        assert trace.prompt_tokens.tolist() == [7, 128]  # the later row was the earlier request
        assert trace.output_tokens.tolist() == [4, 3]
    with pytest.raises(ValueError, match="three names"):
        read_trace(written("a,b\n"), "columns", ("a", "b"))


def test_rows_out_of_order_are_sorted_with_all_they_have(written):
    trace = read_trace(written("".join(reversed(MOONCAKE.splitlines(keepends=True)))), "mooncake")
    assert trace.times_s.tolist() == [0.0, 3.053, 3.053]
    assert trace.prompt_tokens.tolist() == [6955, 400, 6472]
    assert [row.tolist() for row in trace.blocks] == [[46, 47, 2366], [], [46, 47, 2367]]


def test_only_the_first_rows_are_read(written):
    trace = read_trace(written(BURSTGPT + "broken"), "burstgpt", rows=2)
    assert trace.prompt_tokens.tolist() == [472, 417]


def test_times_far_from_zero_keep_their_digits(written):
    rows = "\n".join(f'{{"timestamp": {1_700_000_000_000 + n}, "input_length": 1, "output_length": 1}}' for n in (0, 1, 5))
    assert read_trace(written(rows), "mooncake").times_s.tolist() == [0.0, 0.001, 0.005]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MOONCAKE, "mooncake"),
        ("\n\n" + MOONCAKE, "mooncake"),
        (AZURE, "azure"),
        ("\ufeff" + AZURE, "azure"),
        (BURSTGPT, "burstgpt"),
        (BURSTGPT.replace("Timestamp,", "Timestamp,Session ID,Elapsed time,"), "burstgpt"),
        ("time,in,out\n1,2,3\n", None),
        ('{"t": 1}\n', None),
        ("{broken\n", None),
        ("[" * 100_000, None),
        ('"never closed', None),
        ("", None),
        (b"\xff\xfe\x00\x01", None),
        (b"x" * 1_000_001, None),
    ],
)
def test_a_format_is_known_by_its_content(written, text, expected):
    assert detect_format(written(text)) == expected


def test_a_byte_order_mark_is_no_part_of_a_name(written):
    assert len(read_trace(written("\ufeff" + AZURE), "azure").times_s) == 3
    marked = read_trace(written('\ufeff{"a": 1, "b": 2, "c": 3}'), "columns", ("a", "b", "c"))
    assert marked.prompt_tokens.tolist() == [2]


LINE = '{"timestamp": %s, "input_length": %s, "output_length": %s, "hash_ids": %s}\n'


@pytest.mark.parametrize(
    ("format", "text", "match"),
    [
        ("mooncake", "", "no request to replay"),
        ("mooncake", "[1, 2]\n", "line 1: it is not a JSON object"),
        ("mooncake", MOONCAKE + "{oops\n", "line 4: it is not a JSON object"),
        ("mooncake", '{"timestamp": 1' + "[" * 500_000, "not a JSON object"),
        ("mooncake", '{"a":' * 100_000, "not a JSON object"),
        ("mooncake", '{"timestamp": 1, "input_length": 2}\n', "there is no 'output_length'"),
        ("mooncake", LINE % ("NaN", 1, 1, "[]"), "'timestamp' is nan, where a finite number"),
        ("mooncake", LINE % ("Infinity", 1, 1, "[]"), "'timestamp' is inf"),
        ("mooncake", LINE % ("1" + "0" * 400, 1, 1, "[]"), "'timestamp' is 1000"),
        ("mooncake", LINE % ("1" + "0" * 5000, 1, 1, "[]"), "not a JSON object"),
        ("mooncake", LINE % ("true", 1, 1, "[]"), "'timestamp' is True"),
        ("mooncake", LINE % ("null", 1, 1, "[]"), "'timestamp' is None"),
        ("mooncake", LINE % (1, 0, 1, "[]"), "'input_length' is 0, where a whole number from 1 to 10000000"),
        ("mooncake", LINE % (1, -3, 1, "[]"), "'input_length' is -3"),
        ("mooncake", LINE % (1, 1.5, 1, "[]"), "'input_length' is 1.5"),
        ("mooncake", LINE % (1, 1, 10_000_001, "[]"), "'output_length' is 10000001"),
        ("mooncake", LINE % (1, 1, "[[]]", "[]"), "'output_length' is"),
        ("mooncake", LINE % (1, 1, 1, '["a"]'), "'hash_ids' is"),
        ("mooncake", LINE % (1, 1, 1, "[true]"), "'hash_ids' is"),
        ("mooncake", LINE % (1, 1, 1, "7"), "'hash_ids' is 7, where a list"),
        ("mooncake", LINE % (1, 1, 1, [2**64]), "beyond 64 bits"),
        ("mooncake", LINE % (1, 1, 1, [1] * 20_001), "a list of 20001, where a list of at most 20000"),
        ("mooncake", LINE % (-1e300, 1, 1, "[]") + LINE % (1, 1, 1, "[]"), "spans more than"),
        ("mooncake", LINE % (-1.7e308, 1, 1, "[]") + LINE % (1.7e308, 1, 1, "[]"), "spans more than"),
        ("mooncake", b'{"timestamp": "\xff"}', "line 1: it is not UTF-8"),
        ("mooncake", "x" * 1_000_001, "line 1: the line is longer than 1000000 bytes"),
        ("azure", "TIMESTAMP,ContextTokens\n", "no column 'GeneratedTokens'"),
        ("azure", "", "no column 'TIMESTAMP'"),
        ("azure", AZURE + "2023-11-16 18:15:46,5\n", "line 5: the row has 2 values, where the header's 3"),
        ("azure", AZURE + "2023-13-16 18:15:46,5,6\n", "line 5: 'TIMESTAMP' is '2023-13-16 18:15:46', where a time like"),
        ("azure", AZURE + "12.5,5,6\n", "'TIMESTAMP' is '12.5'"),
        ("azure", AZURE + "2023-11-16 18:15:46,,6\n", "'ContextTokens' is ''"),
        ("azure", AZURE + "2023-11-16 18:15:46,1_000,6\n", "'ContextTokens' is '1_000'"),
        ("azure", AZURE + "0001-01-01 00:00:00+23:59,1,6\n", "spans more than"),
        ("azure", AZURE + '"2023', "not CSV"),
        ("azure", AZURE + '"' + "\n" * 200_000, "not CSV"),
        ("burstgpt", BURSTGPT.splitlines()[0] + "\n1,m,5,0,5,x\n", "no request to replay"),
        ("burstgpt", BURSTGPT + "9,m,5,-1,5,x\n", "'Response tokens' is '-1', where a whole number from 0"),
        ("burstgpt", BURSTGPT + "1e400,m,5,1,5,x\n", "'Timestamp' is '1e400'"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused_with_a_sentence(written, format, text, match):
    path = written(text)
    with pytest.raises(BadFile, match=match) as caught:
        read_trace(path, format)
    assert str(path) in caught.value.sentence
    assert len(caught.value.sentence) < len(str(path)) + 250


def test_sizes_are_bounded(written, monkeypatch):
    path = written(MOONCAKE)
    monkeypatch.setattr(trace_module, "MAX_ROWS", 2)
    with pytest.raises(BadFile, match="line 3: there are more than 2 rows"):
        read_trace(path, "mooncake")
    assert len(read_trace(path, "mooncake", rows=2).times_s) == 2
    monkeypatch.setattr(trace_module, "MAX_FILE_BYTES", 100)
    for look in (lambda: read_trace(path, "mooncake"), lambda: content_hash(path)):
        with pytest.raises(BadFile, match="where a trace has at most 100"):
            look()


@pytest.mark.parametrize("look", [content_hash, detect_format, lambda path: read_trace(path, "azure")])
def test_what_cannot_be_read_is_the_environments_fault(tmp_path, look):
    with pytest.raises(EnvironmentFault, match=r"missing.csv cannot be read \(No such file or directory\)"):
        look(tmp_path / "missing.csv")
    with pytest.raises(EnvironmentFault, match="is not a file"):
        look(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(EnvironmentFault, match="is not a file"):
        look(tmp_path / "pipe")
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        look("a\0b")


def test_the_hash_is_of_the_bytes(written):
    assert content_hash(written(AZURE)) == hashlib.sha256(AZURE.encode()).hexdigest()


requests = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(1, 10**7), st.integers(1, 10**7), st.lists(st.integers(0, 2**62), max_size=4)),
    min_size=1,
    max_size=20,
)


@given(requests)
@settings(max_examples=100, deadline=None)
def test_every_request_is_kept_in_order_of_time(tmp_path_factory, requests):
    path = tmp_path_factory.mktemp("traces") / "trace.jsonl"
    names = ("timestamp", "input_length", "output_length", "hash_ids")
    path.write_text("".join(json.dumps(dict(zip(names, each, strict=True))) + "\n" for each in requests))
    trace = read_trace(path, "mooncake")
    ordered = sorted(requests, key=lambda each: each[0])
    assert trace.times_s.tolist() == [(each[0] - ordered[0][0]) / 1000 for each in ordered]
    assert trace.prompt_tokens.tolist() == [each[1] for each in ordered]
    assert trace.output_tokens.tolist() == [each[2] for each in ordered]
    if any(each[3] for each in requests):
        assert [row.tolist() for row in trace.blocks] == [each[3] for each in ordered]
    else:
        assert trace.blocks is None


@given(st.binary(max_size=300), st.sampled_from(["mooncake", "azure", "burstgpt", "columns"]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory, data, format):
    path = tmp_path_factory.mktemp("traces") / "bytes"
    header = {"azure": AZURE, "burstgpt": BURSTGPT, "mooncake": MOONCAKE, "columns": "a,b,c\n1,2,3\n"}[format].encode()
    for content in (data, header + data):
        path.write_bytes(content)
        detect_format(path)
        with suppress(BadFile):
            trace = read_trace(path, format, ("a", "b", "c"))
            assert len(trace.times_s) == len(trace.prompt_tokens) == len(trace.output_tokens) > 0
            assert np.all(np.diff(trace.times_s) >= 0)
