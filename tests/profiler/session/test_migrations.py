import sqlite3

import pytest

from profiler.session import migrations


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA user_version = 1")
    yield connection
    connection.close()


def _version(connection):
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _second(connection):
    connection.execute("CREATE TABLE added (x)")


def _third(connection):
    connection.execute("INSERT INTO added VALUES (3)")


def _broken(connection):
    connection.execute("INSERT INTO added VALUES (4)")
    raise ZeroDivisionError


def test_steps_are_taken_in_order(database):
    migrations.upgrade(database, [_second, _third])
    assert _version(database) == 3
    assert database.execute("SELECT x FROM added").fetchall() == [(3,)]


def test_steps_already_taken_are_not_taken_again(database):
    migrations.upgrade(database, [_second])
    migrations.upgrade(database, [_second, _third])
    migrations.upgrade(database, [_second, _third])
    assert database.execute("SELECT x FROM added").fetchall() == [(3,)]


def test_a_step_that_fails_leaves_the_file_as_it_was(database):
    """All steps are one: views are those of the newest version, and would not fit a version in between."""
    with pytest.raises(ZeroDivisionError):
        migrations.upgrade(database, [_second, _third, _broken])
    assert _version(database) == 1
    assert database.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert not database.in_transaction
    migrations.upgrade(database, [_second, _third])
    assert _version(database) == 3


def test_references_are_enforced_again_afterwards(database):
    for enforced in (0, 1):
        database.execute("PRAGMA user_version = 1")
        database.execute(f"PRAGMA foreign_keys = {enforced}")
        migrations.upgrade(database, [lambda connection: None])
        assert database.execute("PRAGMA foreign_keys").fetchone() == (enforced,)


def test_views_are_made_anew(database):
    database.execute("CREATE VIEW run_metrics AS SELECT 1 AS old")
    migrations.upgrade(database, [_second])
    views = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'"))
    assert views.keys() == {"run_metrics", "cell_metrics"}
    assert "old" not in views["run_metrics"]
