import json

import pytest

from profiler import paths
from profiler.errors import EnvironmentFault
from profiler.exchange.machine_prices import keep_prices, kept_prices
from profiler.records.machine_price import MachinePrice


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))


def test_prices_are_kept_beside_each_other_and_forgotten():
    assert kept_prices() == {}
    keep_prices({"a": MachinePrice(1200.0, "€"), "b": MachinePrice(900.0)})
    keep_prices({"b": None, "c": MachinePrice(5.0, "EUR")})
    assert kept_prices() == {"a": MachinePrice(1200.0, "€"), "c": MachinePrice(5.0, "EUR")}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 2, "machines": {}}', '{"format": 1, "machines": []}'])
def test_a_damaged_file_holds_nothing(text):
    file = paths.data_folder() / "machine_prices.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert kept_prices() == {}


def test_what_no_price_can_be_is_left_out():
    file = paths.data_folder() / "machine_prices.json"
    file.parent.mkdir(parents=True)
    machines = {"a": 3, "b": [-1, "x"], "c": ["x", 1], "d": [5, "EUR"], "e": [True, ""], "f": [1, 2, 3]}
    file.write_text(json.dumps({"format": 1, "machines": machines}))
    assert kept_prices() == {"d": MachinePrice(5.0, "EUR")}


def test_it_is_told_where_it_cannot_be_kept(tmp_path):
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(EnvironmentFault, match="cannot be kept"):
        keep_prices({"a": MachinePrice(1.0)})
