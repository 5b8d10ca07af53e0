import pytest

from profiler.analysis.load_shape import class_names, is_closed, is_open, is_stationary
from profiler.records.specification import OPEN_LOOP, LoadSettings, RequestClass


def load(*classes):
    return LoadSettings(tuple(RequestClass(**each) for each in classes))


@pytest.mark.parametrize("arrival", sorted(OPEN_LOOP))
def test_open_loops(arrival):
    one = load({"arrival": arrival})
    assert is_open(one)
    assert not is_closed(one)
    assert is_stationary(one) is (arrival in ("constant", "poisson", "gamma"))


def test_other_loads_are_not_open():
    for classes in (
        [{"arrival": "closed", "users": 2}],
        [{"arrival": "closed", "users": 2}, {"arrival": "poisson"}],
        [{"arrival": "offline"}],
        [{"arrival": "offline"}, {"arrival": "poisson"}],
    ):
        assert not is_open(load(*classes))
        assert not is_stationary(load(*classes))
        assert is_closed(load(*classes)) is (classes[0]["arrival"] == "closed")


def test_a_mix_is_stationary_when_all_of_it_begins_at_once():
    steady = {"arrival": "poisson"}
    assert is_stationary(load(steady, {"arrival": "constant"}))
    assert not is_stationary(load(steady, {"arrival": "constant", "start_s": 5.0}))
    assert is_stationary(load({**steady, "start_s": 5.0}))
    assert not is_stationary(load(steady, {"arrival": "burst"}))
    assert not is_stationary(load({**steady, "turns": 3}))


def test_names_tell_classes_apart():
    assert class_names(load({"name": "chat"}, {"name": "paste"})) == ("chat", "paste")
    assert class_names(load({})) == ("class 1",)
    assert class_names(load({"name": "chat"}, {}, {"name": "chat"})) == ("chat 1", "class 2", "chat 3")
