"""Every fault of `tests.soak.fault_table`, `INFEROMETER_TIMES` (2) times each."""

import os
import sys

import pytest

from tests.soak import fault_table

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.skipif(sys.platform != "linux", reason="Linux's faults")]


def test_every_fault_ends_as_it_should(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fault_table", os.environ.get("INFEROMETER_TIMES", "2")])
    assert fault_table.main() == 0, capsys.readouterr().out
