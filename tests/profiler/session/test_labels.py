"""Titles, notes and tags kept in the session, and who may not write them."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from profiler.errors import BadFile, EnvironmentFault
from profiler.session.labels import Labels, parse_tags, read_labels, tags_text, write_labels
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter


@pytest.fixture
def own_file(tmp_path, session_file):
    """A copy, since these tests write into it."""
    return shutil.copy(session_file, tmp_path / session_file.name)


def labels_of(path):
    with SessionReader.open(path) as reader:
        return read_labels(reader)


def measured(path):
    """All that was measured, as the file holds it."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("model", "cell", "run", "figure", "chunk")
        }


def test_labels_are_kept_in_the_file_and_change_nothing_else(own_file):
    before = measured(own_file)
    write_labels(own_file, Labels("Evening", "After the driver's update.\nFan at 60 %.", {"driver": "550", "baseline": ""}))
    assert labels_of(own_file) == Labels("Evening", "After the driver's update.\nFan at 60 %.", {"driver": "550", "baseline": ""})
    write_labels(own_file, Labels("Evening", "", {"driver": "560"}))
    assert labels_of(own_file) == Labels("Evening", "", {"driver": "560"})
    assert measured(own_file) == before
    assert sorted(path.name for path in own_file.parent.glob(f"{own_file.name}*")) == [own_file.name]


def test_the_same_words_leave_the_file_alone(own_file):
    labels = labels_of(own_file)
    before = own_file.stat().st_mtime_ns
    write_labels(own_file, labels)
    assert own_file.stat().st_mtime_ns == before


def test_a_session_under_way_refuses_with_a_sentence(own_file):
    before = labels_of(own_file)
    with SessionWriter.open(own_file), pytest.raises(EnvironmentFault, match="is being written"):
        write_labels(own_file, Labels("Mine"))
    assert labels_of(own_file) == before


def test_a_file_that_may_not_be_written_refuses_with_a_sentence(own_file, monkeypatch):
    def read_only(path):
        raise EnvironmentFault(f"{path} may not be written; choose another folder or change its permissions.")

    monkeypatch.setattr("profiler.session.writer.connect_for_writing", read_only)
    with pytest.raises(EnvironmentFault, match="may not be written"):
        write_labels(own_file, Labels("Mine"))


def test_a_newer_file_and_no_session_refuse(own_file, tmp_path):
    with closing(sqlite3.connect(own_file)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(BadFile, match="newer"):
        write_labels(own_file, Labels("Mine"))
    other = tmp_path / "text.inferometer"
    other.write_text("no session")
    with pytest.raises(EnvironmentFault):
        write_labels(other, Labels("Mine"))


@pytest.mark.parametrize(
    ("text", "tags", "again"),
    [
        ("", {}, ""),
        ("baseline", {"baseline": ""}, "baseline"),
        (" driver :  550 , baseline,, ", {"driver": "550", "baseline": ""}, "baseline, driver: 550"),
        ("at: 10:30", {"at": "10:30"}, "at: 10:30"),
        ("a: 1, a: 2, : 3", {"a": "2"}, "a: 2"),
    ],
)
def test_tags_in_a_line(text, tags, again):
    assert parse_tags(text) == tags
    assert tags_text(tags) == again
    assert parse_tags(again) == tags
