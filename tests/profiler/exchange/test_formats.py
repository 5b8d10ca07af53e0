import shutil

import pytest

from profiler.errors import UnusableArguments
from profiler.exchange.formats import BY_NAME, FORMATS
from profiler.plan.plan import Engine, Load, Plan, Trust
from profiler.session.reader import SessionReader
from tests.helpers.served_session import write_served_session

WRITTEN_HERE = [name for name in BY_NAME if name != "png"]
"""A PNG is drawn by the window."""


def test_names():
    assert [item.name for item in FORMATS] == list(BY_NAME), "none twice"
    assert {"csv", "json", "parquet", "trace", "md", "llama-bench", "vllm", "session"} <= BY_NAME.keys()
    assert [item.name for item in FORMATS if item.anonymous is not None] == ["session"]


@pytest.fixture(scope="module")
def single_stream(tmp_path_factory):
    """A session in which every format finds something to write."""
    plan = Plan(load=Load(concurrency=(1,), output_tokens=(8,)), trust=Trust(repetitions=1), engine=Engine(threads=(1,)))
    return write_served_session(tmp_path_factory.mktemp("formats") / "a.inferometer", plan)


@pytest.mark.parametrize("name", WRITTEN_HERE)
def test_every_format_writes_what_it_says_and_replaces_it_only_with_force(tmp_path, single_stream, name):
    target = tmp_path / f"x{BY_NAME[name].suffix}"
    with SessionReader.open(single_stream) as reader:
        assert not BY_NAME[name].export(reader, target)
        assert target.is_dir() if BY_NAME[name].target == "folder" else target.is_file()
        with pytest.raises(UnusableArguments, match="--force"):
            BY_NAME[name].export(reader, target)
        BY_NAME[name].export(reader, target, force=True)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", WRITTEN_HERE)
def test_no_format_replaces_the_session_that_it_reads(tmp_path, single_stream, name):
    path = shutil.copy(single_stream, tmp_path / "a.inferometer")
    before = path.read_bytes()
    with SessionReader.open(path) as reader, pytest.raises(UnusableArguments):
        BY_NAME[name].export(reader, path, force=True)
    assert path.read_bytes() == before
