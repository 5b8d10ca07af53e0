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


def test_a_step_that_fails_leaves_the_version_before_it(database):
    with pytest.raises(ZeroDivisionError):
        migrations.upgrade(database, [_second, _third, _broken])
    assert _version(database) == 3
    assert database.execute("SELECT x FROM added").fetchall() == [(3,)]
